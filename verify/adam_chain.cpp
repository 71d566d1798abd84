#include "verify/adam_chain.h"

#include <bit>

#include "core/check.h"

namespace assay {

AdamSchedule::AdamSchedule(const RoundPlan& plan,
                           const PlanPeer& peer,
                           const AdamSettings& settings)
    : settings_(settings),
      steps_before_(peer.optimiser_steps),
      rates_(plan.learning_rate_bits),
      bias1_(plan.bias1_bits),
      bias2_(plan.bias2_bits) {
    ASSAY_CHECK_EQ(rates_.size(), size_t{plan.inner_steps});
}

AdamScalars AdamSchedule::at(uint32_t step, bool decayed) const {
    ASSAY_CHECK_LT(step, steps());
    return adam_scalars(settings_, rates_[step], bias1_, bias2_, steps_before_ + step + 1, decayed);
}

float AdamSchedule::bias2_before(uint32_t step) const {
    return bias_value(bias2_, steps_before_ + step);
}

void replay_step(const ParameterLayout& layout,
                 const AdamSchedule& schedule,
                 uint32_t step,
                 std::span<float> theta,
                 std::span<float> m,
                 std::span<float> v,
                 std::span<const float> g) {
    ASSAY_CHECK_EQ(theta.size(), layout.value_count());
    for (const TensorLayout& tensor : layout.tensors) {
        const uint64_t first = tensor.first_value();
        const uint64_t count = tensor.tile_count() * kTileValues;
        adamw_step(theta.subspan(first, count),
                   m.subspan(first, count),
                   v.subspan(first, count),
                   g.subspan(first, count),
                   schedule.at(step, tensor.decayed()));
    }
}

float bias_value(std::span<const uint32_t> bits, uint64_t k) {
    return k > 0 && k <= bits.size() ? std::bit_cast<float>(bits[k - 1]) : 1.0F;
}

}  // namespace assay
