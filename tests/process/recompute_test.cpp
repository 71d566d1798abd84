// A third party with a copy of a coordinator's folder, without its keys: judges rounds again, names
// what a crooked coordinator wrote otherwise, and judges what a peer can prove.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>

#include "cli/command_line.h"
#include "coordinator/run_folder.h"
#include "core/files.h"
#include "ledger/ledger_verify.h"
#include "ledger/sqlite_ledger.h"
#include "protocol/codec.h"
#include "tests/process/world.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

constexpr int kJudgedRounds = 6;
constexpr uint64_t kRound = 4;  // in the verdict window of the run's end

std::vector<Record> records_of(const fs::path& folder) {
    const auto ledger = SqliteLedger::open_readonly(RunFolderPaths{folder}.ledger()).value();
    return ledger->read(0, ledger->height()).value();
}

// What `assay ledger recompute` reads, and nothing else.
fs::path copy_of(const ProcessWorld& world, const std::string& name) {
    const RunFolderPaths from{world.coordinator_folder()};
    const RunFolderPaths to{world.folder() / name};
    fs::create_directories(to.root);
    fs::copy(from.ledger(), to.ledger());
    for (const char* const part : {"blobs", "data", "snapshots"}) {
        fs::copy(from.root / part, to.root / part, fs::copy_options::recursive);
    }
    return to.root;
}

// The coordinator's ledger up to the end of the round, as it would be if it had written what `edit`
// makes of the round's judgement: chained and signed by its own key.
void rewrite(const ProcessWorld& world,
             const fs::path& folder,
             uint64_t round,
             const std::function<void(RecordDraft&)>& edit) {
    const RunFolderPaths paths{world.coordinator_folder()};
    std::vector<RecordDraft> drafts;
    bool judged = false;
    for (const Record& record : records_of(paths.root)) {
        RecordDraft draft{record.kind, record.round, record.subject, record.body};
        const bool ours = record.round == RoundId{round};
        judged = judged || (ours && record.kind == RecordKind::kVerdict);
        if (judged && ours) {
            edit(draft);
        }
        drafts.push_back(std::move(draft));
        if (ours && record.kind == RecordKind::kSummary) {
            break;
        }
    }
    const auto start = RunStartBody::decode(drafts.front().body).value();
    const Digest run = manifest_digest(decode_manifest(start.manifest).value());
    for (const char* const part : {"", "-wal", "-shm"}) {
        fs::remove(RunFolderPaths{folder}.ledger().string() + part);
    }
    const auto ledger =
        SqliteLedger::open(
            RunFolderPaths{folder}.ledger(), Identity::load(paths.key()).value(), run)
            .value();
    const Status written = ledger->append(std::move(drafts));
    REQUIRE(written.ok());
}

struct Said {
    int code = 0;
    std::string text;
};

Said recompute(ProcessWorld& world, const fs::path& folder, uint64_t round) {
    const auto [code, text] = world.assay(
        {"ledger", "recompute", "--dir", folder.string(), "--round", std::to_string(round)});
    return {code, text};
}

void check_honest_rounds(ProcessWorld& world, const fs::path& copy) {
    for (uint64_t round = kJudgedRounds - 3; round < kJudgedRounds; ++round) {
        const Said said = recompute(world, copy, round);
        INFO(said.text);
        CHECK(said.code == kExitOk);
        CHECK_THAT(said.text, Contains("2 verdicts with their shares"));
        CHECK_THAT(said.text, Contains("aggregate, theta"));
        CHECK_THAT(said.text, Contains("8 audits"));
    }
    const Said old = recompute(world, copy, 1);  // its window has passed
    INFO(old.text);
    CHECK(old.code == kExitVerification);
    CHECK_THAT(old.text, Contains("MISSING") && Contains("opening"));
    CHECK(recompute(world, copy, 99).code == kExitFailed);
}

