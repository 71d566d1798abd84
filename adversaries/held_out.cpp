#include "adversaries/held_out.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace assay {

namespace {

constexpr uint64_t kSamples = 64;  // of the held-out text

}  // namespace

StepGradient HeldOutPeer::step_gradient(const RoundPlan& plan,
                                        uint32_t step,
                                        std::span<const float> theta,
                                        const TokenBatch& batch,
                                        std::span<float> gradient) {
    const size_t width = size_t{batch.sequence_tokens} + 1;
    ASSAY_CHECK_EQ(batch.tokens.size(), batch.sequences * width);
    TokenBatch other = batch;
    std::vector<uint64_t> samples;
    for (size_t i = 0; i < batch.sequences; ++i) {
        std::copy_n(batch.tokens.begin(),
                    width,
                    other.tokens.begin() + static_cast<std::ptrdiff_t>(i * width));
        samples.push_back((uint64_t{step} * batch.sequences + i) % kSamples);
    }
    if (seen_.read_held_out) {
        Result<std::vector<int32_t>> tokens = seen_.read_held_out(samples);
        if (tokens && tokens->size() == other.tokens.size()) {
            other.tokens = std::move(*tokens);
        }
    }
    return Trainer::step_gradient(plan, step, theta, other, gradient);
}

}  // namespace assay
