// What a peer's machine orders; peer/peer_events.h is what it hears.
//
// Whoever performs actions does so strictly in order.

#pragma once

#include <string>
#include <variant>

#include "peer/peer_events.h"

namespace assay {

// Dial (again); answered by ChannelUp or ChannelDown.
struct Dial {};
struct Say {
    Message message;
};
// Send these very bytes again: a sealed COMMIT.
struct SaySealed {
    Envelope envelope;
};
// Fetch from its locations, else from the coordinator, into our own store.
struct WantBlob {
    BlobRef blob;
};
// The run is known now: open the data, build the model. Done before the next action.
struct PrepareRun {
    RunManifest manifest;
};
// The run lets nobody new in without it (protocol/entry_work.h): answered by EntryWorkFound, and
// kept durably, so that a restart does not pay again.
struct FindEntryWork {};
struct TrainRound {
    RoundPlan plan;
};
// Stop the running training between two steps; no RoundTrained of that round may follow.
struct AbandonRound {
    RoundId round;
};
// From the chain, or from the round trained again.
struct BuildOpening {
    RoundPlan plan;
    Commit commit;  // after a restart no more of it is known than its plan and payload
    Digest commit_hash;
    Digest beacon;
};
// Fetch done: apply Q(u) to theta, then keep the new triple (counted) or go back to the old one.
struct ApplyAggregate {
    RoundSummary summary;
    bool counted = false;
};
// Take theta from a blob that is in our store; its root must be `root`.
struct AdoptTheta {
    BlobRef blob;
    Digest root;
};
// The chain of that round will not be asked for any more, unless it is owed.
struct ForgetRound {
    RoundId round;
};
// The round's challenge stays open: what answers it is kept, durably, until it is released.
struct OweRound {
    RoundId round;
};
struct ReleaseRound {
    RoundId round;
};
// What was fetched is used or not wanted any more: stop fetching it, and remove it.
struct DropBlob {
    Digest sha256;
};
// Two signed words that no one history holds: a portable proof against the coordinator.
struct ReportEquivocation {
    Envelope first;
    Envelope second;
    std::string what;
};
// The newest summary, whose head may be compared with a ledger, or the newest beacon.
struct KeepHead {
    Envelope envelope;
};
// To be kept durably: what the coordinator signed of a round in which this peer has work.
struct KeepProof {
    RoundId round;
    Envelope envelope;
};
struct PeerNote {
    std::string text;
};
struct PeerFinished {
    bool ok = false;  // false: refused or impossible; the reason is for a person
    std::string reason;
    bool try_again = false;  // a later try may end better: what was in the way was this machine's
};

using PeerAction = std::variant<Dial,
                                Say,
                                SaySealed,
                                WantBlob,
                                PrepareRun,
                                FindEntryWork,
                                TrainRound,
                                AbandonRound,
                                BuildOpening,
                                ApplyAggregate,
                                AdoptTheta,
                                ForgetRound,
                                OweRound,
                                ReleaseRound,
                                DropBlob,
                                ReportEquivocation,
                                KeepProof,
                                KeepHead,
                                PeerNote,
                                PeerFinished>;

}  // namespace assay
