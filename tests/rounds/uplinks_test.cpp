// How fast a peer sends: averages over busy times, and what short ones do not say.

#include "rounds/uplinks.h"

#include <catch2/catch.hpp>

namespace assay {

namespace {

constexpr uint64_t kAssumed = 1000000;

struct Link {
    Uplinks uplinks;
    PeerId peer;

    uint64_t moved(uint64_t bytes, int64_t busy_ms) {
        uplinks.moved(peer, bytes, DurationMs{busy_ms}, kAssumed, Instant{busy_ms});
        return uplinks.rate(peer);
    }
};

}  // namespace

TEST_CASE("the first busy time is the measure, the next ones move it by half", "[coordinator]") {
    Link link;
    CHECK(link.uplinks.rate(link.peer) == 0);
    CHECK(link.moved(20000, 2000) == 10000);
    CHECK(link.moved(80000, 4000) == 20000);  // the same busy time goes on
    CHECK(link.moved(80000, 2000) == 30000);  // another one, at 40000
    CHECK(link.moved(160000, 4000) == 30000);
}

TEST_CASE("a short busy time shows that a link is fast, never that it is slow", "[coordinator]") {
    Link link;
    CHECK(link.moved(1000, 50) == 0);  // 20 kB/s of waiting for an answer
    CHECK(link.moved(1000000, 100) == 10000000);
    Link slow;
    CHECK(slow.moved(20000, 2000) == 10000);
    CHECK(slow.moved(100, 500) == 10000);
    CHECK(slow.moved(15000, 500) == 20000);
}

TEST_CASE("what came since a peer was first asked in a phase counts, over busy times",
          "[coordinator]") {
    Link link;
    (void)link.moved(5000, 100);
    CHECK(link.uplinks.asked(link.peer).bytes == 0);
    link.uplinks.ask(link.peer, Instant{100});
    CHECK(link.uplinks.asked(link.peer).bytes == 0);
    (void)link.moved(7000, 200);
    (void)link.moved(1000, 50);  // another busy time
    CHECK(link.uplinks.asked(link.peer).bytes == 3000);
    CHECK(link.uplinks.asked(link.peer).since == Instant{100});
    link.uplinks.ask(link.peer, Instant{300});
    CHECK(link.uplinks.asked(link.peer).since == Instant{100});
    link.uplinks.forget_asked();
    link.uplinks.ask(link.peer, Instant{400});
    CHECK(link.uplinks.asked(link.peer).bytes == 0);
    CHECK(link.uplinks.asked(link.peer).since == Instant{400});
}

TEST_CASE("a standstill of this process is no silence of a peer", "[coordinator]") {
    Link link;
    link.uplinks.ask(link.peer, Instant{100});
    link.uplinks.stood_still(DurationMs{5000});
    CHECK(link.uplinks.asked(link.peer).heard == Instant{5100});
    CHECK(link.uplinks.asked(link.peer).since == Instant{5100});
    CHECK(link.moved(0, 100) == 0);
}

}  // namespace assay
