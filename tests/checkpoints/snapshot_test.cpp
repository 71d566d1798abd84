// Snapshots: bits come back, damage is named, and a killed writer leaves nothing half-written.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "checkpoints/snapshot_store.h"
#include "core/descriptors.h"
#include "core/merkle.h"
#include "core/rng.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/skip.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

ModelShape tiny_shape() {
    ModelShape shape;
    shape.vocab = 300;
    shape.width = 16;
    shape.layers = 1;
    shape.heads = 2;
    shape.kv_heads = 1;
    shape.head_width = 8;
    shape.ffn_width = 24;
    shape.context = 16;
    return shape;
}

Snapshot make_snapshot(uint64_t round) {
    Snapshot snapshot;
    snapshot.round.value = round;
    snapshot.run_name = "test";
    snapshot.manifest = sha256("manifest", {});
    snapshot.config_text = "a=b\n";
    snapshot.shape = tiny_shape();
    snapshot.theta = initial_parameters(snapshot.shape, derive_seed(Digest{}, "t", {round}));
    snapshot.accumulator = snapshot.theta;
    return snapshot;
}

void damage_file(const fs::path& file, size_t position) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(position));
    const char old = static_cast<char>(stream.get());
    stream.seekp(static_cast<std::streamoff>(position));
    stream.put(static_cast<char>(old ^ 0x10));
}

TEST_CASE("a snapshot comes back bit for bit, by age and by root", "[checkpoints]") {
    const ScratchFolder folder;
    Result<SnapshotStore> store = SnapshotStore::open(folder.path());
    REQUIRE(store.ok());
    CHECK_FALSE(store->load_latest().ok());
    for (uint64_t round = 1; round <= 3; ++round) {
        REQUIRE(store->save(make_snapshot(round)).ok());
    }
    Result<Snapshot> latest = store->load_latest();
    REQUIRE(latest.ok());
    const Snapshot expected = make_snapshot(3);
    CHECK(latest->round.value == 3);
    CHECK(latest->theta == expected.theta);
    CHECK(latest->accumulator == expected.accumulator);
    CHECK(latest->momentum.empty());
    CHECK(latest->shape == expected.shape);
    CHECK(latest->config_text == expected.config_text);
    CHECK(latest->manifest == expected.manifest);
    Result<Snapshot> second = load_snapshot(store->list()[1]);
    REQUIRE(second.ok());
    CHECK(second->round.value == 2);
    REQUIRE(store->prune(1).ok());
    CHECK(store->list().size() == 1);
}

// A round is reached from a snapshot that stands before it, with at most so many steps between.
TEST_CASE("each round of the window stays within reach of a snapshot, and few are kept",
          "[checkpoints]") {
    constexpr uint64_t kKeep = 2;
    const uint64_t window = GENERATE(as<uint64_t>{}, 1, 3, 8);
    const uint64_t voided =
        GENERATE(as<uint64_t>{}, 0, 1);  // a round without a step leaves no snapshot
    CAPTURE(window, voided);
    const ScratchFolder folder;
    Result<SnapshotStore> store = SnapshotStore::open(folder.path());
    for (uint64_t round = 1; round <= 40; ++round) {
        if (voided > 0 && round % 5 == 0) {
            continue;
        }
        const fs::path file = folder.file("round-" + std::to_string(10000000 + round) + "-ab.h5");
        std::ofstream(file) << "not read";
        REQUIRE(store->prune(kKeep, window).ok());
        const std::vector<fs::path> files = store->list();
        CHECK(files.size() <= kKeep + 3);
        const uint64_t oldest = round > window ? round - window : 0;
        const bool reached = std::any_of(files.begin(), files.end(), [&](const fs::path& kept) {
            const uint64_t at = snapshot_round(kept).value().value - 10000000;
            return at <= oldest && at + 2 * window + voided >= oldest;
        });
        CHECK((reached || oldest <= 2 * window));  // else from the run's first state
    }
    CHECK_FALSE(snapshot_round("round-7.h5"));
    CHECK_FALSE(snapshot_round("model-00000007-ab.h5"));
}

