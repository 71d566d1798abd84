// RoundJudge, what it knows of the rounds before: given again after a restart.

#include "core/log.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "verify/chunk_audit.h"
#include "verify/opening.h"
#include "verify/round_judge.h"

namespace assay {

void RoundJudge::remember(const Recollection& past) {
    history_ = {};
    old_payloads_.clear();
    traces_.clear();
    for (const OldPayload& old : past.payloads) {
        remember(old);
    }
    for (const PendingAudit& open : past.audits) {
        remember(open);
    }
}

// What does not decode was refused in its round and is not kept then either; of what is lost the
// hash is still known.
void RoundJudge::remember(const OldPayload& old) {
    old_payloads_[{old.round, old.peer}] = old.blob;
    PayloadEntries entries;
    if (ports_.get(old.blob)) {
        const Result<PeerPayload> payload = read_old(old.blob);
        if (!payload) {
            return;
        }
        entries = payload_entries(*payload);
    } else {
        log_error("the payload of " + old.peer.brief() + " in " + in_words(old.round) +
                  " is lost: a copy of it is found by its hash alone");
    }
    const SubmissionView view{old.peer, old.round, {}, {}, old.blob.sha256, &entries};
    history_.keep(old.round, std::span(&view, 1), settings_.verify);
}

// The opening was judged before, so a fault in it is the store's.
void RoundJudge::remember(const PendingAudit& open) {
    const PlanPeer* planned = find_peer(*open.plan, open.job.peer);
    const Result<PeerPayload> payload = read_old(open.payload);
    const Result<Bytes> bytes = ports_.get(open.opening);
    if (planned != nullptr && payload && bytes) {
        const Challenge challenge = draw_challenge(open.beacon,
                                                   open.commit_hash,
                                                   model_.layout(),
                                                   payload_energies(*payload),
                                                   settings_.verify,
                                                   open.plan->inner_steps,
                                                   planned->audit_ppm);
        const Result<Opening> opening = decode_opening(
            *bytes, opening_shape(*open.plan, *planned, model_.layout().tile_count(), challenge));
        if (opening) {
            traces_[audit_job_digest(open.job)] =
                trace_evidence(open.job.peer, *opening, open.job.step);
            return;
        }
    }
    log_error("the opening of " + open.job.peer.brief() + " in " + in_words(open.job.round) +
              " is lost: the audit of step " + std::to_string(open.job.step) +
              " does not see its losses and norm");
}

Result<PeerPayload> RoundJudge::read_old(const BlobRef& blob) const {
    const Result<Bytes> bytes = ports_.get(blob);
    if (!bytes) {
        return bytes.error();
    }
    return decode_payload(strategy_of(settings_.outer),
                          *bytes,
                          model_.layout(),
                          settings_.compression,
                          &model_.pool());
}

}  // namespace assay
