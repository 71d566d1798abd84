// An honest run among real processes at a low audit rate: everything vests, nobody is held back.

#include <catch2/catch.hpp>

#include "tests/process/world.h"

namespace assay {
namespace {

constexpr int kHonestRounds = 40;
constexpr int64_t kPool = 1'000'000;  // of a round

// Audits of everybody would hide a reward that waits for an audit that nobody ordered.
TEST_CASE("forty honest rounds at a tenth audited vest all that was paid", "[process]") {
    ProcessWorld world(kHonestRounds,
                       2,
                       {{"pay", "audit_min_ppm", "100000"},
                        {"pay", "vest_rounds", "10"},
                        {"pay", "verdict_window", "4"},
                        {"pay", "pool_per_round", std::to_string(kPool)}});
    world.start_coordinator();
    for (const char* name : {"p1", "p2"}) {
        world.make_peer(name);
        world.start_peer(name);
    }
    const CoordinatorStatus last = world.await_finish();
    world.check_honest({"p1", "p2"});
    int64_t vested = 0;
    for (const PeerStatus& peer : last.peers) {
        CAPTURE(peer.id.brief(), peer.verdict, peer.reason);
        CHECK(peer.unvested == 0);
        CHECK(peer.deposit == 0);
        CHECK(peer.forfeited == 0);
        vested += peer.vested;
    }
    CHECK(vested == kHonestRounds * kPool);
    REQUIRE(world.rounds().size() == kHonestRounds);
    for (const RoundStatus& round : world.rounds()) {
        CHECK_FALSE(round.voided);
    }
    const auto [code, text] =
        world.assay({"ledger", "show", "--dir", world.coordinator_folder().string()});
    INFO(text);
    CHECK(code == 0);
    CHECK(text.find("; 0 of 80 verdicts suspicious") != std::string::npos);
}

}  // namespace
}  // namespace assay
