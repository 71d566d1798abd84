#include "benchmarks/format_costs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace assay {

namespace {

using Magnitudes = std::vector<double>;

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

double log2_choose(double n, double k) {
    return (std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1)) / std::log(2.0);
}

std::vector<uint32_t> gaps_of(const ChunkCode& chunk) {
    std::vector<uint32_t> gaps;
    uint32_t next = 0;
    for (const uint16_t index : chunk.indices) {
        gaps.push_back(index - next);
        next = index + 1U;
    }
    return gaps;
}

double rice_bits(std::span<const uint32_t> gaps, uint32_t r) {
    double bits = 0;
    for (const uint32_t gap : gaps) {
        bits += 1 + r + (gap >> r);
    }
    return bits;
}

double best_rice_bits(std::span<const uint32_t> gaps) {
    double best = std::numeric_limits<double>::infinity();
    for (uint32_t r = 0; r < 12; ++r) {
        best = std::min(best, rice_bits(gaps, r));
    }
    return best + 4;
}

double elias_fano_bits(double live, double count) {
    const double low = std::max(0.0, std::floor(std::log2(live / count)));
    return count * low + count + std::ceil(live / std::exp2(low));
}

double entropy_bits(const std::map<uint32_t, uint64_t>& counts) {
    double all = 0;
    for (const auto& [gap, count] : counts) {
        all += static_cast<double>(count);
    }
    double bits = 0;
    for (const auto& [gap, count] : counts) {
        bits += static_cast<double>(count) * std::log2(all / static_cast<double>(count));
    }
    return bits;
}

// The same indices with one positive value everywhere: what is left to say is where.
SparseUpdate places_alone(const SparseUpdate& update) {
    SparseUpdate places = update;
    for (ChunkCode& chunk : places.chunks) {
        std::fill(chunk.codes.begin(), chunk.codes.end(), uint8_t{1});
        chunk.low_scale = 0;
        chunk.high_scale = chunk.indices.empty() ? 0 : 1920;
    }
    return places;
}

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
    double kept = 0;    // ||a||^2 of what is kept
    double lost = 0;    // ||a - q||^2 of it
    double coded = 0;   // ||q||^2
    double common = 0;  // a q

    void add(double magnitude, double q) {
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
        const double q = coded[static_cast<size_t>(std::find(levels.begin(), levels.end(), exact) -
                                                   levels.begin())];
        sums.add(magnitude, q);
    }
}

// The format's own split, where the class follows from the split point.
void add_outliers(Sums& sums, const Magnitudes& kept, const ValueCoding& coding) {
    const ClassSplit classes = split_classes(kept, SplitRule::kOutliers);
    const Magnitudes levels = rounded({classes.low, classes.high}, coding);
    for (const double magnitude : kept) {
        const double q = levels[magnitude < classes.split ? 0 : 1];
        sums.add(magnitude, q);
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

double squares_of(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) {
        sum += static_cast<double>(value) * static_cast<double>(value);
    }
    return sum;
}

// The largest `count` squares of a part.
double largest_squares(std::vector<double> squares, uint64_t count) {
    const auto middle =
        squares.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(count, squares.size()));
    std::nth_element(squares.begin(),
                     middle == squares.end() ? middle - 1 : middle,
                     squares.end(),
                     std::greater<>());
    return std::accumulate(squares.begin(), middle, 0.0);
}

std::vector<double> squares_at(const FormatSample& sample,
                               const TensorLayout& tensor,
                               const std::vector<uint64_t>& places) {
    std::vector<double> squares;
    squares.reserve(places.size());
    for (const uint64_t place : places) {
        const auto value = static_cast<double>(sample.values[tensor.first_value() + place]);
        squares.push_back(value * value);
    }
    return squares;
}

// The places of a tensor in parts that each choose for themselves.
std::vector<std::vector<uint64_t>> parts_of(const TensorLayout& tensor, Selection selection) {
    constexpr uint64_t kSide = 64;
    std::vector<std::vector<uint64_t>> parts;
    if (selection != Selection::kBlocks || tensor.rows < kSide) {
        const uint64_t size = selection == Selection::kSpread ? tensor.live() : kTileValues;
        for (uint64_t place = 0; place < tensor.live(); ++place) {
            if (place % size == 0) {
                parts.emplace_back();
            }
            parts.back().push_back(place);
        }
        return parts;
    }
    const uint64_t across = (tensor.columns + kSide - 1) / kSide;
    parts.resize(across * ((tensor.rows + kSide - 1) / kSide));
    for (uint64_t place = 0; place < tensor.live(); ++place) {
        const uint64_t row = place / tensor.columns;
        const uint64_t column = place % tensor.columns;
        parts[row / kSide * across + column / kSide].push_back(place);
    }
    return parts;
}

