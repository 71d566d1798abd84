// Who is given blobs: guests of this connection, and nobody else.

#include "coordinator/visitors.h"

#include <catch2/catch.hpp>

#include "protocol/limits.h"

namespace assay {

namespace {

constexpr Instant kNow{1000000};

size_t served(Visitors& visitors) {
    return visitors.due(kNow, [](const PeerId&) { return uint64_t{0}; }).size();
}

}  // namespace

TEST_CASE("blobs are for those who were welcomed on this connection, until they are sent away") {
    Visitors visitors{ServeRules{}};
    PeerId peer;
    peer.key[0] = 1;
    const BlobRequest request{sha256_plain(as_bytes("blob")), 0, limits::kPieceBytes};
    visitors.ask(peer, request);  // has a key, and said no Hello
    CHECK(served(visitors) == 0);
    visitors.told(peer, Welcome{});  // is not even here
    visitors.ask(peer, request);
    CHECK(served(visitors) == 0);
    visitors.came(peer);
    visitors.told(peer, Refusal{});
    visitors.ask(peer, request);
    CHECK(served(visitors) == 0);
    visitors.told(peer, Welcome{});
    visitors.ask(peer, request);
    CHECK(served(visitors) == 1);
    visitors.ask(peer, request);
    visitors.sent_away(peer);
    CHECK(served(visitors) == 0);
    visitors.ask(peer, request);
    CHECK(served(visitors) == 0);
    CHECK(visitors.present().count(peer) == 1);
    visitors.told(peer, Welcome{});
    visitors.left(peer);
    visitors.ask(peer, request);
    CHECK(served(visitors) == 0);
    CHECK(visitors.present().empty());
}

}  // namespace assay
