// Who reads a ledger, or writes to it, while its coordinator does: other programs, and processes
// that may write nothing.

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>

#include "ledger/sqlite_ledger.h"
#include "tests/ledger/batches.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

// Another program's connection to a ledger.
class Tool {
public:
    explicit Tool(const std::filesystem::path& file) {
        REQUIRE(sqlite3_open(file.c_str(), &database_) == SQLITE_OK);
    }
    ~Tool() {
        sqlite3_finalize(reading_);
        sqlite3_close(database_);
    }
    Tool(const Tool&) = delete;
    Tool& operator=(const Tool&) = delete;

    int run(const char* sql) { return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr); }
    // Begins to read all records, and stays in the middle of it.
    void begin_reading() {
        REQUIRE(sqlite3_prepare_v2(database_, "SELECT body FROM record", -1, &reading_, nullptr) ==
                SQLITE_OK);
        REQUIRE(sqlite3_step(reading_) == SQLITE_ROW);
    }
    // Reads on to the end; how many more there were.
    int read_on() {
        int more = 0;
        while (sqlite3_step(reading_) == SQLITE_ROW) {
            ++more;
        }
        return more;
    }

private:
    sqlite3* database_ = nullptr;
    sqlite3_stmt* reading_ = nullptr;
};

// How many batches the ledger has; 100 if it cannot be read.
int batches_in(const std::filesystem::path& file) {
    const auto reader = SqliteLedger::open_readonly(file);
    return reader ? static_cast<int>(check_batches(**reader)) : 100;
}

// Whether any SQLite tool can read the ledger.
bool is_plain(const std::filesystem::path& file) {
    sqlite3* tool = nullptr;
    const bool plain =
        sqlite3_open_v2(file.c_str(), &tool, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
        sqlite3_exec(tool, "SELECT count(*) FROM record", nullptr, nullptr, nullptr) == SQLITE_OK;
    sqlite3_close(tool);
    return plain;
}

// A process that may write nothing here; of an age with the test, as no connection outlives a fork.
class Nobody {
public:
    Nobody() {
        REQUIRE(::pipe(asks_) == 0);
        REQUIRE(::pipe(answers_) == 0);
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) {
            ::close(asks_[1]);
            answer_all();
        }
    }
    ~Nobody() {
        ::close(asks_[1]);
        ::waitpid(child_, nullptr, 0);
        for (const int fd : {asks_[0], answers_[0], answers_[1]}) {
            ::close(fd);
        }
    }
    Nobody(const Nobody&) = delete;
    Nobody& operator=(const Nobody&) = delete;

    int batches_in(const std::filesystem::path& file) { return ask('b', file); }
    bool finds_plain(const std::filesystem::path& file) { return ask('p', file) == 1; }

private:
    int ask(char what, const std::filesystem::path& file) {
        const std::string words = what + file.string() + "\n";
        REQUIRE(::write(asks_[1], words.data(), words.size()) ==
                static_cast<ssize_t>(words.size()));
        int answer = -1;
        REQUIRE(::read(answers_[0], &answer, sizeof(answer)) == sizeof(answer));
        return answer;
    }
    [[noreturn]] void answer_all() const {
        constexpr uid_t kNobody = 65534;
        const bool left = ::getuid() != 0 || (::setgid(kNobody) == 0 && ::setuid(kNobody) == 0);
        std::string words;
        for (char letter = 0; left && ::read(asks_[0], &letter, 1) == 1;) {
            if (letter != '\n') {
                words += letter;
                continue;
            }
            const std::string file = words.substr(1);
            const int answer = words[0] == 'b' ? assay::batches_in(file) : int{is_plain(file)};
            words.clear();
            if (::write(answers_[1], &answer, sizeof(answer)) != sizeof(answer)) {
                break;
            }
        }
        ::_exit(0);
    }

    int asks_[2] = {-1, -1};
    int answers_[2] = {-1, -1};
    pid_t child_ = -1;
};

}  // namespace

