// What goes into PeerMachine; peer/peer_actions.h is what comes out. Plain values: no socket, no
// tensor, no thread.
//
// Signatures of envelopes were checked against the coordinator's key before a message becomes an
// event.

#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "peer/triple_roots.h"
#include "protocol/messages.h"

namespace assay {

struct ChannelUp {};
struct ChannelDown {
    std::string reason;
};
struct MessageArrived {
    Message message;
    Envelope envelope;
};
// A blob that WantBlob asked for lies, hashed, in our own store.
struct BlobReady {
    Digest sha256;
};
struct BlobMissing {
    Digest sha256;
    std::string reason;
};
struct RoundTrained {
    RoundId round;
    Commit commit;
    Envelope envelope;  // the COMMIT sealed once: these bytes are sent, hashed and challenged
    BlobRef payload;
    float loss = 0;  // of the last step
};
struct TrainingProgress {
    RoundId round;
    uint32_t step = 0;
    float loss = 0;
    uint32_t tokens_per_second = 0;
};
struct TrainingFailed {
    RoundId round;
    std::string reason;
};
struct OpeningBuilt {
    OpeningNotice notice;
};
// The trainer does not answer (an adversary's `silent`, or what is lost and cannot be computed
// again).
struct OpeningFailed {
    RoundId round;
    std::string reason;
};
// theta after the summary's aggregate; equal to the summary's theta_root in every honest case.
struct AggregateApplied {
    RoundId round;
    Digest theta_root;
};
struct ThetaAdopted {
    Digest theta_root;
};
// The disk does not take what must outlive this process.
struct StateNotSaved {
    std::string reason;
};
// What FindEntryWork asked for.
struct EntryWorkFound {
    uint64_t nonce = 0;
};
struct PeerTick {};
// First what is owed is finished, or else `at_once`.
struct PeerStop {
    bool at_once = false;
};

using PeerEvent = std::variant<ChannelUp,
                               ChannelDown,
                               MessageArrived,
                               BlobReady,
                               BlobMissing,
                               RoundTrained,
                               TrainingProgress,
                               TrainingFailed,
                               OpeningBuilt,
                               OpeningFailed,
                               AggregateApplied,
                               ThetaAdopted,
                               StateNotSaved,
                               EntryWorkFound,
                               PeerTick,
                               PeerStop>;

}  // namespace assay
