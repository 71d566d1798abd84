// The optimiser's scalars of a round as the plan fixes them for one peer, and the replay of a step.
//
// Peer and verifier go through this one file: what the plan says is what both compute. A value.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/adamw.h"
#include "protocol/layout.h"
#include "protocol/messages.h"

namespace assay {

class AdamSchedule {
public:
    // Keeps copies of what it needs. REQUIRES: one learning rate a step of the plan.
    AdamSchedule(const RoundPlan& plan, const PlanPeer& peer, const AdamSettings& settings);

    [[nodiscard]] uint32_t steps() const { return static_cast<uint32_t>(rates_.size()); }
    [[nodiscard]] const AdamSettings& settings() const { return settings_; }
    // Of inner step t = 0 .. steps() - 1, for tensors with and without weight decay.
    [[nodiscard]] AdamScalars at(uint32_t step, bool decayed) const;
    // 1 / (1 - beta2^k) for the moments *behind* inner step t, before its update; 1 for k = 0.
    [[nodiscard]] float bias2_before(uint32_t step) const;

private:
    AdamSettings settings_;
    uint64_t steps_before_;
    std::vector<uint32_t> rates_;
    std::vector<uint32_t> bias1_;
    std::vector<uint32_t> bias2_;
};

// AdamW over the whole buffer, tensor by tensor. REQUIRES: four buffers of layout size.
void replay_step(const ParameterLayout& layout,
                 const AdamSchedule& schedule,
                 uint32_t step,
                 std::span<float> theta,
                 std::span<float> m,
                 std::span<float> v,
                 std::span<const float> g);

// fp32 value of entry k (from 1) of a table of bit patterns; past its end, and for k = 0, 1.
float bias_value(std::span<const uint32_t> bits, uint64_t k);

}  // namespace assay
