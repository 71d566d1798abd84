// What RoundJudge is asked and what it answers: a round's submissions in, verdicts, audits and the
// outer step out; a late answer; a single audit; a step to be taken again. Plain values.
//
// A coordinator's RoundMachine gives these orders, and so may an auditor, a standby or a third
// party.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/digest.h"
#include "core/ids.h"
#include "protocol/messages.h"

namespace assay {

struct ContributionRef {
    PeerId peer;
    BlobRef payload;
    double weight = 0;
};
// A late rejection: -D_i of that round goes into E.
struct TakeBack {
    RoundId round;
    PeerId peer;
    std::vector<ContributionRef> entered;  // all of that round's aggregate, in order of id
};
// An outer step that the ledger says was taken, and what it must lead to.
struct OuterStepAgain {
    RoundId round;
    std::vector<ContributionRef> entered;  // in order of id
    std::vector<TakeBack> take_backs;
    Digest theta_root;
    Digest accumulator_root;
    Digest momentum_root;
};

// ---- orders ----------------------------------------------------------------------------------

// What a peer handed in, and what it had to start from.
struct Submission {
    PlanPeer expected;
    Commit commit;
    Digest commit_hash;
    BlobRef payload;
    std::optional<OpeningNotice> opening;  // absent: drawn and not answered
    double weight = 0;                     // w_i, by plan_weight
};
struct JudgeRound {
    RoundPlan plan;
    Digest plan_digest;
    Digest beacon;
    std::vector<Submission> submissions;  // in order of id
    std::vector<TakeBack> take_backs;
    // Limits, by what the ledger says of the rounds before.
    TripwireFigures tripwire{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
};
// A challenge that was answered late: the submission as it was judged in its round, and its
// opening.
struct JudgeDebt {
    RoundPlan plan;
    Digest plan_digest;
    Digest beacon;
    Submission submission;  // with an opening
    BlobRef base_tiles;     // of the round's JudgedPeer
};
struct RunAudit {
    AuditJob job;
    uint32_t attempt = 1;
};

// ---- answers ---------------------------------------------------------------------------------

struct JudgedPeer {
    Verdict verdict;       // of the layers that gate
    bool entered = false;  // in the aggregate
    Digest m_after_root;   // END roots, proven by the opening; zero if not opened
    Digest v_after_root;
    Digest e_after_root;
    int64_t pay_share_nano = 0;  // phi in 1e-9 nat
    double weight = 0;           // w_i as used in the aggregate
    BlobRef base_tiles;  // unanswered: of theta the drawn chunks, in order, to judge it later
};
struct RoundJudged {
    RoundId round;
    bool voided = false;  // nothing entered
    std::string reason;
    std::vector<JudgedPeer> peers;                       // one a submission, in order of id
    std::vector<AuditJob> audits;                        // single gradients that must be recomputed
    std::vector<std::pair<RoundId, PeerId>> taken_back;  // of the order's take_backs
    int64_t encoding_pay_share_nano = 0;
    int64_t loss_decrease_nano = 0;  // measured on the same sequences as the shares
    BlobRef aggregate;
    BlobRef theta;  // after the outer step, durable before this event
    Digest theta_root;
    Digest accumulator_root;
    Digest momentum_root;
    float loss_before = 0;
    float loss_after = 0;
};

struct DebtJudged {
    Verdict
        verdict;  // by kRefusal: accepted, if it is right; gated, if it is no answer. Or rejected
    std::vector<AuditJob> audits;
};

}  // namespace assay
