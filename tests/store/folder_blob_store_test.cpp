// Blobs on disk: what is in the folder, restarts, damage, and a full disk. What every store does is
// tested beside (blob_store_test.cpp).

#include "store/folder_blob_store.h"

#include <catch2/catch.hpp>

#include "core/files.h"
#include "protocol/limits.h"
#include "tests/store/full_disk.h"
#include "tests/support/check_fires.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/some_bytes.h"

namespace assay {

namespace fs = std::filesystem;

namespace {

size_t files_below(const fs::path& folder) {
    size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
}

}  // namespace

TEST_CASE("a blob comes back, named by its plain hash, also after a restart") {
    const ScratchFolder folder;
    const Bytes bytes = some_bytes(100000);
    BlobRef blob;
    {
        const auto store = FolderBlobStore::open(folder.path()).value();
        blob = store->put(bytes, Visibility::kPrivate).value();
        CHECK(blob.sha256 == sha256_plain(bytes));
        CHECK(blob.size_bytes == 100000);
        REQUIRE(store->make_durable(std::span(&blob.sha256, 1)).ok());
    }
    const auto store = FolderBlobStore::open(folder.path()).value();
    CHECK(store->get(blob.sha256, 1U << 20).value() == bytes);
    CHECK(fs::file_size(folder.path() / "private" / blob.sha256.hex()) == 100000);
    CHECK(files_below(folder.path()) == 1);
    CHECK(read_file(folder.path() / "private" / blob.sha256.hex(), 1U << 20).value() == bytes);
    CHECK_THAT(store->get(blob.sha256, 99999).reason(), Catch::Contains("at most 99999"));
    REQUIRE(store->remove(blob.sha256).ok());
    CHECK_FALSE(store->has(blob.sha256));
    CHECK(files_below(folder.path()) == 0);
    CHECK(store->remove(blob.sha256).ok());
}

TEST_CASE("an empty blob is a blob") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path()).value();
    const BlobRef blob = store->put({}, Visibility::kPublic).value();
    CHECK(store->has(blob.sha256));
    CHECK(store->get(blob.sha256, 0).value().empty());
}

TEST_CASE("a private blob is not given to strangers before it is made public") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path()).value();
    const Bytes bytes = some_bytes(1000);
    const BlobRef blob = store->put(bytes, Visibility::kPrivate).value();
    const BlobRequest request{blob.sha256, 100, 300};
    CHECK(store->answer(request, false).missing);
    CHECK(store->answer(request, false).data.empty());
    CHECK_FALSE(store->answer(request, true).missing);
    REQUIRE(store->make_public(blob.sha256).ok());
    const BlobPiece piece = store->answer(request, false);
    CHECK_FALSE(piece.missing);
    CHECK(piece.offset == 100);
    CHECK(piece.data == Bytes(bytes.begin() + 100, bytes.begin() + 400));
    CHECK(store->make_public(blob.sha256).ok());
    CHECK_FALSE(store->make_public(sha256_plain(as_bytes("none"))).ok());
    CHECK(store->put(bytes, Visibility::kPrivate).ok());
    CHECK_FALSE(store->answer(request, false).missing);  // it does not become private again
}

TEST_CASE("putting a private blob as public shows it") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path()).value();
    const Bytes bytes = some_bytes(10);
    (void)store->put(bytes, Visibility::kPrivate);
    const BlobRef blob = store->put(bytes, Visibility::kPublic).value();
    CHECK_FALSE(store->answer({blob.sha256, 0, 10}, false).missing);
    CHECK(files_below(folder.path()) == 1);
}

TEST_CASE("ranges outside a blob are answered with missing, the last one is cut") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path()).value();
    const Digest blob = store->put(some_bytes(1000), Visibility::kPublic).value().sha256;
    CHECK(store->answer({blob, 900, 300}, false).data.size() == 100);
    CHECK(store->answer({blob, 1000, 1}, false).missing);
    CHECK(store->answer({blob, UINT64_MAX, 1}, false).missing);
    CHECK(store->answer({blob, 0, 300000}, false).missing);
    CHECK(store->answer({sha256_plain({}), 0, 1}, false).missing);
}

TEST_CASE("a blob that arrives in parts goes on after a restart") {
    const ScratchFolder folder;
    const Bytes bytes = some_bytes(3000000);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    {
        const auto store = FolderBlobStore::open(folder.path()).value();
        CHECK(store->begin(blob).value() == 0);
        REQUIRE(store->append(blob.sha256, ByteSpan(bytes).first(2000000)).ok());
        CHECK_FALSE(store->has(blob.sha256));
    }
    const auto store = FolderBlobStore::open(folder.path()).value();
    CHECK(store->begin(blob).value() == 2000000);
    REQUIRE(store->append(blob.sha256, ByteSpan(bytes).subspan(2000000)).ok());
    REQUIRE(store->finish(blob.sha256, Visibility::kPublic).ok());
    CHECK(store->get(blob.sha256, 1U << 30).value() == bytes);
    CHECK(files_below(folder.path()) == 1);
    CHECK_FALSE(store->answer({blob.sha256, 0, 1}, false).missing);
}

