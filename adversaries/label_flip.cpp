#include "adversaries/label_flip.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

StepGradient LabelFlipPeer::step_gradient(const RoundPlan& plan,
                                          uint32_t step,
                                          std::span<const float> theta,
                                          const TokenBatch& batch,
                                          std::span<float> gradient) {
    TokenBatch flipped = batch;
    const auto width = static_cast<std::ptrdiff_t>(batch.sequence_tokens) + 1;
    ASSAY_CHECK_EQ(batch.tokens.size(), batch.sequences * static_cast<size_t>(width));
    for (auto row = flipped.tokens.begin(); row != flipped.tokens.end(); row += width) {
        std::reverse(row, row + width);
    }
    return Trainer::step_gradient(plan, step, theta, flipped, gradient);
}

}  // namespace assay
