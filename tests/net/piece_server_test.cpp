// Who gets pieces of blobs, how many at a time, and how fast.

#include "net/piece_server.h"

#include <catch2/catch.hpp>

#include "core/identity.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

constexpr Instant kNow{1000000};

PeerId peer(uint8_t number) {
    PeerId id;
    id.key[0] = number;
    return id;
}

BlobRequest piece(uint64_t number) {
    return {sha256_plain(as_bytes("blob")), number * limits::kPieceBytes, limits::kPieceBytes};
}

void ask(PieceServer& server, const PeerId& by, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
        server.ask(by, piece(i));
    }
}

uint64_t nothing_unread(const PeerId&) {
    return 0;
}

}  // namespace

TEST_CASE("nobody gets a second piece before all others had a first") {
    PieceServer server{ServeRules{}};
    ask(server, peer(1), 5);
    ask(server, peer(2), 2);
    std::vector<uint8_t> order;
    for (const PieceServer::Piece& sent : server.due(kNow, nothing_unread)) {
        order.push_back(sent.to.key[0]);
    }
    CHECK(order == std::vector<uint8_t>{1, 2, 1, 2, 1, 1, 1});
    CHECK(server.due(kNow, nothing_unread).empty());
}

TEST_CASE("requests beyond what may wait are dropped, and so is one that waits already") {
    PieceServer server{ServeRules{}};
    ask(server, peer(1), 400);
    ask(server, peer(1), 400);
    size_t sent = 0;
    for (int turn = 0; turn < 100; ++turn) {
        sent += server.due(kNow, nothing_unread).size();
    }
    CHECK(sent == limits::kPiecesInFlightMax);
}

TEST_CASE("who does not read gets no more, and holds up nobody") {
    PieceServer server{ServeRules{}};
    ask(server, peer(1), 64);
    ask(server, peer(2), 20);
    uint64_t to_hog = 0;
    uint64_t to_reader = 0;
    for (int turn = 0; turn < 100; ++turn) {
        const auto unread = [&](const PeerId& id) {
            return id == peer(1) ? to_hog * limits::kPieceBytes : 0;
        };
        for (const PieceServer::Piece& sent : server.due(kNow, unread)) {
            ++(sent.to == peer(1) ? to_hog : to_reader);
        }
    }
    CHECK(to_reader == 20);
    CHECK(to_hog * limits::kPieceBytes == ServeRules{}.unread_bytes);
}

TEST_CASE("what is on its way to many who do not read has a bound in all") {
    ServeRules rules;
    rules.unread_total = 8 * limits::kPieceBytes;
    PieceServer server{rules};
    std::map<PeerId, uint64_t> unread;
    for (uint8_t i = 0; i < 8; ++i) {
        ask(server, peer(i), 64);
    }
    uint64_t all = 0;
    for (int turn = 0; turn < 100; ++turn) {
        for (const PieceServer::Piece& sent :
             server.due(kNow, [&](const PeerId& id) { return unread[id]; })) {
            unread[sent.to] += sent.request.length;
            all += sent.request.length;
        }
    }
    CHECK(all == rules.unread_total);
}

TEST_CASE("a key has a rate, and all together have one") {
    ServeRules rules;
    rules.peer_bytes_per_second = 4 * limits::kPieceBytes;
    rules.bytes_per_second = 6 * limits::kPieceBytes;
    PieceServer server{rules};
    const auto count = [&](int64_t ms) {
        return server.due(kNow + DurationMs{ms}, nothing_unread).size();
    };
    ask(server, peer(1), 64);
    CHECK(count(0) == 4);
    CHECK(count(0) == 0);
    CHECK(count(500) == 2);
    ask(server, peer(2), 64);
    CHECK(count(1500) == 6);  // of 8 that the two may have, 6 in all
    server.forget(peer(1));
    CHECK(count(60000) == 4);  // what was not used does not add up
}

TEST_CASE("a server that may serve nothing is a defect") {
    ServeRules rules;
    rules.unread_total = 0;
    CHECK_FALSE(fired_check([&] { PieceServer{rules}; }).empty());
}

}  // namespace assay
