// What goes into RoundMachine and what comes out of it. Plain values: no socket, tensor or thread.
//
// What is ordered of the judge, and what it answers, stands in verify/judge_order.h.
//
// Whoever performs actions does so strictly in order, and performs none behind a Persist before its
// records are durable. Signatures of messages are made and checked there.

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "ledger/event.h"
#include "ledger/record.h"
#include "protocol/checked_envelope.h"
#include "protocol/messages.h"
#include "verify/judge_order.h"

namespace assay {

enum class BlobPurpose : uint8_t { kPayload, kOpening, kStepState };

// ---- events --------------------------------------------------------------------------------

struct PeerHello {
    PeerId peer;
    Hello hello;
    std::string site{};  // the address that it comes from; "": not known
};
// The connection is closed, or has been silent for too long.
struct PeerGone {
    PeerId peer;
};
struct CommitArrived {
    PeerId peer;
    Commit commit;             // in the envelope
    CheckedEnvelope envelope;  // of this peer, with the bytes as received, which are stored
};
struct PayloadNoticed {
    PeerId peer;
    PayloadNotice notice;
};
struct OpeningNoticed {
    PeerId peer;
    OpeningNotice notice;
};
struct ProgressArrived {
    PeerId peer;
    Progress progress;
};
// A blob that FetchBlob asked for lies, hashed, in our own store.
struct BlobStored {
    PeerId peer;
    RoundId round;
    BlobPurpose purpose = BlobPurpose::kPayload;
    Digest sha256;
    uint64_t size_bytes = 0;
};
// Something came of what FetchBlob asked of this peer: all of it since `busy` ago, when it was
// asked with nothing else on the way.
struct BlobsMoved {
    PeerId peer;
    uint64_t bytes = 0;
    DurationMs busy;
};
struct BlobFailed {
    PeerId peer;
    RoundId round;
    BlobPurpose purpose = BlobPurpose::kPayload;
    Digest sha256;
    std::string reason;
};

struct AuditDone {
    AuditReport report;
    CheckedEnvelope envelope;  // the auditor's signed report, with the bytes that are stored
    uint32_t attempt = 1;      // 2: by the second auditor
};
// A peer says a beacon that we have revealed: what else would it know it from?
struct BeaconShown {
    PeerId peer;
    Beacon beacon;
};
// Which blobs are kept of a round that is closed?
struct EvidenceAsked {
    PeerId peer;
    RoundId round;
};
// By the operator, who may say so while the run goes on.
struct OperatorOrder {
    PeerId peer;
    OrderKind kind = OrderKind::kExpel;
    std::string reason;
};
// This process did not run for so long (suspended, or a machine in distress): nobody's fault.
struct Stalled {
    DurationMs time;
};
struct Tick {};
struct StopRequested {};

using Event = std::variant<PeerHello,
                           PeerGone,
                           CommitArrived,
                           PayloadNoticed,
                           OpeningNoticed,
                           ProgressArrived,
                           BlobStored,
                           BlobsMoved,
                           BlobFailed,
                           RoundJudged,
                           AuditDone,
                           DebtJudged,
                           OperatorOrder,
                           EvidenceAsked,
                           BeaconShown,
                           Stalled,
                           Tick,
                           StopRequested>;

// ---- actions -------------------------------------------------------------------------------

struct Send {
    PeerId to;
    Message message;
};
// To every connected peer.
struct Broadcast {
    Message message;
};
struct Persist {
    std::vector<RecordDraft> drafts;
    std::vector<LedgerEvent> events;  // what the drafts say, one each
};
struct FetchBlob {
    PeerId from;
    RoundId round;
    BlobPurpose purpose = BlobPurpose::kPayload;
    BlobRef blob;
};

// No other blob is needed any more, on the way or stored. Comes while no round is being judged.
struct KeepBlobs {
    std::set<Digest> live;
    std::set<Digest> shown;  // of these, what members may fetch beside what is public
};
struct CloseConnection {
    PeerId peer;
    std::string reason;
};
// A line for the operator's log.
struct Note {
    std::string text;
    PeerId by{};  // whose doing it is, as often as it likes; zero: nobody's
};
struct RunFinished {
    bool complete = false;  // all rounds done and everything settled; else stopped on request
    std::string reason;
};

using Action = std::variant<Send,
                            Broadcast,
                            Persist,
                            FetchBlob,
                            JudgeRound,
                            JudgeDebt,
                            RunAudit,
                            KeepBlobs,
                            CloseConnection,
                            Note,
                            RunFinished>;

}  // namespace assay
