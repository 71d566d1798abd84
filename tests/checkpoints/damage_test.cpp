// Damage and full disks: every changed bit is found and named, and a writer that ran out of space
// goes on once there is some again.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "checkpoints/seal.h"
#include "checkpoints/snapshot_store.h"
#include "core/files.h"
#include "tests/checkpoints/made_snapshot.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

void write_bytes(const fs::path& file, const Bytes& bytes) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
}

// Flips one bit in place.
void flip(const fs::path& file, size_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const char old = static_cast<char>(stream.get());
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(static_cast<char>(old ^ (1 << at % 8)));
}

struct SavedSnapshot {
    SavedSnapshot() {
        REQUIRE(store.ok());
        REQUIRE(store->save(made_tiny_snapshot(true, 1)).ok());
        REQUIRE(store->save(made_tiny_snapshot(true, 2)).ok());
        newest = store->list().back();
    }
    ScratchFolder folder;
    Result<SnapshotStore> store = SnapshotStore::open(folder.path());
    fs::path newest;
};

TEST_CASE("a flipped bit anywhere in a snapshot is found", "[checkpoints]") {
    const SavedSnapshot saved;
    const size_t size = fs::file_size(saved.newest);
    size_t at = 0;
    while (at < size) {
        flip(saved.newest, at);
        const Status intact = check_seal(saved.newest);
        INFO("byte " << at << " of " << size);
        REQUIRE_FALSE(intact.ok());
        flip(saved.newest, at);
        at += at < 2 * kSealBytes ? 1 : 1009;
    }
    CHECK(load_snapshot(saved.newest).ok());
}

TEST_CASE("the reason names the file and what differs, and the one before is used",
          "[checkpoints]") {
    const SavedSnapshot saved;
    const Bytes good = *read_file(saved.newest, 1U << 26);
    const auto refusal = [&](const Bytes& bytes) {
        write_bytes(saved.newest, bytes);
        const Result<Snapshot> read = load_snapshot(saved.newest);
        REQUIRE_FALSE(read.ok());
        CHECK(says(read.reason(), saved.newest.string()));
        CHECK(saved.store->load_latest()->round.value == 1);
        return read.reason();
    };
    Bytes changed = good;
    changed[good.size() / 2] ^= 0x01;
    CHECK(says(refusal(changed), "its SHA-256 is"));
    changed = good;
    changed[40] ^= 0x01;  // in the block's own text
    CHECK(says(refusal(changed), "damaged"));
    CHECK(says(refusal(Bytes(good.begin(), good.end() - 1)), "cut short"));
    CHECK(says(refusal(Bytes(good.begin(), good.begin() + 100)), "shorter than its first block"));
    CHECK(says(refusal(Bytes(good.size(), 0)), "first block"));
    changed = good;
    changed.push_back(0);
    CHECK(says(refusal(changed), "bytes behind its first block"));
    write_bytes(saved.newest, good);
    CHECK(saved.store->load_latest()->round.value == 2);
}

TEST_CASE("what was sealed must also have its roots", "[checkpoints]") {
    const SavedSnapshot saved;
    // As if memory had been damaged before the file was written.
    const size_t size = fs::file_size(saved.newest);
    int by_root = 0;
    for (const size_t at : {size / 2, size / 2 + 4096, size / 2 + 40960}) {
        flip(saved.newest, at);
        REQUIRE(seal_file(saved.newest).ok());
        const Result<Snapshot> read = load_snapshot(saved.newest);
        by_root += !read.ok() && says(read.reason(), "Merkle root") ? 1 : 0;
        flip(saved.newest, at);
    }
    CHECK(by_root == 3);
}

// 0 if saving under a limit of `bytes` a file fails well, and succeeds once the limit is gone.
int save_under_limit(const SnapshotStore& store, const fs::path& folder, rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t whole = limit.rlim_cur;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Status saved = store.save(made_tiny_snapshot(true, 2));
    limit.rlim_cur = whole;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    if (saved || saved.reason().find(folder.string()) == std::string::npos) {
        return 1;
    }
    if (std::distance(fs::directory_iterator(folder), fs::directory_iterator()) != 1) {
        return 2;
    }
    if (!store.save(made_tiny_snapshot(true, 3))) {
        return 3;
    }
    const Result<Snapshot> latest = store.load_latest();
    return latest && latest->round.value == 3 ? 0 : 4;
}

TEST_CASE("a disk that is full at any point harms nothing and is forgotten later",
          "[checkpoints]") {
    for (const double share : {0.0, 0.01, 0.3, 0.6, 0.9, 0.999}) {
        const ScratchFolder folder;
        Result<SnapshotStore> store = SnapshotStore::open(folder.path());
        REQUIRE(store->save(made_tiny_snapshot(true, 1)).ok());
        const auto size = static_cast<double>(fs::file_size(store->list().front()));
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::_exit(save_under_limit(*store, folder.path(), static_cast<rlim_t>(share * size)));
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        INFO("limit at " << share << " of the file");
        REQUIRE(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
        CHECK(store->load_latest()->round.value == 3);
    }
}

}  // namespace
}  // namespace assay
