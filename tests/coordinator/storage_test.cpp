// The loop's way to the disk: what a slow one holds up, and what it does not.

#include "coordinator/storage.h"

#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/folder_blob_store.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/some_bytes.h"

namespace assay {
namespace {

// A disk whose syncs wait until they are let go, and fail if told so.
class HeldDisk : public FileSystem {
public:
    Status write(const std::filesystem::path& file, uint64_t offset, ByteSpan bytes) override {
        return real_.write(file, offset, bytes);
    }
    Result<Bytes> read(const std::filesystem::path& file,
                       uint64_t offset,
                       uint64_t length) override {
        return real_.read(file, offset, length);
    }
    Result<uint64_t> size(const std::filesystem::path& file) override { return real_.size(file); }
    Status sync(const std::filesystem::path& file) override {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !held_; });
        return fails_ ? Status(fail("cannot sync " + file.string() + ": Input/output error"))
                      : Status();
    }
    Status sync_folder(const std::filesystem::path&) override { return {}; }
    Status link(const std::filesystem::path& from, const std::filesystem::path& to) override {
        return real_.link(from, to);
    }
    Status rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
        return real_.rename(from, to);
    }
    Status remove(const std::filesystem::path& file) override { return real_.remove(file); }
    std::vector<std::string> list(const std::filesystem::path& folder) override {
        return real_.list(folder);
    }
    Status make_folder(const std::filesystem::path& folder) override {
        return real_.make_folder(folder);
    }

    void hold(bool held) {
        const std::lock_guard lock(mutex_);
        held_ = held;
        changed_.notify_all();
    }
    void fail_syncs() {
        const std::lock_guard lock(mutex_);
        fails_ = true;
    }

private:
    FileSystem& real_ = real_file_system();
    std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    bool fails_ = false;
};

Persist records(uint64_t count) {
    Persist persist;
    for (uint64_t i = 0; i < count; ++i) {
        persist.drafts.push_back({RecordKind::kFee, RoundId{}, {}, Bytes(10)});
    }
    return persist;
}

// A storage in a folder of its own, and a loop's view of it.
struct Subject {
    ScratchFolder folder;
    HeldDisk disk;
    std::unique_ptr<FolderBlobStore> store =
        FolderBlobStore::open(folder.path() / "blobs", disk).value();
    Identity coordinator = Identity::generate();
    Digest run = sha256_plain(as_bytes("run"));
    std::filesystem::path file = folder.path() / "ledger.sqlite";
    Storage storage;
    Instant now{1000000};

    Subject() {
        REQUIRE(storage
                    .open(*store,
                          [this](SqliteLedgerOptions options) {
                              return SqliteLedger::open(file, coordinator, run, std::move(options));
                          })
                    .ok());
    }
    ~Subject() {
        disk.hold(false);
        storage.give_up();
    }

    [[nodiscard]] BlobStored put(size_t size) const {
        const BlobRef blob = store->put(some_bytes(size), Visibility::kPrivate).value();
        return {{}, RoundId{}, BlobPurpose::kPayload, blob.sha256, blob.size_bytes};
    }
    // What the loop performs now: the texts of notes, "records" for a Persist.
    std::vector<std::string> performed() {
        std::vector<std::string> words;
        while (const std::optional<Action> action = storage.next()) {
            const auto* note = std::get_if<Note>(&*action);
            words.push_back(note == nullptr ? "records" : note->text);
        }
        return words;
    }
    // Turns without time passing until something is told, or the disk has failed.
    Result<std::vector<Event>> await_told() {
        while (true) {
            Result<std::vector<Event>> told = storage.turn(now);
            if (!told || !told->empty()) {
                return told;
            }
            std::this_thread::yield();
        }
    }
    void await_rest() {
        while (storage.is_busy()) {
            REQUIRE(storage.turn(now).ok());
            std::this_thread::yield();
        }
    }
};

using Words = std::vector<std::string>;

