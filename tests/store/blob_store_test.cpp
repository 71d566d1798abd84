// What every blob store does, whatever it keeps its blobs in: each implementation is run through
// all of this.

#include "store/blob_store.h"

#include <catch2/catch.hpp>
#include <functional>
#include <thread>

#include "core/files.h"
#include "protocol/limits.h"
#include "store/folder_blob_store.h"
#include "store/memory_blob_store.h"
#include "tests/support/check_fires.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/some_bytes.h"

namespace assay {

namespace fs = std::filesystem;

namespace {

struct Implementation {
    std::string name;
    std::function<std::unique_ptr<BlobStore>(const fs::path& folder)> make;
};

const std::vector<Implementation> kImplementations = {
    {"folder",
     [](const fs::path& folder) -> std::unique_ptr<BlobStore> {
         return FolderBlobStore::open(folder).value();
     }},
    {"memory", [](const fs::path&) -> std::unique_ptr<BlobStore> {
         return std::make_unique<MemoryBlobStore>();
     }}};

// An empty store of each implementation in turn.
struct Subject {
    const Implementation& implementation = GENERATE(from_range(kImplementations));
    ScratchFolder folder;
    std::unique_ptr<BlobStore> store = implementation.make(folder.path() / "store");
};

BlobRef ref_of(const Bytes& bytes) {
    return {sha256_plain(bytes), bytes.size(), {}};
}

}  // namespace

TEST_CASE("a store gives back what was put, by its plain hash, within the size allowed") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    for (const size_t size : {size_t{0}, size_t{1}, size_t{100000}}) {
        const Bytes bytes = some_bytes(size);
        CHECK_FALSE(store.has(sha256_plain(bytes)));
        const BlobRef blob = store.put(bytes, Visibility::kPrivate).value();
        CHECK(blob.sha256 == sha256_plain(bytes));
        CHECK(blob.size_bytes == size);
        CHECK(store.has(blob.sha256));
        CHECK(store.get(blob.sha256, size).value() == bytes);
    }
    const Digest large = sha256_plain(some_bytes(100000));
    CHECK_THAT(store.get(large, 99999).reason(),
               Catch::Contains("100000") && Catch::Contains("at most 99999"));
    const Digest absent = sha256_plain(as_bytes("absent"));
    CHECK_THAT(store.get(absent, 10).reason(), Catch::Contains(absent.brief()));
}

TEST_CASE("a store forgets what is removed, and removing it again is no failure") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const BlobRef blob = store.put(some_bytes(10), Visibility::kPublic).value();
    REQUIRE(store.remove(blob.sha256).ok());
    CHECK_FALSE(store.has(blob.sha256));
    CHECK_FALSE(store.get(blob.sha256, 10).ok());
    CHECK(store.answer({blob.sha256, 0, 10}, true).missing);
    CHECK(store.remove(blob.sha256).ok());
}

TEST_CASE("a store answers strangers with public blobs alone, and shows wider never narrower") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const Bytes bytes = some_bytes(1000);
    const Digest sha256 = store.put(bytes, Visibility::kPrivate).value().sha256;
    CHECK(store.answer({sha256, 0, 10}, false).missing);
    CHECK_FALSE(store.answer({sha256, 0, 10}, true).missing);
    SECTION("made public") {
        REQUIRE(store.make_public(sha256).ok());
    }
    SECTION("put again as public") {
        REQUIRE(store.put(bytes, Visibility::kPublic).ok());
    }
    CHECK_FALSE(store.answer({sha256, 0, 10}, false).missing);
    REQUIRE(store.put(bytes, Visibility::kPrivate).ok());
    CHECK_FALSE(store.answer({sha256, 0, 10}, false).missing);
    CHECK_FALSE(store.make_public(sha256_plain(as_bytes("absent"))).ok());
}

TEST_CASE("a store answers ranges inside a blob, cuts the last one, and refuses all others") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const Bytes bytes = some_bytes(1000);
    const Digest sha256 = store.put(bytes, Visibility::kPublic).value().sha256;
    const BlobPiece piece = store.answer({sha256, 100, 300}, false);
    CHECK(piece.sha256 == sha256);
    CHECK(piece.offset == 100);
    CHECK(piece.data == Bytes(bytes.begin() + 100, bytes.begin() + 400));
    CHECK(store.answer({sha256, 900, 300}, false).data.size() == 100);
    for (const BlobRequest& outside : {BlobRequest{sha256, 1000, 1},
                                       BlobRequest{sha256, UINT64_MAX, 1},
                                       BlobRequest{sha256, 0, limits::kPieceBytes + 1},
                                       BlobRequest{sha256_plain({}), 0, 1}}) {
        CHECK(store.answer(outside, false).missing);
        CHECK(store.answer(outside, false).data.empty());
    }
}

