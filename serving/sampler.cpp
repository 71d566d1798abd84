#include "serving/sampler.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <numeric>

#include "core/check.h"
#include "core/rng.h"

namespace assay {

namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// What a request may ask (api_request). Of the logits nothing is promised: a client may forbid all
// tokens, and a model may have no numbers.
void check_settings(const SamplingSettings& settings) {
    ASSAY_CHECK(settings.temperature >= 0 && std::isfinite(settings.temperature));
    ASSAY_CHECK(settings.top_p >= 0 && settings.top_p <= 1 && settings.top_k >= 0);
    ASSAY_CHECK(settings.min_p >= 0 && settings.min_p <= 1);  // or the most likely one would go
    ASSAY_CHECK(settings.repetition_penalty > 0 && std::isfinite(settings.repetition_penalty));
}

// What is no number is never drawn.
std::vector<double> numbers_of(std::span<const float> logits) {
    std::vector<double> scores(logits.begin(), logits.end());
    for (double& score : scores) {
        if (std::isnan(score)) {
            score = kNever;
        }
    }
    return scores;
}

// The scores of `tokens` that there are, each once.
template <typename Change>
void change_each(std::vector<double>& scores, const std::map<int32_t, int>& tokens, Change change) {
    for (const auto& [token, count] : tokens) {
        if (token >= 0 && static_cast<size_t>(token) < scores.size()) {
            change(scores[static_cast<size_t>(token)], count);
        }
    }
}

std::map<int32_t, int> counts_of(std::initializer_list<std::span<const int32_t>> lists) {
    std::map<int32_t, int> counts;
    for (const std::span<const int32_t> list : lists) {
        for (const int32_t token : list) {
            ++counts[token];
        }
    }
    return counts;
}

// The order is that of other servers: repetition, then frequency and presence, then the bias.
std::vector<double> penalised(std::span<const float> logits,
                              const SamplingPlace& place,
                              const SamplingSettings& settings) {
    std::vector<double> scores = numbers_of(logits);
    if (settings.repetition_penalty != 1) {
        change_each(
            scores, counts_of({place.prompt, place.generated}), [&](double& score, int /*count*/) {
                score *= score > 0 ? 1 / settings.repetition_penalty : settings.repetition_penalty;
            });
    }
    if (settings.presence_penalty != 0 || settings.frequency_penalty != 0) {
        change_each(scores, counts_of({place.generated}), [&](double& score, int count) {
            score -= settings.presence_penalty + settings.frequency_penalty * count;
        });
    }
    for (const auto& [token, bias] : settings.logit_bias) {
        change_each(
            scores, {{token, 1}}, [by = bias](double& score, int /*count*/) { score += by; });
    }
    change_each(
        scores, counts_of({place.forbidden}), [](double& score, int /*count*/) { score = kNever; });
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

// The `count` tokens of the highest scores, the highest first.
std::vector<int32_t> by_score(const std::vector<double>& scores, size_t count) {
    std::vector<int32_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    const auto before = [&scores](int32_t a, int32_t b) {
        const double score_a = scores[static_cast<size_t>(a)];
        const double score_b = scores[static_cast<size_t>(b)];
        return score_a > score_b || (score_a == score_b && a < b);
    };
    count = std::min(count, order.size());
    std::partial_sort(
        order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), before);
    order.resize(count);
    ASSAY_CHECK(std::is_sorted(order.begin(), order.end(), before));
    return order;
}

// Uniform in [0, 1) for (seed, position).
double draw(uint64_t seed, uint64_t position) {
    CounterRng rng(derive_seed(Digest{}, "sampling", {seed, position}));
    const double drawn = rng.unit();
    ASSAY_CHECK(drawn >= 0 && drawn < 1);
    return drawn;
}

int32_t pick(const std::vector<double>& scores,
             const std::vector<int32_t>& order,
             const SamplingSettings& settings,
             uint64_t position) {
    ASSAY_CHECK_EQ(order.size(), scores.size());
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
        if (weights[i] < settings.min_p) {  // the most likely one has weight 1
            kept = i;
            break;
        }
        total += weights[i];
    }
    double nucleus = 0;
    size_t used = 0;
    while (used < kept && (used == 0 || nucleus < settings.top_p * total)) {
        nucleus += weights[used++];
    }
    ASSAY_CHECK(used > 0 && used <= kept);
    ASSAY_CHECK(!(nucleus > total));  // the same terms in the same order; both may be no number
    double left = draw(settings.seed, position) * nucleus;
    for (size_t i = 0; i < used; ++i) {
        left -= weights[i];
        if (left < 0) {
            return order[i];
        }
    }
    return order[used - 1];
}

// What the scores say of a token, and of the most likely ones.
SampledToken described(const std::vector<double>& scores,
                       const std::vector<int32_t>& order,
                       int32_t token,
                       int alternatives_wanted) {
    ASSAY_CHECK(token >= 0 && static_cast<size_t>(token) < scores.size());
    const double norm = log_sum_exp(scores);
    const auto probability = [&scores, norm](int32_t of) {
        return static_cast<float>(scores[static_cast<size_t>(of)] - norm);
    };
    SampledToken sampled{token, probability(token), {}};
    ASSAY_CHECK(!(sampled.log_probability > 0));  // of a sum that it is part of
    for (int i = 0; i < alternatives_wanted && static_cast<size_t>(i) < order.size(); ++i) {
        const int32_t other = order[static_cast<size_t>(i)];
        sampled.alternatives.push_back({other, probability(other)});
    }
    return sampled;
}

}  // namespace

SampledToken sample_token(std::span<const float> logits,
                          const SamplingPlace& place,
                          const SamplingSettings& settings,
                          int alternatives_wanted) {
    ASSAY_CHECK(!logits.empty());
    check_settings(settings);
    const std::vector<double> scores = penalised(logits, place, settings);
    const bool greedy = settings.temperature <= 0;
    const auto wanted = static_cast<size_t>(std::max(1, alternatives_wanted));
    const std::vector<int32_t> order = by_score(scores, greedy ? wanted : scores.size());
    const int32_t token = greedy ? order.front() : pick(scores, order, settings, place.position);
    return described(scores, order, token, alternatives_wanted);
}

SampledToken rate_token(std::span<const float> logits, int32_t token, int alternatives_wanted) {
    const std::vector<double> scores = numbers_of(logits);
    const auto wanted = static_cast<size_t>(std::max(0, alternatives_wanted));
    return described(scores, by_score(scores, wanted), token, alternatives_wanted);
}

}  // namespace assay
