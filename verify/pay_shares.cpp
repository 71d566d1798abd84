#include "verify/pay_shares.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace assay {

namespace {

double dense_product(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return sum;
}

double mean_loss(GradientModel& model, std::span<const float> theta, const TokenBatch& batch) {
    const std::vector<float> losses = model.losses(theta, batch);
    double sum = 0;
    for (const float loss : losses) {
        sum += static_cast<double>(loss);
    }
    ASSAY_CHECK_EQ(losses.size(), size_t{batch.sequences});
    return sum / static_cast<double>(losses.size());
}

std::vector<float> moved(std::span<const float> theta, std::span<const float> step, float part) {
    std::vector<float> point(theta.size());
    for (size_t i = 0; i < point.size(); ++i) {
        point[i] = theta[i] - part * step[i];
    }
    return point;
}

}  // namespace

int64_t to_nano_nats(double nats) {
    if (!std::isfinite(nats)) {
        return 0;
    }
    return static_cast<int64_t>(std::llround(std::clamp(nats * 1e9, -1e15, 1e15)));
}

// NOLINTNEXTLINE(readability-function-size)
PayShares aumann_shapley(GradientModel& model,
                         std::span<const float> theta,
                         std::span<const float> step,
                         size_t peers,
                         const ShareSource& share,
                         const TokenBatch& held_out,
                         uint32_t grain_sequences,
                         int64_t nodes) {
    ASSAY_CHECK_EQ(theta.size(), model.layout().value_count());
    ASSAY_CHECK_EQ(theta.size(), step.size());
    ASSAY_CHECK_LT(uint32_t{0}, held_out.sequences);
    ASSAY_CHECK(nodes == 1 || nodes == 2);
    // Gauss-Legendre nodes on [0, 1], equal weights.
    const double offset = nodes == 1 ? 0 : 0.5 / std::sqrt(3.0);
    std::vector<double> phi(peers);
    double total = 0;
    std::vector<float> g(theta.size());
    std::vector<float> buffer(theta.size());
    for (int64_t node = 0; node < nodes; ++node) {
        const double part = node == 0 ? 0.5 - offset : 0.5 + offset;
        model.gradient(moved(theta, step, static_cast<float>(part)), held_out, grain_sequences, g);
        total += dense_product(g, step) / static_cast<double>(nodes);
        for (size_t i = 0; i < peers; ++i) {
            share(i, buffer);
            phi[i] += dense_product(g, buffer) / static_cast<double>(nodes);
        }
    }
    PayShares outcome;
    outcome.predicted = to_nano_nats(total);
    outcome.encoding = outcome.predicted;
    for (const double value : phi) {
        outcome.phi.push_back(to_nano_nats(value));
        outcome.encoding -= outcome.phi.back();
    }
    outcome.measured = to_nano_nats(mean_loss(model, theta, held_out) -
                                    mean_loss(model, moved(theta, step, 1), held_out));
    return outcome;
}

}  // namespace assay