TEST_CASE("a store makes a blob a file that stays when the blob goes, and overwrites none") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const Bytes bytes = some_bytes(3000000);
    const Visibility visibility = GENERATE(Visibility::kPrivate, Visibility::kPublic);
    const Digest sha256 = store.put(bytes, visibility).value().sha256;
    const fs::path file = subject.folder.path() / "file";
    REQUIRE(store.export_to(sha256, file).ok());
    CHECK(read_file(file, bytes.size()).value() == bytes);
    CHECK_THAT(store.export_to(sha256, file).reason(),
               Catch::Contains(file.string()) && Catch::Contains("already"));
    REQUIRE(store.remove(sha256).ok());
    CHECK(read_file(file, bytes.size()).value() == bytes);
    CHECK_THAT(store.export_to(sha256, subject.folder.path() / "other").reason(),
               Catch::Contains(sha256.brief()));
    CHECK_FALSE(fs::exists(subject.folder.path() / "other"));
    const Digest kept = store.put(some_bytes(5), visibility).value().sha256;
    CHECK_FALSE(store.export_to(kept, subject.folder.path() / "no folder" / "file").ok());
}

TEST_CASE("a blob that arrives in parts is there once it is whole") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const Bytes bytes = some_bytes(1000);
    const BlobRef blob = ref_of(bytes);
    CHECK(store.begin(blob).value() == 0);
    REQUIRE(store.append(blob.sha256, ByteSpan(bytes).first(600)).ok());
    CHECK_FALSE(store.has(blob.sha256));
    CHECK(store.begin(blob).value() == 600);  // somebody asks for it anew
    REQUIRE(store.append(blob.sha256, ByteSpan(bytes).subspan(600)).ok());
    REQUIRE(store.finish(blob.sha256, Visibility::kPrivate).ok());
    CHECK(store.get(blob.sha256, 1000).value() == bytes);
    CHECK(store.answer({blob.sha256, 0, 10}, false).missing);
    CHECK_FALSE(store.finish(blob.sha256, Visibility::kPrivate).ok());
    const BlobRef empty = ref_of({});
    REQUIRE(store.begin(empty).ok());
    REQUIRE(store.finish(empty.sha256, Visibility::kPublic).ok());
    CHECK(store.has(empty.sha256));
    CHECK(store.disk().ok());
}

TEST_CASE("what is made durable is the same blob as before, however it came, and shows no wider") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const Bytes bytes = some_bytes(1000);
    const BlobRef arrived = ref_of(bytes);
    REQUIRE(store.begin(arrived).ok());
    REQUIRE(store.append(arrived.sha256, bytes).ok());
    REQUIRE(store.finish(arrived.sha256, Visibility::kPrivate).ok());
    REQUIRE(store.abandon(arrived.sha256).ok());  // it is a blob: nothing of it is on its way
    const Digest put = store.put(some_bytes(20), Visibility::kPrivate).value().sha256;
    REQUIRE(store.make_public(put).ok());
    const Digest absent = sha256_plain(as_bytes("absent"));
    const Digest all[] = {arrived.sha256, absent, put, put};
    REQUIRE(store.make_durable(all).ok());
    REQUIRE(store.make_durable({}).ok());
    CHECK(store.get(arrived.sha256, 1000).value() == bytes);
    CHECK(store.answer({arrived.sha256, 0, 10}, false).missing);
    CHECK_FALSE(store.answer({put, 0, 10}, false).missing);
    CHECK_FALSE(store.has(absent));
    REQUIRE(store.keep_only({put}).ok());
    CHECK_FALSE(store.has(arrived.sha256));
    CHECK(store.has(put));
}

TEST_CASE("a machine that dies loses what was not durable") {
    MemoryBlobStore store;
    const Digest kept = store.put(some_bytes(10), Visibility::kPublic).value().sha256;
    const Digest lost = store.put(some_bytes(20), Visibility::kPublic).value().sha256;
    REQUIRE(store.make_durable(std::span(&kept, 1)).ok());
    store.crash();
    CHECK(store.has(kept));
    CHECK_FALSE(store.has(lost));
}

