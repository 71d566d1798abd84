// Seeded buffers for the compressor's tests, and a compressor written as plainly as can be.

#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "compression/chunk_codec.h"
#include "core/rng.h"
#include "protocol/layout.h"

namespace assay {

inline CounterRng sample_rng(uint64_t seed) {
    return CounterRng(derive_seed(Digest{}, "compression_test", {seed}));
}

// Live values around `scale`, heavy-tailed, without library functions whose last bit may differ;
// padding zero.
inline std::vector<float> sample_values(const ParameterLayout& layout,
                                        uint64_t seed,
                                        double scale) {
    CounterRng rng = sample_rng(seed);
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            const double u = 2 * rng.unit() - 1;
            values[tensor.first_value() + i] = static_cast<float>(scale * u * u * u);
        }
    }
    return values;
}

inline bool equal_bits(std::span<const float> a, std::span<const float> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
        return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
    });
}

// Mean of those `magnitudes` that are at least `split` (or below it), in index order; 0 if none.
inline double mean_of(const std::vector<double>& magnitudes, double split, bool high) {
    double sum = 0;
    int count = 0;
    for (const double magnitude : magnitudes) {
        if ((magnitude >= split) == high) {
            sum += magnitude;
            ++count;
        }
    }
    return count == 0 ? 0.0 : sum / count;
}

// docs/compression.md read aloud: full sort, vectors, no trick.
inline ChunkCode plain_code(const std::vector<float>& a, uint32_t keep) {
    std::vector<uint16_t> order;
    for (size_t i = 0; i < a.size(); ++i) {
        if (a[i] != 0) {
            order.push_back(static_cast<uint16_t>(i));
        }
    }
    std::stable_sort(order.begin(), order.end(), [&](uint16_t x, uint16_t y) {
        return std::fabs(a[x]) > std::fabs(a[y]);
    });
    const double wanted = std::floor(keep * static_cast<double>(a.size()) / 4096 + 0.5);
    order.resize(std::min(order.size(), static_cast<size_t>(std::max(1.0, wanted))));
    std::sort(order.begin(), order.end());
    ChunkCode code;
    if (order.empty()) {
        return code;
    }
    std::vector<double> magnitudes;
    magnitudes.reserve(order.size());
    for (const uint16_t index : order) {
        magnitudes.push_back(std::fabs(static_cast<double>(a[index])));
    }
    double split = mean_of(magnitudes, 0, true);
    for (int round = 0; round < (keep <= 256 ? 3 : 4); ++round) {
        const double low = mean_of(magnitudes, split, false);
        const double high = mean_of(magnitudes, split, true);
        split = low == 0 ? split : keep <= 256 ? high : (low + high) / 2;
    }
    code.high_scale = scale_from_magnitude(static_cast<float>(mean_of(magnitudes, split, true)));
    code.low_scale = scale_from_magnitude(static_cast<float>(mean_of(magnitudes, split, false)));
    if (code.high_scale == 0) {
        return {};
    }
    if (code.low_scale == code.high_scale) {
        code.low_scale = 0;
        split = 0;
    }
    for (size_t i = 0; i < order.size(); ++i) {
        const bool high = magnitudes[i] >= split;
        if (high || code.low_scale != 0) {
            code.indices.push_back(order[i]);
            code.codes.push_back(
                static_cast<uint8_t>((std::signbit(a[order[i]]) ? 2 : 0) + (high ? 1 : 0)));
        }
    }
    return code;
}

}  // namespace assay