// As after a crash of the machine: what was never synced may be whole, or hold anything.
TEST_CASE("a blob that had arrived and was not durable arrives anew, and is looked at again") {
    const ScratchFolder folder;
    const Bytes bytes = some_bytes(1000);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    const bool damaged = GENERATE(false, true);
    {
        const auto store = FolderBlobStore::open(folder.path()).value();
        REQUIRE(store->begin(blob).ok());
        REQUIRE(store->append(blob.sha256, bytes).ok());
        REQUIRE(store->finish(blob.sha256, Visibility::kPrivate).ok());
        CHECK(store->has(blob.sha256));
    }
    const fs::path file = folder.path() / "incoming" / blob.sha256.hex();
    REQUIRE((!damaged || write_file_atomically(file, Bytes(1000)).ok()));
    const auto store = FolderBlobStore::open(folder.path()).value();
    CHECK_FALSE(store->has(blob.sha256));
    CHECK(store->begin(blob).value() == 1000);
    CHECK(store->finish(blob.sha256, Visibility::kPrivate).ok() == !damaged);
}

TEST_CASE(
    "neither put nor an arrival waits for the disk, and a batch syncs each of its files once") {
    const ScratchFolder folder;
    FullDisk disk(1U << 20);
    const auto store = FolderBlobStore::open(folder.path(), disk).value();
    (void)disk.syncs();
    std::vector<Digest> blobs;
    for (uint64_t i = 0; i < 20; ++i) {
        const Bytes bytes = some_bytes(100 + i);
        blobs.push_back(sha256_plain(bytes));
        if (i % 2 == 0) {
            REQUIRE(store->put(bytes, Visibility::kPublic).ok());
            continue;
        }
        REQUIRE(store->begin({blobs.back(), bytes.size(), {}}).ok());
        REQUIRE(store->append(blobs.back(), bytes).ok());
        REQUIRE(store->finish(blobs.back(), Visibility::kPrivate).ok());
    }
    CHECK(disk.syncs() == 0);
    REQUIRE(store->make_durable(blobs).ok());
    CHECK(disk.syncs() == 20 + 2);  // where they arrived, and where what was put goes
    CHECK(files_below(folder.path() / "public") == 10);
    CHECK(files_below(folder.path() / "private") == 10);
    for (const Digest& blob : blobs) {
        CHECK(store->get(blob, 1000).ok());
    }
    REQUIRE(store->make_durable(blobs).ok());
    CHECK(disk.syncs() == 0);
}

// As after a crash that lost the way from one folder to the other, which nobody waited for.
TEST_CASE("a durable blob that has arrived is found where it arrived, if it is whole") {
    const ScratchFolder folder;
    const Bytes bytes = some_bytes(1000);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    {
        const auto store = FolderBlobStore::open(folder.path()).value();
        REQUIRE(store->begin(blob).ok());
        REQUIRE(store->append(blob.sha256, bytes).ok());
        REQUIRE(store->finish(blob.sha256, Visibility::kPrivate).ok());
        REQUIRE(store->make_durable(std::span(&blob.sha256, 1)).ok());
    }
    const fs::path arrived = folder.path() / "incoming" / blob.sha256.hex();
    fs::rename(folder.path() / "private" / blob.sha256.hex(), arrived);
    const auto store = FolderBlobStore::open(folder.path()).value();
    CHECK(store->get(blob.sha256, 1000).value() == bytes);
    CHECK_FALSE(store->get(blob.sha256, 999).ok());
    REQUIRE(store->keep_only({blob.sha256}).ok());
    CHECK(store->get(blob.sha256, 1000).ok());
    REQUIRE(write_file_atomically(arrived, ByteSpan(bytes).first(900)).ok());
    CHECK_THAT(store->get(blob.sha256, 1000).reason(), Catch::Contains("is not here"));
    REQUIRE(store->keep_only({}).ok());
    CHECK(files_below(folder.path()) == 0);
}

TEST_CASE("a blob that is removed while others are made durable is passed over") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path()).value();
    const Digest kept = store->put(some_bytes(10), Visibility::kPublic).value().sha256;
    const Digest gone = store->put(some_bytes(20), Visibility::kPublic).value().sha256;
    REQUIRE(store->remove(gone).ok());
    const Digest both[] = {gone, kept};
    REQUIRE(store->make_durable(both).ok());
    CHECK(files_below(folder.path() / "public") == 1);
    CHECK_FALSE(store->has(gone));
}

