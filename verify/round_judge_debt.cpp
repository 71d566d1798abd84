// RoundJudge, challenges that are answered after their round. theta has moved on by then: the tiles
// of it that the answer is held against were kept when the round was judged.

#include <algorithm>

#include "core/check.h"
#include "core/log.h"
#include "protocol/plan.h"
#include "verify/round_judge_dossier.h"

namespace assay {

// Of who has not answered. REQUIRES: theta is still where the round starts.
Status RoundJudge::keep_base_tiles(const JudgeRound& order, Dossier& dossier) const {
    if (!is_unanswered(dossier.verdict)) {
        return {};
    }
    ASSAY_CHECK_EQ(theta_.size(), model_.layout().value_count());
    std::vector<float> tiles;
    for (const uint64_t chunk : challenge_of(order, dossier).compressor_chunks) {
        const auto from = theta_.begin() + static_cast<std::ptrdiff_t>(chunk * kTileValues);
        tiles.insert(tiles.end(), from, from + kTileValues);
    }
    const Result<BlobRef> kept = ports_.put(float_bytes(tiles));
    if (!kept) {
        return kept.error();
    }
    dossier.base_tiles = *kept;
    return {};
}

// theta where the round started, as far as it is known: the drawn chunks.
Result<std::vector<float>> RoundJudge::read_base_tiles(const JudgeDebt& order,
                                                       const Challenge& challenge) const {
    const Result<Bytes> bytes = ports_.get(order.base_tiles);
    if (!bytes) {
        return bytes.error();
    }
    const std::vector<float> tiles = floats_of(*bytes);
    if (tiles.size() != challenge.compressor_chunks.size() * kTileValues) {
        return fail("the kept tiles are not those of the challenge");
    }
    std::vector<float> base(model_.layout().value_count(), 0.0F);
    auto from = tiles.begin();
    for (const uint64_t chunk : challenge.compressor_chunks) {
        std::copy(from,
                  from + kTileValues,
                  base.begin() + static_cast<std::ptrdiff_t>(chunk * kTileValues));
        from += kTileValues;
    }
    return base;
}

DebtJudged RoundJudge::judge(const JudgeDebt& order) {
    const JudgeRound round{order.plan, order.plan_digest, order.beacon, {order.submission}, {}};
    ASSAY_CHECK(order.submission.opening.has_value());
    const Assignment dealt = assign(settings_.run_seed, order.plan, settings_.sample_count);
    Dossier dossier;
    dossier.submission = &round.submissions.front();
    dossier.evidence.round = order.plan.round;
    dossier.evidence.peer = dossier.peer();
    dossier.evidence.beacon = order.beacon;
    dossier.evidence.commit_hash = order.submission.commit_hash;
    read_payload(round, dealt, dossier);
    if (dossier.payload) {
        const Result<std::vector<float>> base =
            read_base_tiles(order, challenge_of(round, dossier));
        if (base) {
            read_opening(round, dealt, *base, dossier);
        } else {
            lost(dossier, "base", base.reason());
        }
    }
    DebtJudged judged;
    judged.verdict = assay::judge(dossier.evidence);
    if (judged.verdict.ruling == Ruling::kRejected || is_unanswered(judged.verdict)) {
        for (const AuditJob& job : dossier.jobs) {
            forget_audit(job);
        }
        return judged;
    }
    // It earns nothing in any case: what gates (our own loss, suspicion) has nothing to gate.
    judged.verdict.ruling = Ruling::kAccepted;
    judged.verdict.layer = Layer::kRefusal;
    judged.verdict.reason = "answered late: " + judged.verdict.reason;
    judged.audits = std::move(dossier.jobs);
    return judged;
}

}  // namespace assay
