#include "configs/schedule.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"

namespace assay {

namespace {

double factor_at(double step, double warmup, double total, double final_rate) {
    if (step < warmup) {
        return (step + 1) / warmup;
    }
    const double way = std::min(1.0, (step - warmup) / std::max(1.0, total - warmup));
    constexpr double kPi = 3.14159265358979323846;
    return final_rate + (1 - final_rate) * (1 + std::cos(kPi * way)) / 2;
}

}  // namespace

std::vector<uint32_t> learning_rates(const InnerSettings& inner, int64_t rounds, RoundId round) {
    const double steps = static_cast<double>(inner.inner_steps);
    const double first = steps * static_cast<double>(round.value);
    const double warmup = steps * static_cast<double>(inner.warmup_rounds);
    const double total = steps * static_cast<double>(rounds);
    ASSAY_CHECK(inner.inner_steps > 0 && inner.warmup_rounds >= 0);
    std::vector<uint32_t> bits;
    for (int64_t t = 0; t < inner.inner_steps; ++t) {
        const double factor =
            factor_at(first + static_cast<double>(t), warmup, total, inner.final_rate);
        ASSAY_CHECK(factor >= 0 && factor <= 1);  // the highest rate is the one that is set
        bits.push_back(std::bit_cast<uint32_t>(static_cast<float>(inner.learning_rate * factor)));
    }
    return bits;
}

}  // namespace assay
