// The ledger on disk: reopening, a full disk, kill -9.

#include "ledger/sqlite_ledger.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "core/files.h"
#include "ledger/memory_ledger.h"
#include "tests/ledger/batches.h"
#include "tests/ledger/test_run.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

void execute(const std::filesystem::path& file, const std::string& sql) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
    char* error = nullptr;
    const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error);
    INFO((error == nullptr ? "" : error));
    CHECK(code == SQLITE_OK);
    sqlite3_free(error);
    sqlite3_close(database);
}

}  // namespace

TEST_CASE("A ledger is what it was after it is closed and opened again") {
    ScratchFolder folder;
    const auto file = folder.path() / "ledger.sqlite";
    Digest head;
    {
        auto ledger = opened(file);
        REQUIRE(ledger->height() == 0);
        REQUIRE(ledger->head().is_zero());
        const std::vector<RecordDraft> drafts = batch_of(0, 3);
        head = head_behind(ledger->height(), ledger->head(), drafts);
        REQUIRE(ledger->append(drafts).ok());
        REQUIRE(ledger->head() == head);
    }
    auto ledger = opened(file);
    REQUIRE(ledger->height() == 3);
    REQUIRE(ledger->head() == head);
    REQUIRE(ledger->append(batch_of(1, 2)).ok());
    REQUIRE(ledger->append({}).ok());
    REQUIRE(check_batches(*ledger) == 2);
    REQUIRE(ledger->read(4, 100).value().size() == 1);
    REQUIRE(ledger->read(5, 1).value().empty());
    REQUIRE(ledger->read(UINT64_MAX, UINT64_MAX).value().empty());
}

TEST_CASE("A ledger of another run, coordinator, schema or of nothing is refused in words") {
    ScratchFolder folder;
    const auto file = folder.path() / "ledger.sqlite";
    REQUIRE(opened(file)->append(batch_of(0, 2)).ok());
    const auto reason = [&](const Identity& key, const Digest& run) {
        auto result = SqliteLedger::open(file, key, run);
        return result.ok() ? std::string() : result.reason();
    };
    REQUIRE(reason(coordinator(), test_digest("other")).find("belongs to run") !=
            std::string::npos);
    REQUIRE(reason(Identity::from_seed(kRun), kRun).find("signed by coordinator") !=
            std::string::npos);
    execute(file, "UPDATE record SET previous = zeroblob(32) WHERE height = 1");
    REQUIRE(reason(coordinator(), kRun).find("does not chain") != std::string::npos);
    REQUIRE(SqliteLedger::open_readonly(file).ok());  // so that verify can name the record
    execute(file, "DELETE FROM record WHERE height = 0");
    REQUIRE(reason(coordinator(), kRun).find("missing") != std::string::npos);
    execute(file, "PRAGMA user_version = 2");
    REQUIRE(reason(coordinator(), kRun).find("schema 2") != std::string::npos);

    const auto text = folder.path() / "notes.txt";
    REQUIRE(write_file_atomically(text, as_bytes(std::string(5000, 'x'))).ok());
    REQUIRE(SqliteLedger::open(text, coordinator(), kRun).reason().find("no ledger file") !=
            std::string::npos);
    REQUIRE(SqliteLedger::open_readonly(folder.path() / "absent").reason().find("no ledger") !=
            std::string::npos);
    REQUIRE_FALSE(std::filesystem::exists(folder.path() / "absent"));
}

TEST_CASE("A second writer is refused instead of forking the chain") {
    ScratchFolder folder;
    const auto file = folder.path() / "ledger.sqlite";
    auto first = opened(file);
    auto second = opened(file);
    REQUIRE(first->append(batch_of(0, 2)).ok());
    REQUIRE(second->append(batch_of(0, 1)).reason().find("another process has written") !=
            std::string::npos);
    REQUIRE(second->height() == 0);
    REQUIRE(check_batches(*SqliteLedger::open_readonly(file).value()) == 1);
}

TEST_CASE("A full disk is said in words and leaves the chain at the last whole batch") {
    ScratchFolder folder;
    const auto file = folder.path() / "ledger.sqlite";
    auto ledger = opened(file, SqliteLedgerOptions{40, 1000, nullptr});
    uint64_t batch = 0;
    Status status;
    while ((status = ledger->append(batch_of(batch, 20))).ok()) {
        ++batch;
        REQUIRE(batch < 1000);
    }
    REQUIRE(batch > 0);
    INFO(status.reason());
    REQUIRE(status.reason().find("disk is full") != std::string::npos);
    REQUIRE(status.reason().find("nothing of a batch of 20 records was stored") !=
            std::string::npos);
    REQUIRE(check_batches(*ledger) == batch);
    REQUIRE(check_batches(*SqliteLedger::open_readonly(file).value()) == batch);
    ledger.reset();
    ledger = opened(file);  // space again
    REQUIRE(ledger->append(batch_of(batch, 20)).ok());
    REQUIRE(check_batches(*ledger) == batch + 1);
}