TEST_CASE("an arriving blob with wrong bytes, too few or too many, is thrown away") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path()).value();
    const Bytes bytes = some_bytes(1000);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    REQUIRE(store->begin(blob).ok());
    CHECK_THAT(store->append(blob.sha256, Bytes(1001)).reason(), Catch::Contains("longer"));
    REQUIRE(store->append(blob.sha256, some_bytes(1000, 1)).ok());
    CHECK_THAT(store->finish(blob.sha256, Visibility::kPublic).reason(),
               Catch::Contains("another hash"));
    REQUIRE(store->begin(blob).value() == 0);
    REQUIRE(store->append(blob.sha256, ByteSpan(bytes).first(999)).ok());
    CHECK_THAT(store->finish(blob.sha256, Visibility::kPublic).reason(),
               Catch::Contains("999 of 1000"));
    CHECK(files_below(folder.path()) == 0);
    CHECK_FALSE(store->append(blob.sha256, bytes).ok());
    CHECK_FALSE(store->finish(blob.sha256, Visibility::kPublic).ok());
    CHECK_FALSE(store->begin(BlobRef{blob.sha256, limits::kBlobBytesMax + 1, {}}).ok());
}

TEST_CASE("a damaged file is named") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path()).value();
    const Digest blob = store->put(some_bytes(1000), Visibility::kPublic).value().sha256;
    REQUIRE(store->make_durable(std::span(&blob, 1)).ok());
    REQUIRE(write_file_atomically(folder.path() / "public" / blob.hex(), some_bytes(1000, 3)).ok());
    CHECK_THAT(store->get(blob, 1000).reason(),
               Catch::Contains(blob.hex()) && Catch::Contains("damaged"));
}

TEST_CASE("a full disk is said in words and leaves nothing half-written") {
    const ScratchFolder folder;
    FullDisk disk(1500);
    const auto store = FolderBlobStore::open(folder.path(), disk).value();
    const BlobRef first = store->put(some_bytes(1000), Visibility::kPublic).value();
    const Result<BlobRef> second = store->put(some_bytes(1000, 1), Visibility::kPublic);
    REQUIRE_FALSE(second.ok());
    CHECK_THAT(second.reason(), Catch::Contains("No space left") && Catch::Contains("free some"));
    CHECK(files_below(folder.path()) == 1);
    CHECK(store->get(first.sha256, 1000).ok());
    disk.free(1000);
    CHECK(store->put(some_bytes(1000, 1), Visibility::kPublic).ok());
}

TEST_CASE("a disk that is full in mid-arrival ends the arrival and frees its space") {
    const ScratchFolder folder;
    FullDisk disk(700);
    const auto store = FolderBlobStore::open(folder.path(), disk).value();
    const Bytes bytes = some_bytes(1000);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    REQUIRE(store->begin(blob).ok());
    REQUIRE(store->append(blob.sha256, ByteSpan(bytes).first(600)).ok());
    const BlobRef small{sha256_plain(as_bytes("small")), 5, {}};
    REQUIRE(store->begin(small).ok());
    REQUIRE(store->append(small.sha256, as_bytes("other")).ok());
    CHECK_FALSE(store->finish(small.sha256, Visibility::kPublic).ok());
    CHECK(store->disk().ok());  // other bytes than announced are the source's fault
    CHECK_THAT(store->append(blob.sha256, ByteSpan(bytes).subspan(600)).reason(),
               Catch::Contains("No space left"));
    CHECK_THAT(store->disk().reason(), Catch::Contains("No space left"));
    CHECK(files_below(folder.path()) == 0);
}

TEST_CASE("a blob that cannot be synced is not durable, and goes with its process") {
    const ScratchFolder folder;
    FullDisk disk(10000);
    disk.fail_syncs(true);
    const auto store = FolderBlobStore::open(folder.path(), disk).value();
    const Result<BlobRef> blob = store->put(some_bytes(100), Visibility::kPublic);
    REQUIRE(blob.ok());
    CHECK_THAT(store->make_durable(std::span(&blob->sha256, 1)).reason(),
               Catch::Contains("cannot sync"));
    CHECK(files_below(folder.path() / "public") == 0);
    (void)FolderBlobStore::open(folder.path(), disk).value();
    CHECK(files_below(folder.path()) == 0);
}

