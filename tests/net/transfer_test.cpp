// Blobs in pieces over links that lose, delay, reorder and duplicate, and over restarts.
#include <catch2/catch.hpp>

#include "core/rng.h"
#include "net/blob_fetcher.h"
#include "store/folder_blob_store.h"
#include "tests/store/full_disk.h"
#include "tests/support/scratch_folder.h"

namespace assay {

namespace {

constexpr uint64_t kPiece = limits::kPieceBytes;

Bytes random_bytes(size_t size, uint64_t seed) {
    CounterRng rng(derive_seed({}, "blob", {seed}));
    Bytes bytes(size);
    for (size_t i = 0; i < size; i += 8) {
        const uint64_t word = rng.next();
        for (size_t j = i; j < std::min(i + 8, size); ++j) {
            bytes[j] = static_cast<uint8_t>(word >> (8 * (j - i)));
        }
    }
    return bytes;
}

PeerId peer_of(uint8_t number) {
    PeerId id;
    id.key[0] = number;
    return id;
}

// Pieces under way, as a queue ordered by arrival.
struct BadLink {
    double loss = 0;
    double duplication = 0;
    int64_t delay_min_ms = 5;
    int64_t delay_max_ms = 50;
    CounterRng rng{derive_seed({}, "bad link")};
    std::multimap<int64_t, BlobPiece> under_way = {};