TEST_CASE("an arrival of other bytes, of too few or of too many ends with a reason") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const Bytes bytes = some_bytes(1000);
    const BlobRef blob = ref_of(bytes);
    REQUIRE(store.begin(blob).ok());
    CHECK_THAT(store.append(blob.sha256, Bytes(1001)).reason(), Catch::Contains("longer"));
    REQUIRE(store.append(blob.sha256, some_bytes(1000, 1)).ok());
    CHECK_THAT(store.finish(blob.sha256, Visibility::kPublic).reason(),
               Catch::Contains("another hash"));
    REQUIRE(store.begin(blob).value() == 0);
    REQUIRE(store.append(blob.sha256, ByteSpan(bytes).first(999)).ok());
    CHECK_THAT(store.finish(blob.sha256, Visibility::kPublic).reason(),
               Catch::Contains("999 of 1000"));
    CHECK_FALSE(store.has(blob.sha256));
    CHECK_THAT(store.append(blob.sha256, bytes).reason(), Catch::Contains("not arriving"));
    CHECK_THAT(store.begin({blob.sha256, limits::kBlobBytesMax + 1, {}}).reason(),
               Catch::Contains(std::to_string(limits::kBlobBytesMax)));
    CHECK(store.disk().ok());  // all of that is the source's fault
}

TEST_CASE("what is abandoned begins anew, also under another size") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const Bytes bytes = some_bytes(1000);
    const BlobRef blob = ref_of(bytes);
    REQUIRE(store.begin(blob).ok());
    REQUIRE(store.append(blob.sha256, ByteSpan(bytes).first(600)).ok());
    REQUIRE(store.abandon(blob.sha256).ok());
    CHECK_FALSE(store.append(blob.sha256, ByteSpan(bytes).subspan(600)).ok());
    CHECK(store.begin(blob).value() == 0);
    REQUIRE(store.append(blob.sha256, ByteSpan(bytes).first(600)).ok());
    CHECK(store.begin({blob.sha256, 500, {}}).value() == 0);  // somebody lied about the size
    CHECK(store.abandon(blob.sha256).ok());
    CHECK(store.abandon(blob.sha256).ok());
}

TEST_CASE("a store keeps what is live, stored or on its way, and nothing else") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const Digest kept = store.put(some_bytes(10), Visibility::kPublic).value().sha256;
    const Digest gone = store.put(some_bytes(20), Visibility::kPublic).value().sha256;
    const Digest secret = store.put(some_bytes(30), Visibility::kPrivate).value().sha256;
    const BlobRef arriving = ref_of(some_bytes(1000));
    const BlobRef stray = ref_of(some_bytes(40));
    REQUIRE(store.begin(arriving).ok());
    REQUIRE(store.append(arriving.sha256, ByteSpan(some_bytes(1000)).first(600)).ok());
    REQUIRE(store.begin(stray).ok());
    REQUIRE(store.append(stray.sha256, some_bytes(40)).ok());
    REQUIRE(store.keep_only({kept, arriving.sha256}).ok());
    CHECK(store.has(kept));
    CHECK_FALSE(store.has(gone));
    CHECK_FALSE(store.has(secret));
    CHECK_FALSE(store.finish(stray.sha256, Visibility::kPublic).ok());
    REQUIRE(store.append(arriving.sha256, ByteSpan(some_bytes(1000)).subspan(600)).ok());
    CHECK(store.finish(arriving.sha256, Visibility::kPublic).ok());
}

TEST_CASE("a second thread that takes part in an arrival is a defect of the program") {
    const Subject subject;
    INFO(subject.implementation.name);
    BlobStore& store = *subject.store;
    const BlobRef blob = ref_of(some_bytes(10));
    REQUIRE(store.begin(blob).ok());
    using Call = std::function<void(BlobStore&)>;
    for (const Call& call :
         {Call([&](BlobStore& s) { (void)s.begin(blob); }),
          Call([&](BlobStore& s) { (void)s.append(blob.sha256, {}); }),
          Call([&](BlobStore& s) { (void)s.finish(blob.sha256, Visibility::kPublic); }),
          Call([&](BlobStore& s) { (void)s.abandon(blob.sha256); }),
          Call([&](BlobStore& s) { (void)s.keep_only({}); })}) {
        CHECK_THAT(fired_check([&] { std::thread([&] { call(store); }).join(); }),
                   Catch::Contains("owner_.is_"));
        CHECK(fired_check([&] { call(store); }).empty());
    }
}

}  // namespace assay
