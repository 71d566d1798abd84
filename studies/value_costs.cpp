// The part of format_costs.h about values: what a coding loses of them, and their scales.

#include <algorithm>
#include <cmath>

#include "studies/format_costs.h"
#include "studies/index_models.h"

namespace assay {

namespace {

using Magnitudes = std::vector<double>;

struct Sums {
    double kept = 0;                // ||a||^2 of what is kept
    double lost = 0;                // ||a - q||^2 of it
    double coded = 0;               // ||q||^2
    double common = 0;              // a q
    std::vector<uint64_t> classes;  // how often each level; from the greatest level down

    void add(double magnitude, double q, size_t level) {
        ++classes[level];
        kept += magnitude * magnitude;
        lost += (magnitude - q) * (magnitude - q);
        coded += q * q;
        common += magnitude * q;
    }
};

void add_chunk(Sums& sums, const Magnitudes& kept, const MagnitudeClasses& classes) {
    for (const double magnitude : kept) {
        const size_t level = classes.of(magnitude);
        sums.add(magnitude, classes.coded[level], classes.exact.size() - 1 - level);
    }
}

// The kept magnitudes of each chunk, without chunks that keep none.
std::vector<Magnitudes> kept_magnitudes(const FormatSample& sample,
                                        const SparseUpdate& update,
                                        uint64_t first_tile,
                                        uint64_t tiles) {
    std::vector<Magnitudes> all;
    for (uint64_t tile = first_tile; tile < first_tile + tiles; ++tile) {
        Magnitudes kept;
        for (const uint16_t index : update.chunks[tile].indices) {
            kept.push_back(
                std::abs(static_cast<double>(sample.values[tile * kTileValues + index])));
        }
        if (!kept.empty()) {
            all.push_back(std::move(kept));
        }
    }
    return all;
}

void add_tensor(Sums& sums, const std::vector<Magnitudes>& chunks, const ValueCoding& coding) {
    if (!coding.per_tensor) {
        for (const Magnitudes& chunk : chunks) {
            add_chunk(sums, chunk, magnitude_classes(chunk, coding));
        }
        return;
    }
    Magnitudes joined;
    for (const Magnitudes& chunk : chunks) {
        joined.insert(joined.end(), chunk.begin(), chunk.end());
    }
    if (!joined.empty()) {
        add_chunk(sums, joined, magnitude_classes(joined, coding));
    }
}

double round_fraction(double value, int bits) {
    if (value == 0) {
        return 0;
    }
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(fraction, bits + 1)), exponent - bits - 1);
}

}  // namespace

ValueQuality value_quality(const FormatSample& sample,
                           const SparseUpdate& update,
                           const ValueCoding& coding) {
    Sums sums;
    sums.classes.resize(size_t{1} << (coding.bits - 1));
    for (const TensorLayout& tensor : sample.layout.tensors) {
        add_tensor(
            sums, kept_magnitudes(sample, update, tensor.first_tile, tensor.tile_count()), coding);
    }
    return {sums.lost / sums.kept,
            sums.coded / sums.kept,
            sums.common / std::sqrt(sums.coded * energy_of(sample.values)),
            adaptive_bits(sums.classes)};
}

double to_fp16(double value) {
    constexpr double kLeastStep = 1.0 / (1 << 24);
    return value < 1.0 / (1 << 14) ? std::nearbyint(value / kLeastStep) * kLeastStep
                                   : round_fraction(value, 10);
}

double to_bf16(double value) {
    return round_fraction(value, 7);
}

double to_scale12(double value) {
    return static_cast<double>(
        magnitude_from_scale(scale_from_magnitude(static_cast<float>(value))));
}

double to_log8(double value) {
    if (value == 0) {
        return 0;
    }
    const double x = std::clamp(std::nearbyint(4 * (std::log2(value) + 44)), 0.0, 255.0);
    return std::exp2(x / 4 - 44);
}

}  // namespace assay
