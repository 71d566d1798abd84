#include "serving/sampler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/rng.h"

namespace assay {

namespace {

std::vector<double> penalised(std::span<const float> logits,
                              std::span<const int32_t> generated,
                              const SamplingSettings& settings) {
    std::vector<double> scores(logits.begin(), logits.end());
    if (settings.presence_penalty == 0 && settings.frequency_penalty == 0) {
        return scores;
    }
    std::map<int32_t, int> counts;
    for (const int32_t token : generated) {
        ++counts[token];
    }
    for (const auto& [token, count] : counts) {
        if (token >= 0 && static_cast<size_t>(token) < scores.size()) {
            scores[static_cast<size_t>(token)] -=
                settings.presence_penalty + settings.frequency_penalty * count;
        }
    }
    return scores;
}

double log_sum_exp(const std::vector<double>& scores) {
    const double top = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (const double score : scores) {
        sum += std::exp(score - top);
    }
    return top + std::log(sum);
}

std::vector<int32_t> by_score(const std::vector<double>& scores) {
    std::vector<int32_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&scores](int32_t a, int32_t b) {
        return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
    });
    return order;
}

// Uniform in [0, 1) for (seed, position).
double draw(uint64_t seed, uint64_t position) {
    CounterRng rng(derive_seed(Digest{}, "sampling", {seed, position}));
    return rng.unit();
}

int32_t pick(const std::vector<double>& scores,
             const std::vector<int32_t>& order,
             const SamplingSettings& settings,
             uint64_t position) {
    size_t kept = order.size();
    if (settings.top_k > 0) {
        kept = std::min(kept, static_cast<size_t>(settings.top_k));
    }
    const double top = scores[static_cast<size_t>(order.front())];
    std::vector<double> weights(kept);
    double total = 0;
    for (size_t i = 0; i < kept; ++i) {
        const double score = scores[static_cast<size_t>(order[i])];
        weights[i] = std::exp((score - top) / settings.temperature);
        total += weights[i];
    }
    double nucleus = 0;
    size_t used = 0;
    while (used < kept && (used == 0 || nucleus < settings.top_p * total)) {
        nucleus += weights[used++];
    }
    double left = draw(settings.seed, position) * nucleus;
    for (size_t i = 0; i < used; ++i) {
        left -= weights[i];
        if (left < 0) {
            return order[i];
        }
    }
    return order[used - 1];
}

}  // namespace

SampledToken sample_token(std::span<const float> logits,
                          std::span<const int32_t> generated,
                          const SamplingSettings& settings,
                          uint64_t position,
                          int alternatives_wanted) {
    const std::vector<double> scores = penalised(logits, generated, settings);
    const std::vector<int32_t> order = by_score(scores);
    const double norm = log_sum_exp(scores);
    const auto probability = [&scores, norm](int32_t token) {
        return static_cast<float>(scores[static_cast<size_t>(token)] - norm);
    };
    SampledToken sampled;
    sampled.token =
        settings.temperature <= 0 ? order.front() : pick(scores, order, settings, position);
    sampled.log_probability = probability(sampled.token);
    for (int i = 0; i < alternatives_wanted && static_cast<size_t>(i) < order.size(); ++i) {
        const int32_t token = order[static_cast<size_t>(i)];
        sampled.alternatives.push_back({token, probability(token)});
    }
    return sampled;
}

}  // namespace assay