TEST_CASE("what is not needed any more goes, stored or on its way") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path()).value();
    const Digest kept = store->put(some_bytes(10), Visibility::kPublic).value().sha256;
    const Digest gone = store->put(some_bytes(20), Visibility::kPublic).value().sha256;
    const Digest secret = store->put(some_bytes(30), Visibility::kPrivate).value().sha256;
    const Bytes bytes = some_bytes(1000);
    const BlobRef arriving{sha256_plain(bytes), bytes.size(), {}};
    const BlobRef stray{sha256_plain(some_bytes(40)), 40, {}};
    REQUIRE(store->begin(arriving).ok());
    REQUIRE(store->append(arriving.sha256, ByteSpan(bytes).first(600)).ok());
    REQUIRE(store->begin(stray).ok());
    REQUIRE(store->append(stray.sha256, some_bytes(40)).ok());
    REQUIRE(store->make_durable(std::span(&kept, 1)).ok());
    REQUIRE(store->keep_only({kept, arriving.sha256}).ok());
    CHECK(files_below(folder.path() / "public") == 1);
    CHECK(store->has(kept));
    CHECK_FALSE(store->has(gone));
    CHECK_FALSE(store->has(secret));
    CHECK_FALSE(store->finish(stray.sha256, Visibility::kPublic).ok());
    REQUIRE(store->append(arriving.sha256, ByteSpan(bytes).subspan(600)).ok());
    CHECK(store->finish(arriving.sha256, Visibility::kPublic).ok());
    CHECK(files_below(folder.path()) == 2);
}

TEST_CASE("what a crash left of a put goes at the next start") {
    const ScratchFolder folder;
    (void)FolderBlobStore::open(folder.path()).value();
    const Bytes bytes = some_bytes(100);
    const fs::path half = folder.path() / "staging" / sha256_plain(bytes).hex();
    REQUIRE(write_file_atomically(half, ByteSpan(bytes).first(70)).ok());
    const auto store = FolderBlobStore::open(folder.path()).value();
    CHECK(files_below(folder.path()) == 0);
    CHECK(store->get(store->put(bytes, Visibility::kPublic).value().sha256, 100).value() == bytes);
}

TEST_CASE("a blob becomes a file by a link, which takes no room") {
    const ScratchFolder folder;
    const auto store = FolderBlobStore::open(folder.path() / "store").value();
    const Digest blob = store->put(some_bytes(1000), Visibility::kPublic).value().sha256;
    REQUIRE(store->export_to(blob, folder.path() / "file").ok());
    CHECK(fs::hard_link_count(folder.path() / "file") == 2);
}

TEST_CASE("where nothing can be linked a blob is copied, wholly or not at all") {
    const ScratchFolder folder;
    FullDisk disk(5000000);
    disk.fail_links(true);
    const auto store = FolderBlobStore::open(folder.path() / "store", disk).value();
    const Bytes bytes = some_bytes(3000000);
    const Digest blob = store->put(bytes, Visibility::kPrivate).value().sha256;
    const fs::path file = folder.path() / "file";
    const Status full = store->export_to(blob, file);
    REQUIRE_FALSE(full.ok());
    CHECK_THAT(full.reason(), Catch::Contains("No space left") && Catch::Contains(file.string()));
    CHECK(files_below(folder.path()) == 1);
    disk.free(5000000);
    REQUIRE(
        write_file_atomically(file.string() + ".part", some_bytes(4000000, 1)).ok());  // a crash
    REQUIRE(store->export_to(blob, file).ok());
    CHECK(read_file(file, 4000000).value() == bytes);
    CHECK(fs::hard_link_count(file) == 1);
    CHECK(files_below(folder.path()) == 2);
}

TEST_CASE("more than was announced, or more after the end, is a defect of whoever adds it") {
    const Bytes bytes = some_bytes(10);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    Arrival arrival(blob);
    CHECK_THAT(fired_check([&] { arrival.add(some_bytes(11)); }), Catch::Contains("11 vs 10"));
    arrival.add(bytes);
    CHECK(arrival.check_whole().ok());
    CHECK_THAT(fired_check([&] { (void)arrival.check_whole(); }), Catch::Contains("!ended_"));
    CHECK_THAT(fired_check([&] { arrival.add({}); }), Catch::Contains("!ended_"));
}

TEST_CASE("a place in a file that no disk has is a defect of the program") {
    const ScratchFolder folder;
    FileSystem& files = real_file_system();
    const fs::path file = folder.path() / "file";
    CHECK_THAT(fired_check([&] { (void)files.write(file, UINT64_MAX, some_bytes(1)); }),
               Catch::Contains("kFileBytesMax"));
    CHECK_THAT(fired_check([&] { (void)files.read(file, UINT64_MAX, 1); }),
               Catch::Contains("kFileBytesMax"));
}

TEST_CASE("a folder that cannot be made is named") {
    const ScratchFolder folder;
    REQUIRE(write_file_atomically(folder.path() / "file", {}).ok());
    CHECK_THAT(FolderBlobStore::open(folder.path() / "file" / "blobs").reason(),
               Catch::Contains("file"));
}

}  // namespace assay