// What a tensor keeps in all, chunk by chunk of 4096.
uint64_t kept_of_tensor(const TensorLayout& tensor, uint32_t keep) {
    uint64_t kept = 0;
    for (uint64_t first = 0; first < tensor.live(); first += kTileValues) {
        kept += kept_count(std::min<uint64_t>(kTileValues, tensor.live() - first), keep);
    }
    return kept;
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

std::string kind_of_tensor(const std::string& name) {
    if (contains(name, "embed") || contains(name, "lm_head")) {
        return "embedding";
    }
    if (contains(name, "norm")) {
        return "norm";
    }
    return contains(name, "attn") ? "attention" : "mlp";
}

FormatSample only_kind(const FormatSample& sample, const std::string& kind) {
    FormatSample only{sample.name, kind, {}, {}};
    for (const TensorLayout& tensor : sample.layout.tensors) {
        if (kind_of_tensor(tensor.name) == kind) {
            only.layout.add(tensor.name, tensor.rows, tensor.columns);
            const auto first =
                sample.values.begin() + static_cast<std::ptrdiff_t>(tensor.first_value());
            only.values.insert(
                only.values.end(),
                first,
                first + static_cast<std::ptrdiff_t>(tensor.tile_count() * kTileValues));
        }
    }
    return only;
}

double current_bits(const SparseUpdate& update, const ParameterLayout& layout, uint32_t keep) {
    const size_t bytes = encode_sparse(update, layout, PayloadKind::kSparse, keep).size();
    return bits_per_kept_value(update, bytes - kPayloadHeaderBytes);
}

IndexBits index_bits(const SparseUpdate& update, const ParameterLayout& layout, uint32_t keep) {
    IndexBits bits;
    std::map<uint32_t, uint64_t> gap_counts;
    for (uint64_t tile = 0; tile < update.chunks.size(); ++tile) {
        const std::vector<uint32_t> gaps = gaps_of(update.chunks[tile]);
        if (gaps.empty()) {
            continue;
        }
        const auto live = static_cast<double>(layout.live_in_tile(tile));
        const auto count = static_cast<double>(gaps.size());
        bits.rice5 += rice_bits(gaps, 5);
        bits.rice_adaptive += best_rice_bits(gaps);
        bits.elias_fano += elias_fano_bits(live, count);
        bits.enumerative += log2_choose(live, count);
        for (const uint32_t gap : gaps) {
            ++gap_counts[gap];
        }
    }
    bits.gap_entropy = entropy_bits(gap_counts);
    const auto kept = static_cast<double>(std::max<uint64_t>(1, kept_values(update)));
    for (double* sum : {&bits.rice5,
                        &bits.rice_adaptive,
                        &bits.elias_fano,
                        &bits.enumerative,
                        &bits.gap_entropy}) {
        *sum /= kept;
    }
    bits.current = current_bits(places_alone(update), layout, keep);
    return bits;
}

ValueQuality value_quality(const FormatSample& sample,
                           const SparseUpdate& update,
                           const ValueCoding& coding) {
    Sums sums;
    for (const TensorLayout& tensor : sample.layout.tensors) {
        add_tensor(
            sums, kept_magnitudes(sample, update, tensor.first_tile, tensor.tile_count()), coding);
    }
    return {sums.lost / sums.kept,
            sums.coded / sums.kept,
            sums.common / std::sqrt(sums.coded * squares_of(sample.values))};
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

double energy_kept(const FormatSample& sample, Selection selection, uint32_t keep) {
    double kept = 0;
    for (const TensorLayout& tensor : sample.layout.tensors) {
        for (const std::vector<uint64_t>& part : parts_of(tensor, selection)) {
            const uint64_t count = selection == Selection::kSpread ? kept_of_tensor(tensor, keep)
                                                                   : kept_count(part.size(), keep);
            kept += largest_squares(squares_at(sample, tensor, part), count);
        }
    }
    return kept / squares_of(sample.values);
}

}  // namespace assay
