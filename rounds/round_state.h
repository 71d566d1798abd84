// One round, as the ledger tells it so far: what each peer handed in, what became of it, what is
// still open. Plain values; RunState fills them.

#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "core/clock.h"
#include "core/digest.h"
#include "core/ids.h"
#include "protocol/messages.h"

namespace assay {

// Where the ledger says something.
struct RecordPlace {
    uint64_t height = 0;  // 0: nowhere
    Digest hash;          // of the record
};

struct CommitState {
    Commit commit;
    Digest hash;
    std::optional<BlobRef> payload;        // stored with us, hashed
    Instant payload_at;                    // when it was here
    std::optional<OpeningNotice> opening;  // stored with us, hashed
    // What came in the round and was no answer; and of a challenge that was owed, the base of its
    // answer. Both stay with us as long as the round may be judged again.
    std::optional<OpeningNotice> no_answer;
    BlobRef base_tiles;
    std::optional<Verdict> verdict;       // of the layers that gate
    std::array<RecordPlace, 3> recorded;  // by ReceiptKind less one
};

// A challenge that was not answered in its round, and is open.
struct Debt {
    Instant until;
    BlobRef base_tiles;  // stored with us: what the answer is held against
    uint32_t extensions = 0;
};
struct OpenDebt {
    RoundId round;
    PeerId peer;
    Instant until;
};

struct AuditState {
    AuditJob job;
    std::vector<AuditReport> reports;

    // A step of an audit is decided by one pass, or by two auditors who both refuse it.
    [[nodiscard]] bool decided() const;
};

// Whose share of which round must be taken out of E.
struct TakenShare {
    RoundId round;
    PeerId peer;
    auto operator<=>(const TakenShare&) const = default;
};

// One round, kept while verdicts on it may still come.
struct RoundState {
    RoundPlan plan;
    Digest plan_digest;
    std::map<PeerId, CommitState> commits;
    std::optional<Close> close;
    std::optional<Beacon> beacon;
    std::optional<RoundSummary> summary;
    Instant last_payload_at;                  // when the newest one was here
    std::map<PeerId, Debt> debts;             // open ones
    std::map<Digest, AuditState> audits;      // by digest of the job
    std::map<PeerId, Verdict> late_verdicts;  // of the gradient audits
    std::vector<TakenShare> taken_back;       // of earlier rounds, out of E with this one's step

    // Audits of this peer still without a result that decides.
    [[nodiscard]] bool audit_pending(const PeerId& peer) const;
    [[nodiscard]] bool any_audit_pending() const;
    // In the aggregate: accepted in a round that was not voided.
    [[nodiscard]] bool entered(const PeerId& peer) const;
};

}  // namespace assay
