// The part of format_costs.h about values: magnitudes, how they split, and their scales.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "benchmarks/format_costs.h"
#include "benchmarks/index_models.h"

namespace assay {

namespace {

using Magnitudes = std::vector<double>;

// The thresholds between 2^halvings classes: each class is halved at its mean or median.
void halve(Magnitudes& sorted,
           size_t first,
           size_t last,
           int halvings,
           Split split,
           std::vector<size_t>& ends) {
    if (halvings == 0 || last - first < 2) {
        ends.push_back(last);
        return;
    }
    const auto begin = sorted.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(last);
    size_t middle = first + (last - first) / 2;
    if (split != Split::kMedian) {
        const double mean = std::accumulate(begin, end, 0.0) / static_cast<double>(last - first);
        middle = static_cast<size_t>(std::lower_bound(begin, end, mean) - sorted.begin());
    }
    halve(sorted, first, middle, halvings - 1, split, ends);
    halve(sorted, middle, last, halvings - 1, split, ends);
}

Magnitudes class_means(const Magnitudes& sorted, const std::vector<size_t>& ends) {
    Magnitudes means;
    size_t first = 0;
    for (const size_t last : ends) {
        if (last > first) {
            double sum = 0;
            for (size_t i = first; i < last; ++i) {
                sum += sorted[i];
            }
            means.push_back(sum / static_cast<double>(last - first));
        }
        first = last;
    }
    return means;
}

// Lloyd-Max from the classes of the means: thresholds in the middle between levels.
Magnitudes lloyd(const Magnitudes& sorted, Magnitudes levels) {
    for (int move = 0; move < 30; ++move) {
        std::vector<size_t> ends;
        for (size_t i = 0; i + 1 < levels.size(); ++i) {
            ends.push_back(static_cast<size_t>(
                std::lower_bound(sorted.begin(), sorted.end(), (levels[i] + levels[i + 1]) / 2) -
                sorted.begin()));
        }
        ends.push_back(sorted.size());
        levels = class_means(sorted, ends);
    }
    return levels;
}

// Up to 2^(bits - 1) levels, rising.
Magnitudes levels_of(Magnitudes kept, const ValueCoding& coding) {
    std::sort(kept.begin(), kept.end());
    std::vector<size_t> ends;
    halve(kept, 0, kept.size(), coding.bits - 1, coding.split, ends);
    const Magnitudes means = class_means(kept, ends);
    return coding.split == Split::kLloyd ? lloyd(kept, means) : means;
}

// The class of a magnitude: the outliers' own split point, else the nearest level. A coding by mean
// or median puts its thresholds elsewhere; the nearest level loses least of all.
double nearest(const Magnitudes& levels, double magnitude) {
    double best = levels.front();
    for (const double level : levels) {
        if (std::abs(level - magnitude) < std::abs(best - magnitude)) {
            best = level;
        }
    }
    return best;
}

Magnitudes rounded(Magnitudes levels, const ValueCoding& coding) {
    if (coding.scale) {
        for (double& level : levels) {
            level = coding.scale(level);
        }
    }
    return levels;
}

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

void add_chunk(Sums& sums,
               const Magnitudes& kept,
               const Magnitudes& levels,
               const ValueCoding& coding) {
    const Magnitudes coded = rounded(levels, coding);
    for (const double magnitude : kept) {
        const double exact = nearest(levels, magnitude);
        const auto level =
            static_cast<size_t>(std::find(levels.begin(), levels.end(), exact) - levels.begin());
        sums.add(magnitude, coded[level], levels.size() - 1 - level);
    }
}

// The format's own split, where the class follows from the split point.
void add_outliers(Sums& sums, const Magnitudes& kept, const ValueCoding& coding) {
    const ClassSplit classes = split_classes(kept, SplitRule::kOutliers);
    const Magnitudes levels = rounded({classes.low, classes.high}, coding);
    for (const double magnitude : kept) {
        const bool low = magnitude < classes.split;
        sums.add(magnitude, levels[low ? 0 : 1], low ? 1 : 0);
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
    Magnitudes shared;
    if (coding.per_tensor) {
        Magnitudes joined;
        for (const Magnitudes& chunk : chunks) {
            joined.insert(joined.end(), chunk.begin(), chunk.end());
        }
        shared = joined.empty() ? Magnitudes{} : levels_of(joined, coding);
    }
    for (const Magnitudes& chunk : chunks) {
        if (coding.split == Split::kOutliers && !coding.per_tensor) {
            add_outliers(sums, chunk, coding);
        } else {
            add_chunk(sums, chunk, coding.per_tensor ? shared : levels_of(chunk, coding), coding);
        }
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