TEST_CASE("what stands behind records is performed once they are durable", "[coordinator]") {
    Subject s;
    s.storage.push({Note{"first"}, records(2), Note{"second"}, records(1), Note{"third"}});
    CHECK(s.performed() == Words{"first"});
    REQUIRE(s.storage.turn(s.now).ok());
    CHECK(s.storage.is_busy());
    s.await_rest();
    CHECK(s.performed() == Words{"records", "second", "records", "third"});
    CHECK(s.storage.is_settled());
    s.storage.close();
    const auto ledger = SqliteLedger::open_readonly(s.file);
    CHECK((*ledger)->height() == 3);
}

TEST_CASE("a slow disk holds up what must be durable, and moves deadlines on, as long as it takes",
          "[coordinator]") {
    Subject s;
    const BlobStored blob = s.put(1000);
    s.disk.hold(true);
    s.storage.arrived(blob);
    s.storage.push({records(1), Note{"behind"}});
    REQUIRE(s.storage.turn(s.now)->empty());
    for (const int64_t step : {60, 5000, 3600000}) {
        s.now = s.now + DurationMs{step};
        const Result<std::vector<Event>> told = s.storage.turn(s.now);
        REQUIRE(told.ok());
        REQUIRE(told->size() == 1);
        CHECK(std::get<Stalled>(told->front()).time == DurationMs{step});
        CHECK(s.performed().empty());
        CHECK_FALSE(s.store->answer({blob.sha256, 0, 10}, true).missing);  // it may be read
    }
    s.now = s.now + DurationMs{10};
    CHECK(s.storage.turn(s.now)->empty());  // as fast as a disk is
    s.disk.hold(false);
    const Result<std::vector<Event>> told = s.await_told();
    REQUIRE(told.ok());
    REQUIRE(told->size() == 1);
    CHECK(std::get<BlobStored>(told->front()).sha256 == blob.sha256);
    CHECK(s.performed() == Words{"records", "behind"});
}

TEST_CASE("of a blob that nobody needs any more the machine does not hear", "[coordinator]") {
    Subject s;
    const BlobStored kept = s.put(1000);
    const BlobStored gone = s.put(1001);
    s.disk.hold(true);
    s.storage.arrived(kept);
    s.storage.arrived(gone);
    REQUIRE(s.storage.turn(s.now).ok());
    s.storage.keep_only({kept.sha256});
    REQUIRE(s.store->keep_only({kept.sha256}).ok());
    s.disk.hold(false);
    const Result<std::vector<Event>> told = s.await_told();
    REQUIRE(told.ok());
    REQUIRE(told->size() == 1);
    CHECK(std::get<BlobStored>(told->front()).sha256 == kept.sha256);
}

TEST_CASE("a disk that fails is said in words, and nothing behind it is performed",
          "[coordinator]") {
    Subject s;
    s.disk.fail_syncs();
    s.storage.arrived(s.put(1000));
    s.storage.push({records(1), Note{"behind"}});
    const Result<std::vector<Event>> told = s.await_told();
    REQUIRE_FALSE(told.ok());
    CHECK_THAT(told.reason(),
               Catch::Contains("goes on after a restart") && Catch::Contains("Input/output error"));
    CHECK(s.performed().empty());
}

TEST_CASE("another program that writes to the ledger is waited for, until it ends or we do",
          "[coordinator]") {
    Subject s;
    sqlite3* tool = nullptr;
    REQUIRE(sqlite3_open(s.file.c_str(), &tool) == SQLITE_OK);
    REQUIRE(sqlite3_exec(tool, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    s.storage.push({records(1), Note{"behind"}});
    REQUIRE(s.storage.turn(s.now)->empty());
    s.now = s.now + DurationMs{60000};
    CHECK(std::get<Stalled>(s.storage.turn(s.now)->at(0)).time == DurationMs{60000});
    const bool tool_ends = GENERATE(true, false);
    if (tool_ends) {
        REQUIRE(sqlite3_exec(tool, "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK);
        s.await_rest();
        CHECK(s.performed() == Words{"records", "behind"});
    } else {
        s.storage.give_up();
        const Result<std::vector<Event>> told = s.await_told();
        REQUIRE_FALSE(told.ok());
        CHECK_THAT(told.reason(), Catch::Contains("another process writes to the file"));
        CHECK(s.performed().empty());
    }
    sqlite3_close(tool);
}

}  // namespace
}  // namespace assay
