// From logits to one token: penalties, temperature, top-k, nucleus, and a counter-based draw.
//
// The draw for (seed, position) is a function of those alone, so an answer can be recomputed and
// does not depend on batch mates. Pure; any thread.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace assay {

struct SamplingSettings {
    double temperature = 1.0;  // 0: the most likely token
    double top_p = 1.0;        // nucleus
    int64_t top_k = 0;         // 0: all
    double presence_penalty = 0;
    double frequency_penalty = 0;
    uint64_t seed = 0;
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

// `generated` are the tokens that the penalties count; `position` is the index of the new token.
// Ties go to the lower token id. REQUIRES: logits not empty.
SampledToken sample_token(std::span<const float> logits,
                          std::span<const int32_t> generated,
                          const SamplingSettings& settings,
                          uint64_t position,
                          int alternatives_wanted);

}  // namespace assay