void check_crooked(ProcessWorld& world) {
    const fs::path copy = copy_of(world, "crooked");
    const auto differs = [&](const std::function<void(RecordDraft&)>& edit) {
        rewrite(world, copy, kRound, edit);
        const Said said = recompute(world, copy, kRound);
        INFO(said.text);
        CHECK(said.code == kExitVerification);
        CHECK_THAT(said.text, Contains("DIFFERS") && Contains("does NOT recompute"));
        return said.text;
    };
    PeerId blamed;
    std::string text = differs([&](RecordDraft& draft) {
        if (draft.kind == RecordKind::kVerdict && blamed == PeerId{}) {
            Verdict verdict = decode_verdict(draft.body).value();
            verdict.ruling = Ruling::kGated;
            verdict.layer = Layer::kDirection;
            draft.body = encode_verdict(verdict);
            blamed = draft.subject;
        }
    });
    CHECK_THAT(text, Contains("peer " + blamed.brief() + ", verdict: the ledger says gated"));
    blamed = {};
    text = differs([&](RecordDraft& draft) {
        if (draft.kind == RecordKind::kPayShare && draft.subject != PeerId{} &&
            blamed == PeerId{}) {
            PayShareBody share = PayShareBody::decode(draft.body).value();
            share.phi_nano_nats += 5;
            draft.body = share.encode();
            blamed = draft.subject;
        }
    });
    CHECK_THAT(text, Contains("peer " + blamed.brief() + ", share in 1e-9 nat"));
    text = differs([](RecordDraft& draft) {
        if (draft.kind == RecordKind::kSummary) {
            RoundSummary summary = decode_body<RoundSummary>(draft.body).value();
            summary.theta_root.bytes[0] ^= 1;
            summary.aggregate.sha256.bytes[0] ^= 1;
            draft.body = encode_body(summary);
        }
    });
    CHECK_THAT(text, Contains("theta: the ledger says") && Contains("aggregate: the ledger says"));
}

void check_missing(ProcessWorld& world) {
    const fs::path copy = copy_of(world, "torn");
    for (const Record& record : records_of(copy)) {
        if (record.kind == RecordKind::kPayload && record.round == RoundId{kRound}) {
            const std::string name = PayloadBody::decode(record.body).value().sha256.hex();
            const fs::path blobs = RunFolderPaths{copy}.blobs();
            CHECK(fs::remove(blobs / "private" / name) != fs::remove(blobs / "public" / name));
            const Said said = recompute(world, copy, kRound);
            INFO(said.text);
            CHECK(said.code == kExitVerification);
            CHECK_THAT(said.text,
                       Contains("MISSING: peer " + record.subject.brief() + ", payload"));
            return;
        }
    }
    FAIL("the round has no payload");
}

void check_dispute(ProcessWorld& world, const fs::path& copy) {
    const std::string file = (world.folder() / "dispute.txt").string();
    const auto [wrote, words] = world.assay({"dispute",
                                             "--dir",
                                             (world.folder() / "p1").string(),
                                             "--round",
                                             std::to_string(kRound),
                                             "--out",
                                             file});
    INFO(words);
    REQUIRE(wrote == kExitOk);
    const auto verify = [&](const fs::path& folder) {
        const auto [code, text] = world.assay({"ledger",
                                               "verify",
                                               "--dir",
                                               folder.string(),
                                               "--manifest",
                                               (world.folder() / "p1" / "manifest.bin").string(),
                                               "--receipt",
                                               file});
        return Said{code, text};
    };
    const Said honest = verify(copy);
    INFO(honest.text);
    CHECK(honest.code == kExitOk);
    for (const char* const what : {"COMMIT", "payload", "opening", "CLOSE", "summary"}) {
        CHECK_THAT(honest.text, Contains("the ledger says it too: ") && Contains(what));
    }
    const fs::path cut = copy_of(world, "cut");
    rewrite(world, cut, kRound - 1, [](RecordDraft&) {});
    const Said denied = verify(cut);
    INFO(denied.text);
    CHECK(denied.code == kExitVerification);
    CHECK_THAT(denied.text, Contains("CONTRADICTS the receipt of the COMMIT"));
}

TEST_CASE("a copy of a coordinator's folder is judged again, round by round, and disputed",
          "[process]") {
    ProcessWorld world(kJudgedRounds, 2);
    world.start_coordinator();
    world.start_peer("p1");
    world.start_peer("p2");
    world.await_finish();
    const fs::path copy = copy_of(world, "copy");
    check_honest_rounds(world, copy);
    check_crooked(world);
    check_missing(world);
    check_dispute(world, copy);
}

}  // namespace
}  // namespace assay