TEST_CASE("What cannot be stored is refused before anything is written") {
    ScratchFolder folder;
    auto ledger = opened(folder.path() / "ledger.sqlite");
    std::vector<RecordDraft> drafts = batch_of(0, 2);
    drafts[1].body.resize(kRecordBodyBytesMax + 1);
    REQUIRE_FALSE(ledger->append(drafts).ok());
    drafts[1] = {static_cast<RecordKind>(99), RoundId{}, {}, {}};
    REQUIRE_FALSE(ledger->append(drafts).ok());
    drafts[1] = {RecordKind::kFee, RoundId{UINT64_MAX}, {}, {}};
    REQUIRE_FALSE(ledger->append(drafts).ok());
    REQUIRE(ledger->height() == 0);
}

TEST_CASE("A bit flipped in a stored row is named", "[repeats]") {
    ScratchFolder folder;
    MemoryLedger memory(coordinator());
    TestRun run(memory, 3, PaySettings{});
    run.round();
    const auto file = folder.path() / "ledger.sqlite";
    const Digest digest = manifest_digest(run.manifest);
    {
        auto ledger = SqliteLedger::open(file, coordinator(), digest).value();
        std::vector<RecordDraft> drafts;
        for (const Record& record : all_records(memory)) {
            drafts.push_back({record.kind, record.round, record.subject, record.body});
        }
        REQUIRE(ledger->append(drafts).ok());
        REQUIRE(ledger->head() == memory.head());
    }
    REQUIRE(verify_ledger(*SqliteLedger::open_readonly(file).value(), run.checks()).ok());
    const auto bad_at = [&](const std::string& sql) {
        const auto copy = folder.path() / "damaged.sqlite";
        std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing);
        execute(copy, sql);
        const VerifyReport report =
            verify_ledger(*SqliteLedger::open_readonly(copy).value(), run.checks());
        INFO(sql << ": " << report.text());
        REQUIRE(report.bad);
        return report.bad->height;
    };
    for (uint64_t height = 0; height < memory.height(); ++height) {
        const std::string where = " WHERE height = " + std::to_string(height);
        const Record& record = memory.stored()[height];
        Bytes flipped = record.body;
        flipped[flipped.size() / 3] ^= 4;
        REQUIRE(bad_at("UPDATE record SET body = x'" + to_hex(flipped) + "'" + where) == height);
        REQUIRE(bad_at("UPDATE record SET kind = kind + 1" + where) == height);
        REQUIRE(bad_at("UPDATE record SET round = round + 1" + where) == height);
        REQUIRE(bad_at("UPDATE record SET signature = zeroblob(63)" + where) == height);
    }
    REQUIRE(bad_at("DELETE FROM record WHERE height = 0") == 0);
}

namespace {

[[noreturn]] void append_forever(const std::filesystem::path& file,
                                 int acknowledge,
                                 uint64_t batch) {
    Result<std::unique_ptr<SqliteLedger>> ledger = SqliteLedger::open(file, coordinator(), kRun);
    while (ledger.ok()) {
        const auto size = static_cast<uint32_t>(1 + batch * 7 % 9);
        if (!(*ledger)->append(batch_of(batch, size)).ok()) {
            break;
        }
        ++batch;
        if (::write(acknowledge, &batch, sizeof(batch)) != sizeof(batch)) {
            break;
        }
    }
    ::_exit(1);
}

}  // namespace

TEST_CASE("After kill -9 at any moment every acknowledged batch is there, and no part of another",
          "[repeats]") {
    ScratchFolder folder;
    const auto file = folder.path() / "ledger.sqlite";
    CounterRng rng(test_digest("kill"));
    uint64_t batches = 0;
    for (int round = 0; round < 25; ++round) {
        int pipe_ends[2] = {};
        REQUIRE(::pipe(pipe_ends) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::close(pipe_ends[0]);
            append_forever(file, pipe_ends[1], batches);
        }
        ::close(pipe_ends[1]);
        uint64_t acknowledged = batches;
        for (uint64_t wanted = rng.below(5); wanted > 0; --wanted) {
            REQUIRE(::read(pipe_ends[0], &acknowledged, sizeof(acknowledged)) ==
                    sizeof(acknowledged));
        }
        // Some instants further into whatever the child does now.
        volatile uint64_t spin = rng.below(6000000);
        while (spin > 0) {
            spin = spin - 1;
        }
        ::kill(child, SIGKILL);
        int state = 0;
        REQUIRE(::waitpid(child, &state, 0) == child);
        REQUIRE(WIFSIGNALED(state));
        uint64_t last = 0;
        while (::read(pipe_ends[0], &last, sizeof(last)) == sizeof(last)) {
            acknowledged = last;
        }
        ::close(pipe_ends[0]);
        batches = check_batches(*opened(file));
        REQUIRE(batches >= acknowledged);
        REQUIRE(batches <= acknowledged + 1);  // durable, killed before it could say so
    }
    REQUIRE(batches > 0);
}

}  // namespace assay
