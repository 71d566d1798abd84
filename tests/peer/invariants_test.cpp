// What a programmer promises of a peer: each kind of promise is broken once, and is seen to stop
// the process. What a coordinator says breaks none (peer_machine_test.cpp).

#include <catch2/catch.hpp>

#include "peer/peer_machine.h"
#include "protocol/codec.h"
#include "tests/peer/peer_fixture.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

using Catch::Contains;

// A peer in training, with a coordinator by hand.
struct Training {
    RoundPlan plan;
    Identity coordinator = Identity::from_seed(digest(1));
    Identity self = Identity::from_seed(digest(2));
    PeerMachine machine{self.id(), coordinator.id(), Hello{}, PeerRules{}, {digest(9), {}}};
    Instant now{1000};

    Training() {
        RunManifest manifest;
        manifest.coordinator = coordinator.id();
        manifest.beacon_length = 10;
        (void)machine.start(now);
        (void)machine.step(ChannelUp{}, now);
        tell(Welcome{manifest, RoundId{0}, {}, {}});
        tell(Welcome{manifest, RoundId{0}, {}, {}});
        plan.manifest_digest = manifest_digest(manifest);
        plan.base_root = digest(9);
        plan.inner_steps = 1;
        plan.peers.resize(1);
        plan.peers[0].id = self.id();
        tell(plan);
    }
    void tell(const Message& message) {
        (void)machine.step(MessageArrived{message, make_envelope(coordinator, message)}, now);
    }
    [[nodiscard]] RoundTrained trained() const {
        RoundTrained event;
        event.commit.plan_digest = plan_digest(plan);
        event.commit.payload_hash = digest(50);
        event.envelope = make_envelope(self, event.commit);
        event.payload = {digest(50), 100, {}};
        return event;
    }
    std::string fired_by(const RoundTrained& event) {
        return fired_check([&] { (void)machine.step(event, now); });
    }
};

}  // namespace

TEST_CASE("a peer's machine is started once, before its first step", "[peer]") {
    PeerMachine machine({}, {}, {}, {}, {});
    CHECK_THAT(fired_check([&] { (void)machine.step(PeerTick{}, {}); }), Contains("started_"));
    (void)machine.start({});
    CHECK_THAT(fired_check([&] { (void)machine.start({}); }), Contains("!started_"));
}

TEST_CASE("a peer that dials again waits a while", "[peer]") {
    PeerRules rules;
    rules.dial_pause = DurationMs{0};
    CHECK_THAT(fired_check([&] { (void)PeerMachine({}, {}, {}, rules, {}); }),
               Contains("dial_pause.ms > 0"));
    rules.dial_pause = DurationMs{rules.dial_pause_max.ms + 1};
    CHECK_THAT(fired_check([&] { (void)PeerMachine({}, {}, {}, rules, {}); }),
               Contains("dial_pause_max"));
}

TEST_CASE("a peer commits to the round, the payload and the key that are its own", "[peer]") {
    Training f;
    REQUIRE(f.machine.phase() == PeerPhase::kTraining);
    CHECK(f.fired_by(f.trained()).empty());
    RoundTrained other = f.trained();
    other.commit.round.value = 1;
    CHECK_THAT(f.fired_by(other), Contains("event.round"));
    other = f.trained();
    other.payload.sha256 = digest(51);
    CHECK_THAT(f.fired_by(other), Contains("payload_hash"));
    other = f.trained();
    other.envelope = make_envelope(f.coordinator, other.commit);
    CHECK_THAT(f.fired_by(other), Contains("self_"));
}

}  // namespace assay
