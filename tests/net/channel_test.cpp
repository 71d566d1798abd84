// What a channel hands on: a message whose signature was checked once, with the bytes as they came.

#include "net/channel.h"

#include <catch2/catch.hpp>

namespace assay {

TEST_CASE("a message is checked once, and keeps its bytes even where they are not canonical") {
    const Identity peer = Identity::from_seed(sha256_plain(as_bytes("peer")));
    Bytes wire = seal(peer, Heartbeat{7});
    const Bytes canonical = wire;
    wire.insert(wire.end(), {0x78, 0x01});  // a field 15, which nobody knows
    ChannelCounters counters;
    const uint64_t before = signatures_checked();
    const auto opened = open_incoming(wire, counters);
    CHECK(signatures_checked() - before == 1);
    REQUIRE(std::holds_alternative<Incoming>(opened));
    const auto& incoming = std::get<Incoming>(opened);
    CHECK(incoming.from == peer.id());
    CHECK(std::get<Heartbeat>(incoming.message).sequence == 7);
    CHECK(incoming.envelope.wire() == wire);
    CHECK(encode_envelope(incoming.envelope) == canonical);
}

}  // namespace assay
