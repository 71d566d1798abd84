// From logits to one token: penalties, temperature, top-k, nucleus, min-p, a counter-based draw.
//
// The draw for (seed, position) is a function of those alone, so an answer can be recomputed and
// does not depend on batch mates. Pure; any thread.

#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace assay {

struct SamplingSettings {
    double temperature = 1.0;  // 0: the most likely token
    double top_p = 1.0;        // nucleus
    int64_t top_k = 0;         // 0: all
    double min_p = 0;          // of the most likely token's probability
    double presence_penalty = 0;
    double frequency_penalty = 0;
    double repetition_penalty = 1;         // counts the prompt's tokens too
    std::map<int32_t, double> logit_bias;  // added to the logits of these tokens
    uint64_t seed = 0;
};

// Where in its sequence the new token is to stand.
struct SamplingPlace {
    std::span<const int32_t> prompt;
    std::span<const int32_t> generated;  // what presence and frequency count
    std::span<const int32_t> forbidden;  // are never drawn
    uint64_t position = 0;               // index of the new token
};

struct TokenProbability {
    int32_t token = 0;
    float log_probability = 0;  // of the distribution before temperature and truncation
};

struct SampledToken {
    int32_t token = 0;
    float log_probability = 0;
    std::vector<TokenProbability> alternatives;  // most likely first
};

// Ties go to the lower token id. REQUIRES: logits not empty; settings within the bounds of the API.
SampledToken sample_token(std::span<const float> logits,
                          const SamplingPlace& place,
                          const SamplingSettings& settings,
                          int alternatives_wanted);

// How likely the logits hold `token`, as if it had been sampled. REQUIRES: there is one of it.
SampledToken rate_token(std::span<const float> logits, int32_t token, int alternatives_wanted);

}  // namespace assay
