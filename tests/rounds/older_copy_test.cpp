// A coordinator whose folder is an older copy, and peers that have run on: they know the draws of
// the rounds that it begins again.

#include <algorithm>
#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "tests/rounds/machine_driver.h"

namespace assay {
namespace {

constexpr size_t kDebtor = 1;

// In round 3 of 12; the challenge of peer 1 in round 2 is open.
struct OlderCopy {
    MachineDriver d{3, 12};

    OlderCopy() {
        d.begin();
        (void)d.run_round();
        (void)d.run_round();
        (void)d.run_without_opening(kDebtor);
        REQUIRE(book(kDebtor).owes());
    }
    [[nodiscard]] const PeerBook& book(size_t peer) const {
        return *d.machine->state().books().find(d.peers[peer].id());
    }
    // What peers that have run on to this round's beacon know.
    [[nodiscard]] Beacon beacon(uint64_t round) const {
        Beacon made;
        made.round = RoundId{round};
        made.chain_element = d.beacons.element(round + 1);
        made.close_root = MachineDriver::digest(99);
        made.value = beacon_value(made.chain_element, made.close_root);
        return made;
    }
    std::vector<Action> show(const Beacon& beacon) {
        return d.step(BeaconShown{d.peers[0].id(), beacon});
    }
    // Rounds from `first` to 6 are voided, and round 7 is open to all, from zeros.
    void check_passed(uint64_t first) const {
        const RunState& state = d.machine->state();
        CHECK(d.machine->phase() == RoundPhase::kGathering);
        REQUIRE(d.machine->round() == RoundId{7});
        for (uint64_t round = first; round < 7; ++round) {
            CHECK(state.find(RoundId{round})->summary->voided);
        }
        REQUIRE(d.plan().peers.size() == 3);
        for (const PlanPeer& peer : d.plan().peers) {
            CHECK(peer.optimiser_steps == 0);
            CHECK(peer.e_root == state.books().zero_root());
        }
        CHECK(state.doublings() == 0);
    }
    void check_nobody_lost() {
        d.now = d.now + DurationMs{100 * 3600000};
        d.restart();
        d.hello_all();
        (void)d.run_round();
        (void)d.run_round();
        for (size_t peer = 0; peer < 3; ++peer) {
            CHECK(book(peer).escrow.forfeited() == 0);
            CHECK(book(peer).escrow.deposit() > 0);
            CHECK_FALSE(book(peer).owes());
            CHECK_FALSE(d.machine->state().member(d.peers[peer].id())->ejected);
        }
        CHECK(check_books(d.machine->state().books()).ok());
    }
};

}  // namespace

TEST_CASE("rounds whose draws peers know pass without work, and nobody forfeits", "[older_copy]") {
    OlderCopy o;
    const int stage = GENERATE(0, 1, 2, 3);  // of round 3 in the copy
    CAPTURE(stage);
    if (stage == 1) {
        (void)o.d.commit(0);
        (void)o.d.payload(0);
    } else if (stage > 1) {
        o.d.send_all();
    }
    if (stage == 3) {
        (void)o.d.opening(0);
    }
    o.d.now = o.d.now + DurationMs{1000};
    (void)o.d.restart();
    o.d.hello_all();
    const std::vector<Action> told = o.show(o.beacon(6));
    o.check_passed(3);
    const std::vector<DebtNotice> settled = sent<DebtNotice>(told);
    REQUIRE(settled.size() == 1);
    CHECK_FALSE(settled[0].open);
    CHECK(settled[0].round == RoundId{2});
    CHECK(sent<RoundPlan>(told).back().round == RoundId{7});
    const uint64_t height = o.d.machine->state().height();
    CHECK(o.show(o.beacon(6)).empty());  // by the next peer
    CHECK(o.show(o.beacon(5)).empty());
    CHECK(o.d.machine->state().height() == height);
    o.check_nobody_lost();
}

TEST_CASE("what is judged is settled before rounds are taken for lost", "[older_copy]") {
    OlderCopy o;
    const JudgeRound order = o.d.run_to_judging();
    (void)o.show(o.beacon(6));
    CHECK(o.d.machine->phase() == RoundPhase::kJudging);
    (void)o.d.step(o.d.judged(order));
    CHECK_FALSE(o.d.machine->state().find(RoundId{3})->summary->voided);
    o.check_passed(4);
}

TEST_CASE("lost rounds wait for peers to come back, a restart in between included",
          "[older_copy]") {
    OlderCopy o;
    (void)o.d.restart();
    (void)o.d.hello(0);
    (void)o.show(o.beacon(6));
    CHECK(o.d.machine->round() == RoundId{3});
    CHECK_FALSE(o.d.machine->wake_at());
    CHECK(sent<RoundPlan>(o.d.hello(1)).empty());  // nobody works in it
    (void)o.d.restart();
    o.d.hello_all();
    o.check_passed(3);
    o.check_nobody_lost();
}

TEST_CASE("a beacon that is not ours, known here or of no round takes nothing for lost",
          "[older_copy]") {
    OlderCopy o;
    (void)o.d.commit(0);
    const uint64_t height = o.d.machine->state().height();
    Beacon forged = o.beacon(6);
    forged.chain_element = MachineDriver::digest(5);
    Beacon unbound = o.beacon(6);
    unbound.value = MachineDriver::digest(5);
    for (const Beacon& beacon : {forged, unbound, o.beacon(2), o.beacon(12), o.beacon(14)}) {
        CHECK(o.show(beacon).empty());
    }
    Beacon far = o.beacon(6);
    far.round = RoundId{UINT64_MAX};
    CHECK(o.show(far).empty());
    CHECK(o.d.machine->state().height() == height);
    o.d.send_all();
    REQUIRE(o.d.machine->phase() == RoundPhase::kChallenging);
    CHECK(o.show(o.beacon(3)).empty());  // of the round that runs, as this ledger has it
    CHECK(o.d.machine->phase() == RoundPhase::kChallenging);
}

}  // namespace assay
