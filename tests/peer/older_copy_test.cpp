// A peer that has run on, and a coordinator whose folder is an older copy: it says which signed
// heads it has seen, works on nothing whose draws are known, and goes on by itself.

#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>

#include "peer/peer_machine.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"

namespace assay {
namespace {

Digest digest(uint8_t number) {
    Digest made;
    made.bytes[0] = number;
    return made;
}

// A peer that stands in round 1, which it has committed to, behind a round that counted.
struct RunOn {
    Identity coordinator = Identity::from_seed(digest(1));
    Identity self = Identity::from_seed(digest(2));
    BeaconChain chain{digest(3), 10};
    RunManifest manifest;
    std::optional<PeerMachine> machine;
    Instant now{1000};
    std::vector<PeerAction> last;

    RunOn() {
        manifest.run_name = "test";
        manifest.coordinator = coordinator.id();
        manifest.beacon_tail = chain.tail();
        manifest.beacon_length = chain.length();
        machine.emplace(
            self.id(), coordinator.id(), Hello{}, PeerRules{}, PeerResume{digest(9), manifest});
        (void)machine->start(now);
        connect(RoundId{1});
        tell(plan(0, 9, 20));
        commit(plan(0, 9, 20));
        RoundSummary summary;
        summary.round = RoundId{0};
        summary.theta_root = digest(10);
        summary.ledger_head = digest(21);
        summary.entries = {{self.id(), CommitOutcome::kCounted, ""}};
        tell(summary);
        take(AggregateApplied{RoundId{0}, digest(10)});
        tell(plan(1, 10, 22));
        commit(plan(1, 10, 22));
        REQUIRE(machine->phase() == PeerPhase::kSubmitted);
    }
    void take(const PeerEvent& event) { last = machine->step(event, now); }
    void tell(const Message& message) {
        take(MessageArrived{message, make_envelope(coordinator, message)});
    }
    void connect(RoundId next) {
        take(ChannelDown{"restart"});
        take(ChannelUp{});
        tell(Welcome{manifest, next, {}, {}});
    }
    RoundPlan plan(uint64_t round, uint8_t base, uint8_t head) const {
        RoundPlan made;
        made.round = RoundId{round};
        made.manifest_digest = manifest_digest(manifest);
        made.base_root = digest(base);
        made.ledger_head = digest(head);
        made.theta = {digest(77), 4096, {}};
        made.inner_steps = 1;
        made.learning_rate_bits = {0};
        PlanPeer peer;
        peer.id = self.id();
        peer.sequences_per_step = 1;
        made.peers = {peer};
        return made;
    }
    void commit(const RoundPlan& to) {
        RoundTrained event;
        event.round = to.round;
        event.commit.plan_digest = plan_digest(to);
        event.commit.round = to.round;
        event.commit.payload_hash = digest(50);
        event.envelope = make_envelope(self, event.commit);
        event.payload = {digest(50), 100, {}};
        take(event);
    }
    // What it noted in its last step.
    [[nodiscard]] std::string notes() const {
        std::string text;
        for (const PeerAction& action : last) {
            if (const auto* note = std::get_if<PeerNote>(&action)) {
                text += note->text + "\n";
            }
        }
        return text;
    }
    template <typename T>
    [[nodiscard]] size_t count() const {
        return static_cast<size_t>(std::count_if(last.begin(), last.end(), [](const PeerAction& a) {
            return std::holds_alternative<T>(a);
        }));
    }
};

}  // namespace

TEST_CASE("a coordinator behind the end of a round that it has signed is told so, once", "[peer]") {
    RunOn peer;
    peer.connect(RoundId{2});
    CHECK(peer.notes() == "");
    RunOn other;
    other.take(ChannelDown{"restart"});
    other.take(ChannelUp{});
    other.tell(Welcome{other.manifest, RoundId{0}, {}, {}});
    CHECK_THAT(other.notes(),
               Catch::Contains("older copy") && Catch::Contains("round 0") &&
                   Catch::Contains(digest(21).hex()));
    other.tell(Welcome{other.manifest, RoundId{0}, {}, {}});
    CHECK(other.notes() == "");
    other.tell(other.plan(0, 9, 30));
    CHECK(other.count<TrainRound>() == 0);
    other.tell(other.plan(2, 10, 31));  // behind all that it knows
    CHECK(other.count<TrainRound>() == 1);
}

TEST_CASE("a second plan of a round is told with both heads, and worked on if nothing is drawn",
          "[peer]") {
    RunOn peer;
    const bool drawn = GENERATE(false, true);
    if (drawn) {
        Beacon beacon;
        beacon.round = RoundId{1};
        beacon.chain_element = peer.chain.element(2);
        beacon.close_root = digest(40);
        beacon.value = beacon_value(beacon.chain_element, beacon.close_root);
        peer.tell(beacon);
    }
    peer.connect(RoundId{2});
    peer.tell(peer.plan(1, 10, 22));
    CHECK(peer.notes() == "");
    peer.tell(peer.plan(1, 10, 33));
    CHECK_THAT(peer.notes(),
               Catch::Contains(digest(22).hex()) && Catch::Contains(digest(33).hex()) &&
                   Catch::Contains("older copy"));
    CHECK(peer.count<TrainRound>() == (drawn ? 0 : 1));
    // What was committed to the first plan is not said again.
    peer.take(ChannelDown{"restart"});
    peer.take(ChannelUp{});
    peer.now = peer.now + DurationMs{60000};
    peer.take(PeerTick{});
    CHECK(peer.count<SaySealed>() == 0);
    peer.tell(peer.plan(2, 10, 34));
    CHECK(peer.count<TrainRound>() == 1);
}

}  // namespace assay