TEST_CASE("Readers see whole batches while the coordinator writes, and may read a copy") {
    ScratchFolder folder;
    const auto file = folder.path() / "ledger.sqlite";
    auto writer = opened(file);
    for (uint64_t batch = 0; batch < 8; ++batch) {
        REQUIRE(writer->append(batch_of(batch, 3)).ok());
        auto reader = SqliteLedger::open_readonly(file).value();
        REQUIRE(check_batches(*reader) == batch + 1);
        REQUIRE(reader->run() == kRun);
        REQUIRE(reader->coordinator() == coordinator().id());
        REQUIRE(reader->append(batch_of(batch, 1)).reason().find("reading alone") !=
                std::string::npos);
        // The writer goes on beside an open reader, which keeps its view.
        REQUIRE(writer->append({}).ok());
    }
    auto early = SqliteLedger::open_readonly(file).value();
    REQUIRE(writer->append(batch_of(8, 2)).ok());
    REQUIRE(check_batches(*early) == 8);
    early.reset();
    writer->checkpoint();
    const auto copy = folder.path() / "copy.sqlite";
    std::filesystem::copy_file(file, copy);
    std::filesystem::permissions(copy, std::filesystem::perms::owner_read);
    REQUIRE(check_batches(*SqliteLedger::open_readonly(copy).value()) == 9);
}

TEST_CASE("Whoever reads a ledger, for as long as he likes, does not stop its writer") {
    ScratchFolder folder;
    const auto file = folder.path() / "ledger.sqlite";
    auto writer = opened(file, SqliteLedgerOptions{0, 0, nullptr});
    REQUIRE(writer->append(batch_of(0, 3)).ok());
    Tool tool(file);
    tool.begin_reading();
    for (uint64_t batch = 1; batch < 50; ++batch) {
        const Status appended = writer->append(batch_of(batch, 3));
        INFO((appended ? "" : appended.reason()));
        REQUIRE(appended.ok());
        writer->checkpoint();
    }
    CHECK(tool.read_on() == 2);  // what was there when it began
    CHECK(check_batches(*SqliteLedger::open_readonly(file).value()) == 50);
    writer.reset();
    CHECK(check_batches(*opened(file)) == 50);
}

TEST_CASE("A tool that writes to a ledger is waited for as long as its owner wants") {
    ScratchFolder folder;
    const auto file = folder.path() / "ledger.sqlite";
    std::unique_ptr<Tool> tool;
    int64_t waited = 0;
    bool goes_on = true;
    SqliteLedgerOptions options;
    options.lock_wait_ms = 0;
    options.wait_on = [&](int64_t ms) {
        waited = ms;
        if (goes_on && ms > 30) {
            tool.reset();
        }
        return goes_on;
    };
    auto writer = opened(file, options);
    tool = std::make_unique<Tool>(file);
    REQUIRE(tool->run("BEGIN IMMEDIATE") == SQLITE_OK);
    CHECK(writer->append(batch_of(0, 3)).ok());
    CHECK(waited > 30);
    tool = std::make_unique<Tool>(file);
    REQUIRE(tool->run("BEGIN IMMEDIATE") == SQLITE_OK);
    goes_on = false;
    CHECK(writer->append(batch_of(1, 3)).reason().find("another process writes") !=
          std::string::npos);
    tool.reset();
    CHECK(writer->append(batch_of(1, 3)).ok());
    CHECK(check_batches(*writer) == 2);
}

TEST_CASE("A ledger is read where nothing may be written, while it runs, copied and at rest") {
    Nobody nobody;
    ScratchFolder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
    const auto file = folder.path() / "led%ger.sqlite";
    auto writer = opened(file);
    for (uint64_t batch = 0; batch < 5; ++batch) {
        REQUIRE(writer->append(batch_of(batch, 3)).ok());
    }
    const int seen = nobody.batches_in(file);
    CHECK((seen == 4 || seen == 5));  // what it may look at lags by one at most
    // Copies beside a running coordinator, or what a crash left: with and without FILE-wal.
    writer->checkpoint();
    REQUIRE(writer->append(batch_of(5, 3)).ok());
    const auto copy = [&](const std::string& name, const std::vector<std::string>& ends) {
        const auto to = folder.path() / name;
        std::filesystem::create_directory(to);
        for (const std::string& end : ends) {
            std::filesystem::copy_file(file.string() + end, to / ("copy" + end));
        }
        return to / "copy";
    };
    const auto alone = copy("alone", {""});
    const auto whole = copy("whole", {"", "-wal", "-shm"});
    const auto no_index = copy("no_index", {"", "-wal"});
    CHECK(nobody.batches_in(alone) == 5);
    CHECK(nobody.batches_in(whole) == 6);
    CHECK(batches_in(whole) == 6);
    CHECK(nobody.batches_in(no_index) == 100);
    CHECK(batches_in(no_index) == 6);
    writer.reset();
    CHECK_FALSE(std::filesystem::exists(file.string() + "-wal"));
    CHECK(nobody.batches_in(file) == 6);
    CHECK(nobody.finds_plain(file));
}

}  // namespace assay
