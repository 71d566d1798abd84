#include "adversaries/nan_chain.h"

#include <limits>
#include <utility>

#include "core/check.h"
#include "data/assignment.h"
#include "model/tile_digests.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "verify/challenge.h"

namespace assay {

namespace {

std::vector<float> bad_values(const ParameterLayout& layout) {
    constexpr float kBad[] = {std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::denorm_min()};
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            values[tensor.first_value() + i] = kBad[i % std::size(kBad)];
        }
    }
    return values;
}

}  // namespace

Result<TrainedRound> NanChainPeer::train(const RoundPlan& plan, const StepHook& hook) {
    Result<TrainedRound> done = Trainer::train(plan, hook);
    if (!done) {
        return done;
    }
    const Result<Bytes> bytes = ports_.get(done->payload);
    if (!bytes) {
        return bytes.error();
    }
    const Result<PeerPayload> payload = decode_payload(
        strategy_of(settings_.outer), *bytes, model_.layout(), settings_.compression);
    ASSAY_CHECK(payload.ok());  // its own
    energies_ = payload_energies(*payload);
    if (Status forged = forge(plan, *find_peer(plan, settings_.self)); !forged) {
        return forged.error();
    }
    forged_->fill(done->commit);
    return done;
}

// All but where the round starts from: that form would be seen before anything is opened.
Status NanChainPeer::forge(const RoundPlan& plan, const PlanPeer& self) {
    const std::vector<float> bad = bad_values(model_.layout());
    Result<std::unique_ptr<GradientChain>> chain =
        GradientChain::begin(self.id,
                             model_.layout(),
                             self.numeric_class,
                             settings_.adam,
                             inner_plan(plan, self),
                             {state().theta, state().m, state().v},
                             settings_.chain_place,
                             &model_.pool());
    if (!chain) {
        return chain.error();
    }
    const Assignment dealt = assign(settings_.run_seed, plan, settings_.sample_count);
    const std::vector<float> losses(self.sequences_per_step, 1.0F);
    InnerStep step;
    step.g = bad;
    step.tiles.theta = tile_digests(model_.pool(), state().theta);
    step.tiles.g = tile_digests(model_.pool(), bad);
    step.tiles.v = tile_digests(model_.pool(), state().v);
    step.mean_loss = step.gradient_norm = 1;
    step.sequence_losses = losses;
    for (step.step = 0; step.step < plan.inner_steps; ++step.step) {
        const std::span<const uint64_t> samples =
            dealt.find(self.id)->step(step.step, plan.inner_steps);
        const Digest batch = batch_digest({samples.begin(), samples.end()});
        if (Status recorded = (*chain)->record(step, batch); !recorded) {
            return recorded;
        }
        step.tiles.theta = step.tiles.v = step.tiles.g;
    }
    (*chain)->finish({bad, bad, bad});
    const std::optional<NextTripleView> honest = next(plan.round);
    ASSAY_CHECK(honest.has_value());
    (*chain)->record_feedback(
        state().e, honest->e, {strategy_of(settings_.outer), settings_.compression});
    forged_ = std::move(*chain);
    return {};
}

Result<OpeningNotice> NanChainPeer::answer(const RoundPlan& plan,
                                           const Commit& commit,
                                           const Digest& commit_hash,
                                           const Digest& beacon) {
    Result<OpeningNotice> notice = Trainer::answer(plan, commit, commit_hash, beacon);
    if (!notice) {
        return notice;
    }
    const PlanPeer& self = *find_peer(plan, settings_.self);
    const Challenge challenge = draw_challenge(beacon,
                                               commit_hash,
                                               model_.layout(),
                                               energies_,
                                               settings_.verify,
                                               plan.inner_steps,
                                               self.audit_ppm);
    const Result<Bytes> bytes = forged_->opening_bytes(plan, self, challenge);
    if (!bytes) {
        return bytes.error();
    }
    const Result<BlobRef> opening = ports_.put(*bytes);
    if (!opening) {
        return opening.error();
    }
    ports_.drop(notice->opening.sha256);
    notice->opening = *opening;
    return notice;
}

}  // namespace assay
