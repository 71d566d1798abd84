// A peer's machine with a coordinator's side by hand, for the tests of this folder.

#pragma once

#include <optional>
#include <vector>

#include "core/merkle.h"
#include "peer/peer_machine.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"

namespace assay {

inline Digest digest(uint8_t number) {
    Digest made;
    made.bytes[0] = number;
    return made;
}

template <typename T>
std::vector<T> all_of(const std::vector<PeerAction>& actions) {
    std::vector<T> found;
    for (const PeerAction& action : actions) {
        if (const T* one = std::get_if<T>(&action)) {
            found.push_back(*one);
        }
    }
    return found;
}

template <typename T>
std::vector<T> said(const std::vector<PeerAction>& actions) {
    std::vector<T> found;
    for (const Say& say : all_of<Say>(actions)) {
        if (const T* one = std::get_if<T>(&say.message)) {
            found.push_back(*one);
        }
    }
    return found;
}

// A coordinator's side, by hand.
struct Fixture {
    Identity coordinator = Identity::from_seed(digest(1));
    Identity self = Identity::from_seed(digest(2));
    BeaconChain chain{digest(3), 10};
    RunManifest manifest;
    PeerMachine machine;
    Instant now{1000};

    // resumed: it knows the run already.
    explicit Fixture(Digest theta = digest(9), bool resumed = false)
        : manifest(make_manifest()),
          machine(self.id(),
                  coordinator.id(),
                  Hello{},
                  PeerRules{},
                  PeerResume{theta, resumed ? std::optional(manifest) : std::nullopt}) {}

    RunManifest make_manifest() {
        RunManifest made;
        made.run_name = "test";
        made.coordinator = coordinator.id();
        made.beacon_tail = chain.tail();
        made.beacon_length = chain.length();
        return made;
    }
    std::vector<PeerAction> tell(const Message& message) {
        return machine.step(MessageArrived{message, make_envelope(coordinator, message)}, now);
    }
    RoundPlan plan(uint64_t round, Digest base = digest(9)) {
        RoundPlan made;
        made.round = RoundId{round};
        made.manifest_digest = manifest_digest(manifest);
        made.base_root = base;
        made.theta = {digest(77), 4096, {}};
        made.inner_steps = 1;
        made.learning_rate_bits = {0};
        PlanPeer peer;
        peer.id = self.id();
        peer.sequences_per_step = 1;
        made.peers = {peer};
        return made;
    }
    void join() {
        (void)machine.start(now);
        (void)machine.step(ChannelUp{}, now);
        (void)tell(Welcome{manifest, RoundId{0}, {}, {}});
        (void)tell(Welcome{manifest, RoundId{0}, {}, {}});
    }
    RoundTrained trained(const RoundPlan& plan) {
        RoundTrained event;
        event.commit.plan_digest = plan_digest(plan);
        event.round = plan.round;
        event.commit.round = plan.round;
        event.commit.payload_hash = digest(50);
        event.envelope = make_envelope(self, event.commit);
        event.payload = {digest(50), 100, {}};
        return event;
    }
    // CLOSE with this peer's COMMIT as its only entry.
    CloseNotice close(const RoundPlan& plan, const RoundTrained& work) {
        const Digest leaf =
            close_leaf({self.id(), commit_hash(work.envelope), work.commit.payload_hash});
        const MerkleTree tree({leaf});
        CloseNotice notice;
        notice.close = {plan.round, plan.manifest_digest, plan_digest(plan), tree.root(), 1};
        notice.inclusion = tree.path(0);
        return notice;
    }
    Beacon beacon(const CloseNotice& notice) {
        Beacon made;
        made.round = notice.close.round;
        made.chain_element = chain.element(made.round.value + 1);
        made.close_root = notice.close.entries_root;
        made.value = beacon_value(made.chain_element, made.close_root);
        return made;
    }
    RoundSummary summary(uint64_t round, CommitOutcome outcome) {
        RoundSummary made;
        made.round = RoundId{round};
        made.theta_root = digest(10);
        made.aggregate = {digest(60), 10, {}};
        made.entries = {{self.id(), outcome, "why"}};
        return made;
    }
};

}  // namespace assay