TEST_CASE("a damaged newest snapshot is named and the one before is used", "[checkpoints]") {
    const ScratchFolder folder;
    Result<SnapshotStore> store = SnapshotStore::open(folder.path());
    REQUIRE(store->save(make_snapshot(1)).ok());
    REQUIRE(store->save(make_snapshot(2)).ok());
    const fs::path newest = store->list().back();
    const size_t size = fs::file_size(newest);
    for (const size_t position : {size / 3, size / 2, size - 100}) {
        damage_file(newest, position);
        Result<Snapshot> direct = load_snapshot(newest);
        if (!direct) {
            CHECK(direct.reason().find(newest.filename().string()) != std::string::npos);
            Result<Snapshot> latest = store->load_latest();
            REQUIRE(latest.ok());
            CHECK(latest->round.value == 1);
        }
        damage_file(newest, position);
    }
    damage_file(newest, size / 2);
    CHECK_FALSE(load_snapshot(newest).ok());
    fs::resize_file(newest, size / 2);
    CHECK_FALSE(load_snapshot(newest).ok());
    CHECK(store->load_latest()->round.value == 1);
}

TEST_CASE("a full disk leaves a clear reason and the older snapshot", "[checkpoints]") {
    const ScratchFolder folder;
    Result<SnapshotStore> store = SnapshotStore::open(folder.path());
    REQUIRE(store->save(make_snapshot(1)).ok());
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{40000, 40000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const Status saved = store->save(make_snapshot(2));
        ::_exit(!saved && saved.reason().find("disk full") != std::string::npos ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(store->list().size() == 1);
    CHECK(store->load_latest()->round.value == 1);
    CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

// Connections may have taken all others: some are kept back for what must be durable.
TEST_CASE("a snapshot is written and read though no descriptor is left", "[checkpoints]") {
    const ScratchFolder folder;
    Result<SnapshotStore> store = SnapshotStore::open(folder.path());
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        (void)raise_descriptor_limit();
        while (::open("/dev/null", O_RDONLY) >= 0) {
        }
        const bool saved = store->save(make_snapshot(1)).ok();
        ::_exit(saved && store->load_latest().ok() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(store->list().size() == 1);
}

TEST_CASE("a writer that is killed leaves the older snapshots whole", "[checkpoints]") {
    const ScratchFolder folder;
    Result<SnapshotStore> store = SnapshotStore::open(folder.path());
    REQUIRE(store->save(make_snapshot(1)).ok());
    for (int attempt = 0; attempt < 8; ++attempt) {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        const pid_t child = ::fork();
        if (child == 0) {
            for (uint64_t round = 2;; ++round) {
                (void)::write(ready[1], "x", 1);
                (void)store->save(make_snapshot(round));
            }
        }
        char byte = 0;
        for (int i = 0; i <= attempt; ++i) {
            REQUIRE(::read(ready[0], &byte, 1) == 1);
        }
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ::close(ready[0]);
        ::close(ready[1]);
        for (const fs::path& file : store->list()) {
            CHECK(load_snapshot(file).ok());
        }
        REQUIRE(store->prune(2).ok());
    }
}

TEST_CASE("ordinary HDF5 tools read a snapshot", "[checkpoints][needs_hdf5_tools]") {
    if (std::system("command -v h5dump > /dev/null") != 0) {
        skip_case("h5dump is not installed (Debian: hdf5-tools)");
        return;
    }
    const ScratchFolder folder;
    Result<SnapshotStore> store = SnapshotStore::open(folder.path());
    REQUIRE(store->save(make_snapshot(1)).ok());
    const std::string command = "h5dump -H -d /model/model.norm.weight " +
                                store->list().front().string() + " | grep -q H5T_IEEE_F32LE";
    CHECK(std::system(command.c_str()) == 0);
}

}  // namespace
}  // namespace assay
