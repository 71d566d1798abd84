// Any attack by a peer that is trusted: honest while it is audited often, and from the first plan
// that audits it in a fifth of its rounds or fewer what Attack does.
//
// Newcomers are audited with certainty: whoever lies from the start is found at once, whatever the
// audit rate of the run. This is the same lie where it costs most to find, and most to be found
// with.

#pragma once

#include "peer/trainer.h"
#include "protocol/plan.h"

namespace assay {

// It is trusted where a plan audits it so often or less.
constexpr uint32_t kVeteranTrusted = 200'000;  // ppm

// NOLINTBEGIN(bugprone-parent-virtual-call): an honest peer is what lies behind the attack
template <typename Attack>
class Veteran : public Attack {
public:
    using Attack::Attack;

    Result<TrainedRound> train(const RoundPlan& plan, const Trainer::StepHook& hook) override {
        const PlanPeer* self = find_peer(plan, this->settings_.self);
        awake_ = awake_ || (self != nullptr && self->audit_ppm <= kVeteranTrusted);
        return awake_ ? Attack::train(plan, hook) : Trainer::train(plan, hook);
    }
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override {
        return awake_ ? Attack::answer(plan, commit, commit_hash, beacon)
                      : Trainer::answer(plan, commit, commit_hash, beacon);
    }

protected:
    Result<std::vector<float>> base_parameters(const RoundPlan& plan) override {
        return awake_ ? Attack::base_parameters(plan) : Trainer::base_parameters(plan);
    }
    std::vector<uint64_t> choose_samples(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const uint64_t> assigned) override {
        return awake_ ? Attack::choose_samples(plan, step, assigned)
                      : Trainer::choose_samples(plan, step, assigned);
    }
    StepGradient step_gradient(const RoundPlan& plan,
                               uint32_t step,
                               std::span<const float> theta,
                               const TokenBatch& batch,
                               std::span<float> gradient) override {
        return awake_ ? Attack::step_gradient(plan, step, theta, batch, gradient)
                      : Trainer::step_gradient(plan, step, theta, batch, gradient);
    }
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override {
        awake_ ? Attack::edit_payload(plan, payload) : Trainer::edit_payload(plan, payload);
    }

private:
    bool awake_ = false;
};
// NOLINTEND(bugprone-parent-virtual-call)

}  // namespace assay
