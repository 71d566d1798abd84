#include "adversaries/faked_gradient.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/rng.h"

namespace assay {

StepGradient FakedGradient::keep(StepGradient losses, std::span<const float> gradient) {
    true_.assign(gradient.begin(), gradient.end());
    losses_ = std::move(losses);
    return losses_;
}

StepGradient FakedGradient::make(const Digest& seed, std::span<float> gradient) const {
    ASSAY_CHECK_EQ(true_.size(), gradient.size());
    CounterRng rng(seed);
    std::transform(true_.begin(), true_.end(), gradient.begin(), [&rng](float g) {
        return g * static_cast<float>(0.2 + 1.6 * rng.unit());
    });
    return losses_;
}

bool opens_from(const OpeningNotice& notice, uint32_t first) {
    return std::any_of(notice.steps.begin(), notice.steps.end(), [first](const StepStates& opened) {
        return opened.step >= first;
    });
}

}  // namespace assay