    void send(const BlobPiece& piece, Instant now) {
        for (int copies = rng.unit() < duplication ? 2 : 1; copies > 0; --copies) {
            const auto spread = static_cast<uint64_t>(delay_max_ms - delay_min_ms + 1);
            const int64_t delay = delay_min_ms + static_cast<int64_t>(rng.below(spread));
            if (rng.unit() >= loss) {
                under_way.emplace(now.ms + delay, piece);
            }
        }
    }
};

struct Run {
    uint64_t asked = 0;
    Instant ended;
    std::optional<BlobFetcher::Finished> finished;
};

// Fetches from `source` over the link, until the fetch ends or `limit` pieces have come.
Run fetch(BlobStore& source,
          BlobFetcher& fetcher,
          const BlobRef& blob,
          BadLink& link,
          uint64_t limit = UINT64_MAX,
          Instant start = {}) {
    Run run;
    Instant now = start;
    uint64_t arrived = 0;
    fetcher.fetch(blob, peer_of(1), Visibility::kPublic, now);
    while (arrived < limit) {
        for (BlobFetcher::Finished& finished : fetcher.finished()) {
            run.finished = std::move(finished);
            run.ended = now;
            return run;
        }
        for (const BlobFetcher::Ask& ask : fetcher.requests(now)) {
            CHECK(ask.source == peer_of(1));
            ++run.asked;
            link.send(source.answer(ask.request, true), now);
        }
        if (!fetcher.fetching(blob.sha256)) {
            continue;
        }
        int64_t next = now.ms + 10;
        if (!link.under_way.empty()) {
            next = std::min(next, link.under_way.begin()->first);
        }
        now = std::max(now + DurationMs{1}, Instant{next});
        while (!link.under_way.empty() && link.under_way.begin()->first <= now.ms) {
            fetcher.take(peer_of(1), link.under_way.begin()->second, now);
            link.under_way.erase(link.under_way.begin());
            ++arrived;
        }
    }
    return run;
}

struct Stores {
    ScratchFolder here_folder;
    ScratchFolder there_folder;
    std::unique_ptr<BlobStore> here = FolderBlobStore::open(here_folder.path()).value();
    std::unique_ptr<BlobStore> there = FolderBlobStore::open(there_folder.path()).value();
};

}  // namespace

TEST_CASE("blobs of all sizes around a piece arrive") {
    for (const uint64_t size : {uint64_t{1}, kPiece - 1, kPiece, kPiece + 1, 5 * kPiece}) {
        Stores stores;
        const Bytes bytes = random_bytes(size, size);
        const BlobRef blob = stores.there->put(bytes, Visibility::kPrivate).value();
        BlobFetcher fetcher(*stores.here, {});
        BadLink link;
        const Run run = fetch(*stores.there, fetcher, blob, link);
        REQUIRE(run.finished);
        CHECK(run.finished->status.ok());
        CHECK(stores.here->get(blob.sha256, size).value() == bytes);
        CHECK(run.asked == (size + kPiece - 1) / kPiece);
        const std::vector<BlobFetcher::Moved> moved = fetcher.moved();
        REQUIRE(moved.size() == 1);
        CHECK(moved[0].bytes == size);
        CHECK(moved[0].busy > DurationMs{});
    }
}

TEST_CASE("a blob arrives over a link that loses a fifth, doubles and reorders") {
    Stores stores;
    const Bytes bytes = random_bytes(60 * kPiece + 77, 1);
    const BlobRef blob = stores.there->put(bytes, Visibility::kPublic).value();
    BlobFetcher fetcher(*stores.here, {});
    BadLink link;
    link.loss = 0.2;
    link.duplication = 0.1;
    const Run run = fetch(*stores.there, fetcher, blob, link);
    REQUIRE(run.finished);
    CHECK(run.finished->status.ok());
    CHECK(stores.here->get(blob.sha256, bytes.size()).value() == bytes);
    CHECK(run.asked < 120);  // 61 pieces, a fifth lost: not much is asked for in vain
}

TEST_CASE("a fetch goes on where a dead process left it") {
    Stores stores;
    const Bytes bytes = random_bytes(20 * kPiece, 2);
    const BlobRef blob = stores.there->put(bytes, Visibility::kPublic).value();
    BadLink first_link;
    first_link.delay_max_ms = first_link.delay_min_ms;
    {
        BlobFetcher fetcher(*stores.here, {});
        CHECK_FALSE(fetch(*stores.there, fetcher, blob, first_link, 12).finished);
    }
    stores.here = FolderBlobStore::open(stores.here_folder.path()).value();
    BlobFetcher fetcher(*stores.here, {});
    BadLink second_link;
    const Run run = fetch(*stores.there, fetcher, blob, second_link);
    REQUIRE(run.finished);
    CHECK(run.finished->status.ok());
    CHECK(run.asked <= 8);
}

TEST_CASE("a damaged rest of an earlier attempt is fetched anew") {
    Stores stores;
    const Bytes bytes = random_bytes(4 * kPiece, 3);
    const BlobRef blob = stores.there->put(bytes, Visibility::kPublic).value();
    REQUIRE(stores.here->begin(blob).ok());
    REQUIRE(stores.here->append(blob.sha256, Bytes(2 * kPiece)).ok());  // zeros: never synced
    BlobFetcher fetcher(*stores.here, {});
    BadLink link;
    const Run run = fetch(*stores.there, fetcher, blob, link);
    REQUIRE(run.finished);
    CHECK(run.finished->status.ok());
    CHECK(stores.here->get(blob.sha256, bytes.size()).value() == bytes);
}

TEST_CASE("a source that lies about the bytes is found out at the end") {
    Stores stores;
    const BlobRef truth = stores.there->put(random_bytes(kPiece, 4), Visibility::kPublic).value();
    BlobFetcher fetcher(*stores.here, {});
    fetcher.fetch(truth, peer_of(1), Visibility::kPublic, Instant{});
    REQUIRE(fetcher.requests(Instant{}).size() == 1);
    fetcher.take(peer_of(1), {truth.sha256, 0, false, Bytes(kPiece)}, Instant{1});
    const auto finished = fetcher.finished();
    REQUIRE(finished.size() == 1);
    CHECK_THAT(finished[0].status.reason(), Catch::Contains("another hash"));
    CHECK_FALSE(stores.here->has(truth.sha256));
}

TEST_CASE("pieces that nobody asked for, of wrong size or from another peer, are ignored") {
    Stores stores;
    const Bytes bytes = random_bytes(3 * kPiece, 5);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    BlobFetcher fetcher(*stores.here, {});
    fetcher.fetch(blob, peer_of(1), Visibility::kPublic, Instant{});
    REQUIRE(fetcher.requests(Instant{}).size() == 2);  // the window begins small
    const Bytes first(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(kPiece));
    fetcher.take(peer_of(2), {blob.sha256, 0, false, first}, Instant{1});
    fetcher.take(peer_of(1), {blob.sha256, 1, false, first}, Instant{1});
    fetcher.take(peer_of(1), {blob.sha256, 0, false, Bytes(kPiece - 1)}, Instant{1});
    fetcher.take(peer_of(1), {blob.sha256, 2 * kPiece, false, first}, Instant{1});
    fetcher.take(peer_of(1), {blob.sha256, 99 * kPiece, false, first}, Instant{1});
    fetcher.take(peer_of(1), {sha256_plain({}), 0, false, first}, Instant{1});
    CHECK(fetcher.requests(Instant{1}).empty());
    fetcher.take(peer_of(1), {blob.sha256, 0, false, first}, Instant{2});
    CHECK(fetcher.requests(Instant{2}).size() == 1);
}

TEST_CASE("a source that does not have the blob yet is asked again, and at last given up") {
    Stores stores;
    const Bytes bytes = random_bytes(2 * kPiece, 6);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    BlobFetcher fetcher(*stores.here, {});
    BadLink link;
    Run run = fetch(*stores.there, fetcher, blob, link, 5);
    CHECK_FALSE(run.finished);
    (void)stores.there->put(bytes, Visibility::kPublic);
    run = fetch(*stores.there, fetcher, blob, link, UINT64_MAX, Instant{5000});
    REQUIRE(run.finished);
    CHECK(run.finished->status.ok());

    const BlobRef nowhere{sha256_plain(as_bytes("nowhere")), 10, {}};
    const Run given_up = fetch(*stores.there, fetcher, nowhere, link);
    REQUIRE(given_up.finished);
    CHECK_THAT(given_up.finished->status.reason(), Catch::Contains("the source does not have it"));
    CHECK(given_up.asked < 250);
}

TEST_CASE("a silent source is asked ever more seldom and given up after the patience") {
    Stores stores;
    const BlobRef blob{sha256_plain(as_bytes("x")), 10 * kPiece, {}};
    BlobFetcher fetcher(*stores.here, {});
    BadLink dead;
    dead.loss = 1;
    const Run run = fetch(*stores.there, fetcher, blob, dead);
    REQUIRE(run.finished);
    CHECK_THAT(run.finished->status.reason(), Catch::Contains("no piece came for 60 s"));
    CHECK(run.ended.ms >= 60000);
    CHECK(run.ended.ms < 76000);
    CHECK(run.asked < 12);
}

TEST_CASE("a thin link is not flooded with repeated requests") {
    Stores stores;
    const Bytes bytes = random_bytes(12 * kPiece, 7);
    const BlobRef blob = stores.there->put(bytes, Visibility::kPublic).value();
    BlobFetcher fetcher(*stores.here, {});
    // One piece takes 4 s; they queue behind one another.
    Instant now;
    int64_t link_free_at = 0;
    std::multimap<int64_t, BlobPiece> under_way;
    uint64_t asked = 0;
    fetcher.fetch(blob, peer_of(1), Visibility::kPublic, now);
    while (fetcher.fetching(blob.sha256)) {
        for (const BlobFetcher::Ask& ask : fetcher.requests(now)) {
            ++asked;
            link_free_at = std::max(link_free_at, now.ms) + 4000;
            under_way.emplace(link_free_at, stores.there->answer(ask.request, true));
        }
        now = now + DurationMs{50};
        while (!under_way.empty() && under_way.begin()->first <= now.ms) {
            fetcher.take(peer_of(1), under_way.begin()->second, now);
            under_way.erase(under_way.begin());
        }
    }
    const auto finished = fetcher.finished();
    REQUIRE(finished.size() == 1);
    CHECK(finished[0].status.ok());
    CHECK(asked <= 18);
    const std::vector<BlobFetcher::Moved> moved = fetcher.moved();
    REQUIRE(moved.size() == 1);
    CHECK(moved[0].bytes == bytes.size());
    CHECK(static_cast<double>(moved[0].bytes) * 1000 / static_cast<double>(moved[0].busy.ms) >
          40000);
}

TEST_CASE("many blobs of one source over a thin link come one after the other, none given up") {
    Stores stores;
    BlobFetcher fetcher(*stores.here, {});
    constexpr size_t kBlobs = 6;
    constexpr size_t kPieces = 8;
    for (size_t i = 0; i < kBlobs; ++i) {
        const Bytes bytes = random_bytes(kPieces * kPiece, 30 + i);
        const BlobRef blob = stores.there->put(bytes, Visibility::kPublic).value();
        fetcher.fetch(blob, peer_of(1), Visibility::kPublic, Instant{});
    }
    // One piece takes 3 s: the last blob begins when two minutes are over, twice the patience.
    Instant now;
    int64_t link_free_at = 0;
    std::multimap<int64_t, BlobPiece> under_way;
    uint64_t asked = 0;
    size_t done = 0;
    while (done < kBlobs) {
        for (const BlobFetcher::Ask& ask : fetcher.requests(now)) {
            ++asked;
            link_free_at = std::max(link_free_at, now.ms) + 3000;
            under_way.emplace(link_free_at, stores.there->answer(ask.request, true));
        }
        now = now + DurationMs{50};
        while (!under_way.empty() && under_way.begin()->first <= now.ms) {
            fetcher.take(peer_of(1), under_way.begin()->second, now);
            under_way.erase(under_way.begin());
        }
        for (const BlobFetcher::Finished& finished : fetcher.finished()) {
            CHECK(finished.status.ok());
            ++done;
        }
    }
    CHECK(done == kBlobs);
    CHECK(asked <= kBlobs * kPieces * 3 / 2);
}

TEST_CASE("what a source does not have holds up nothing else of it") {
    Stores stores;
    BlobFetcher fetcher(*stores.here, {});
    const Bytes bytes = random_bytes(3 * kPiece, 40);
    const BlobRef absent{sha256_plain(as_bytes("absent")), 2 * kPiece, {}};
    const BlobRef present = stores.there->put(bytes, Visibility::kPublic).value();
    fetcher.fetch(absent, peer_of(1), Visibility::kPublic, Instant{});
    BadLink link;
    const Run run = fetch(*stores.there, fetcher, present, link);
    REQUIRE(run.finished);
    CHECK(run.finished->blob.sha256 == present.sha256);
    CHECK(run.ended.ms < 3000);
    CHECK(fetcher.fetching(absent.sha256));
}

TEST_CASE("no more is asked for than the window, and credit comes back with pieces") {
    TransferSettings settings;
    settings.window_max = 4;
    const BlobRef blob{sha256_plain(as_bytes("x")), 100 * kPiece, {}};
    Transfer transfer(blob, 0, settings, Instant{});
    std::vector<BlobRequest> asked = transfer.requests(Instant{});
    CHECK(asked.size() == 2);
    CHECK(transfer.requests(Instant{}).empty());
    for (uint64_t i = 0; i < 20; ++i) {
        const auto out = transfer.take({blob.sha256, i * kPiece, false, Bytes(kPiece)}, Instant{1});
        REQUIRE(out.size() == 1);
        for (const BlobRequest& more : transfer.requests(Instant{1})) {
            asked.push_back(more);
        }
        CHECK(asked.size() <= i + 1 + 4);
    }
    CHECK(asked.size() == 24);
    // Without the piece in front nothing behind it is asked for without end.
    for (uint64_t i = 21; i < 40; ++i) {
        CHECK(transfer.take({blob.sha256, i * kPiece, false, Bytes(kPiece)}, Instant{2}).empty());
        for (const BlobRequest& more : transfer.requests(Instant{2})) {
            CHECK(more.offset < 24 * kPiece);
        }
    }
}

TEST_CASE("a fetch of a blob that is here ends at once, and one is fetched once") {
    Stores stores;
    const Bytes bytes = random_bytes(100, 8);
    const BlobRef blob = stores.here->put(bytes, Visibility::kPrivate).value();
    BlobFetcher fetcher(*stores.here, {});
    fetcher.fetch(blob, peer_of(1), Visibility::kPublic, Instant{});
    REQUIRE(fetcher.finished().size() == 1);
    CHECK_FALSE(stores.here->answer({blob.sha256, 0, 100}, false).missing);
    const BlobRef other{sha256_plain(as_bytes("other")), 5, {}};
    fetcher.fetch(other, peer_of(1), Visibility::kPublic, Instant{});
    fetcher.fetch(other, peer_of(2), Visibility::kPublic, Instant{});
    CHECK(fetcher.fetching(other.sha256));
    CHECK(fetcher.requests(Instant{}).size() == 1);
    fetcher.source_is_back(peer_of(1), Instant{10});
    CHECK(fetcher.requests(Instant{10}).size() == 1);
    fetcher.cancel_source(peer_of(2));
    CHECK(fetcher.fetching(other.sha256));
    fetcher.cancel_source(peer_of(1));
    CHECK_FALSE(fetcher.fetching(other.sha256));
    const auto cancelled = fetcher.finished();
    REQUIRE(cancelled.size() == 1);
    CHECK(cancelled[0].source == peer_of(1));
    CHECK_THAT(cancelled[0].status.reason(), Catch::Contains(other.sha256.brief()));
    fetcher.fetch(other, peer_of(1), Visibility::kPublic, Instant{});
    fetcher.keep_only({other.sha256});
    CHECK(fetcher.fetching(other.sha256));
    fetcher.keep_only({blob.sha256});
    CHECK_FALSE(fetcher.fetching(other.sha256));
}

TEST_CASE("nothing is asked of a source that left, and all that lacks once it is back") {
    Stores stores;
    const Bytes bytes = random_bytes(6 * kPiece, 31);
    const BlobRef blob = stores.there->put(bytes, Visibility::kPublic).value();
    BlobFetcher fetcher(*stores.here, {});
    fetcher.fetch(blob, peer_of(1), Visibility::kPrivate, Instant{});
    const std::vector<BlobFetcher::Ask> first = fetcher.requests(Instant{});
    REQUIRE(first.size() == 2);
    fetcher.take(peer_of(1), stores.there->answer(first[0].request, true), Instant{10});
    const size_t before = fetcher.requests(Instant{10}).size();
    fetcher.source_left(peer_of(2));  // somebody else
    fetcher.source_left(peer_of(1));
    CHECK(fetcher.requests(Instant{30000}).empty());
    CHECK(fetcher.fetching(blob.sha256));
    fetcher.source_is_back(peer_of(2), Instant{30001});
    CHECK(fetcher.requests(Instant{30001}).empty());
    fetcher.source_is_back(peer_of(1), Instant{30002});
    const std::vector<BlobFetcher::Ask> again = fetcher.requests(Instant{30002});
    CHECK(again.size() == 1 + before);
    CHECK(again[0].request.offset == first[1].request.offset);
}

TEST_CASE("a source that left and does not come back is given up after the patience") {
    Stores stores;
    const BlobRef blob{sha256_plain(as_bytes("x")), 10 * kPiece, {}};
    BlobFetcher fetcher(*stores.here, {});
    fetcher.fetch(blob, peer_of(1), Visibility::kPrivate, Instant{});
    (void)fetcher.requests(Instant{});
    fetcher.source_left(peer_of(1));
    CHECK(fetcher.requests(Instant{59999}).empty());
    CHECK(fetcher.finished().empty());
    CHECK(fetcher.requests(Instant{60000}).empty());
    const auto finished = fetcher.finished();
    REQUIRE(finished.size() == 1);
    CHECK_THAT(finished[0].status.reason(), Catch::Contains("did not come back"));
}

TEST_CASE("what moves is told by source, over all its transfers, until nothing is on the way") {
    const ScratchFolder scratch;
    const auto store = FolderBlobStore::open(scratch.path() / "sink").value();
    BlobFetcher fetcher(*store, {});
    const Bytes first = random_bytes(kPiece, 21);
    const Bytes second = random_bytes(2 * kPiece, 22);
    const auto blob = [](const Bytes& bytes) {
        return BlobRef{sha256_plain(bytes), bytes.size(), {}};
    };
    const auto send = [&](const Bytes& bytes, size_t piece, int64_t ms) {
        const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(piece * kPiece);
        fetcher.take(peer_of(1),
                     {sha256_plain(bytes), piece * kPiece, false, Bytes(from, from + kPiece)},
                     Instant{ms});
    };
    fetcher.fetch(blob(first), peer_of(1), Visibility::kPrivate, Instant{1000});
    fetcher.fetch(blob(second), peer_of(1), Visibility::kPrivate, Instant{1500});
    (void)fetcher.requests(Instant{1500});
    CHECK(fetcher.moved().empty());
    send(first, 0, 3000);
    (void)fetcher.requests(Instant{3000});  // now it is the second's turn
    send(second, 0, 4000);
    std::vector<BlobFetcher::Moved> moved = fetcher.moved();
    REQUIRE(moved.size() == 1);
    CHECK(moved[0].source == peer_of(1));
    CHECK(moved[0].bytes == 2 * kPiece);
    CHECK(moved[0].busy == DurationMs{3000});
    CHECK(fetcher.moved().empty());
    send(second, 0, 4500);  // again: it was here
    CHECK(fetcher.moved().empty());
    send(second, 1, 5000);
    moved = fetcher.moved();
    REQUIRE(moved.size() == 1);
    CHECK(moved[0].bytes == 3 * kPiece);
    const Bytes third = random_bytes(kPiece, 23);
    fetcher.fetch(blob(third), peer_of(1), Visibility::kPrivate, Instant{9000});
    (void)fetcher.requests(Instant{9000});
    send(third, 0, 9100);
    moved = fetcher.moved();
    REQUIRE(moved.size() == 1);
    CHECK(moved[0].bytes == kPiece);
    CHECK(moved[0].busy == DurationMs{100});
}

TEST_CASE("a disk that fills up ends the fetch with the reason") {
    Stores stores;
    const BlobRef blob =
        stores.there->put(random_bytes(6 * kPiece, 9), Visibility::kPublic).value();
    const ScratchFolder small;
    FullDisk disk(3 * kPiece);
    const auto store = FolderBlobStore::open(small.path(), disk).value();
    BlobFetcher fetcher(*store, {});
    BadLink link;
    const Run run = fetch(*stores.there, fetcher, blob, link);
    REQUIRE(run.finished);
    CHECK_THAT(run.finished->status.reason(), Catch::Contains("No space left"));
    CHECK_FALSE(fetcher.fetching(blob.sha256));
    for (const char* kind : {"public", "private", "incoming", "staging"}) {
        CHECK(std::filesystem::is_empty(small.path() / kind));
    }
}

}  // namespace assay
