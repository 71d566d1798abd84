// A coordinator that is killed in each phase of a round, found by what is durable in its ledger.

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <set>

#include "coordinator/run_folder.h"
#include "ledger/bodies.h"
#include "ledger/sqlite_ledger.h"
#include "protocol/codec.h"
#include "tests/process/world.h"

namespace assay {
namespace {

// Two passes over the phases; a phase that was missed comes again in the next round.
constexpr int kKilledRounds = 30;
constexpr size_t kPeers = 2;

Result<std::vector<Record>> records_of(const ProcessWorld& world) {
    SqliteLedgerOptions options;
    options.lock_wait_ms = 20;  // a coordinator may stand still in the midst of a recovery
    Result<std::unique_ptr<SqliteLedger>> ledger =
        SqliteLedger::open_readonly(RunFolderPaths{world.coordinator_folder()}.ledger(), options);
    return ledger ? (*ledger)->read(0, (*ledger)->height())
                  : Result<std::vector<Record>>(ledger.error());
}

size_t count(const std::vector<Record>& records, RoundId round, RecordKind kind) {
    return static_cast<size_t>(
        std::count_if(records.begin(), records.end(), [&](const Record& record) {
            return record.round == round && record.kind == kind;
        }));
}

// The round whose plan is the newest.
std::optional<RoundId> newest_round(const std::vector<Record>& records) {
    const auto plan = std::find_if(records.rbegin(), records.rend(), [](const Record& record) {
        return record.kind == RecordKind::kPlan;
    });
    return plan == records.rend() ? std::nullopt : std::optional<RoundId>(plan->round);
}

// In which phase the newest round stands, as a restart reads it; "" while none runs.
std::string durable_phase(const std::vector<Record>& records) {
    const std::optional<RoundId> round = newest_round(records);
    if (!round || count(records, *round, RecordKind::kSummary) > 0) {
        return "";
    }
    const auto has = [&](RecordKind kind) { return count(records, *round, kind); };
    if (has(RecordKind::kBeacon) > 0) {
        return has(RecordKind::kOpening) < has(RecordKind::kCommit) ? "challenging" : "judging";
    }
    return has(RecordKind::kCommit) < kPeers ? "gathering" : "uploading";
}

// Reads the ledger again and again until it ends in `phase`, stops the coordinator there, and kills
// it. Returns the phase that its ledger ends in, which a last record can have moved on.
std::string kill_in(ProcessWorld& world, const std::string& phase) {
    constexpr int kLookEveryMs = 20;  // a phase lasts longer: a peer answers in it
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    const RunFolderPaths paths{world.coordinator_folder()};
    FolderWatch watch(paths.root, paths.ledger().filename().string() + "-wal");
    const auto stands_there = [&] {
        const Result<std::vector<Record>> seen = records_of(world);
        return seen && durable_phase(*seen) == phase;
    };
    while (std::chrono::steady_clock::now() < deadline) {
        if (const Status running = world.still_running(); !running) {
            FAIL(phase + ": " + running.reason());
        }
        if (stands_there()) {
            world.coordinator().signal(SIGSTOP);
            if (stands_there()) {
                world.coordinator().signal(SIGKILL);
                world.coordinator().wait(10000);
                const Result<std::vector<Record>> last = records_of(world);
                return last ? durable_phase(*last) : "";
            }
            world.coordinator().signal(SIGCONT);
        }
        watch.await_change(kLookEveryMs);
    }
    FAIL("the run came by no durable state of " + phase + ":\n" + world.log_of("coordinator"));
    return "";
}

// Every COMMIT that was accepted is in its round's one summary, and nobody is paid twice for it. In
// the rounds of `closed` those whose payload had come were counted.
void check_books(const std::vector<Record>& records, const std::set<RoundId>& closed) {
    std::map<RoundId, std::set<PeerId>> committed;
    std::map<RoundId, std::set<PeerId>> answered;
    std::set<std::pair<RoundId, PeerId>> shares;
    std::set<std::pair<RoundId, PeerId>> vested;
    std::set<RoundId> settled;
    std::set<std::pair<RoundId, PeerId>> sent;
    size_t counted = 0;
    for (const Record& record : records) {
        INFO("record " << record.height << ", round " << record.round.value);
        if (record.kind == RecordKind::kCommit) {
            CHECK(committed[record.round].insert(record.subject).second);
        } else if (record.kind == RecordKind::kPayload) {
            sent.emplace(record.round, record.subject);
        } else if (record.kind == RecordKind::kPayShare) {
            CHECK(shares.emplace(record.round, record.subject).second);
        } else if (record.kind == RecordKind::kSettlement) {
            CHECK(settled.insert(record.round).second);
        } else if (record.kind == RecordKind::kVesting) {
            const Result<VestingBody> body = VestingBody::decode(record.body);
            REQUIRE(body.ok());
            CHECK((body->source != VestingSource::kReward ||
                   vested.emplace(record.round, record.subject).second));
        } else if (record.kind == RecordKind::kSummary) {
            const Result<RoundSummary> summary = decode_body<RoundSummary>(record.body);
            REQUIRE(summary.ok());
            CHECK(answered.count(record.round) == 0);
            for (const SummaryEntry& entry : summary->entries) {
                INFO(entry.reason);
                CHECK(answered[record.round].insert(entry.peer).second);
                CHECK(entry.outcome != CommitOutcome::kRejected);
                CHECK((closed.count(record.round) == 0 ||
                       sent.count({record.round, entry.peer}) == 0 ||
                       entry.outcome == CommitOutcome::kCounted));
                counted += entry.outcome == CommitOutcome::kCounted ? 1 : 0;
            }
        }
    }
    CHECK(answered == committed);
    CHECK(counted > 0);
    for (const auto& [round, peer] : vested) {
        CHECK(shares.count({round, peer}) == 1);
    }
}

TEST_CASE("a coordinator that is killed in each phase goes on where it was", "[process]") {
    ProcessWorld world(kKilledRounds, kPeers);
    world.start_coordinator();
    for (const char* name : {"p1", "p2"}) {
        world.start_peer(name);
    }
    std::set<RoundId> closed;
    for (int pass = 0; pass < 2; ++pass) {
        std::set<std::string> hit;
        for (const std::string phase : {"gathering", "uploading", "challenging", "judging"}) {
            while (hit.count(phase) == 0) {
                hit.insert(kill_in(world, phase));
                const Result<std::vector<Record>> found = records_of(world);
                const std::string stands = found ? durable_phase(*found) : "";
                if (stands == "challenging" || stands == "judging") {
                    closed.insert(*newest_round(*found));
                }
                world.start_coordinator();
            }
        }
    }
    world.await_finish();
    world.check_honest({"p1", "p2"});
    const Result<std::vector<Record>> records = records_of(world);
    REQUIRE(records.ok());
    CHECK(closed.size() >= 2);
    check_books(*records, closed);
    CHECK(count(*records, RoundId{kKilledRounds - 1}, RecordKind::kSummary) == 1);
}

}  // namespace
}  // namespace assay
