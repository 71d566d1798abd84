#include "studies/format_costs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "studies/index_models.h"

namespace assay {

namespace {

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
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

void append_chunks(SparseUpdate& to, const SparseUpdate& from, const TensorLayout& tensor) {
    const auto first = from.chunks.begin() + static_cast<std::ptrdiff_t>(tensor.first_tile);
    to.chunks.insert(
        to.chunks.end(), first, first + static_cast<std::ptrdiff_t>(tensor.tile_count()));
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

// What a tensor keeps in all, chunk by chunk of 4096.
uint64_t kept_of_tensor(const TensorLayout& tensor, uint32_t keep) {
    uint64_t kept = 0;
    for (uint64_t first = 0; first < tensor.live(); first += kTileValues) {
        kept += kept_count(std::min<uint64_t>(kTileValues, tensor.live() - first), keep);
    }
    return kept;
}

// `all` places in proportion to the energies, none above the size of its part.
std::vector<uint64_t> shared_by_energy(const std::vector<double>& energies,
                                       const std::vector<uint64_t>& sizes,
                                       uint64_t all) {
    const double whole = std::accumulate(energies.begin(), energies.end(), 0.0);
    std::vector<uint64_t> counts;
    std::vector<std::pair<double, size_t>> missing;  // of its due; most first
    uint64_t left = all;
    for (size_t i = 0; i < sizes.size(); ++i) {
        const double due = whole > 0 ? static_cast<double>(all) * energies[i] / whole : 0;
        counts.push_back(std::min({sizes[i], left, static_cast<uint64_t>(due)}));
        missing.emplace_back(static_cast<double>(counts.back()) - due, i);
        left -= counts.back();
    }
    std::sort(missing.begin(), missing.end());
    while (left > 0) {
        for (const auto& [due, i] : missing) {
            const bool room = left > 0 && counts[i] < sizes[i];
            counts[i] += room ? 1 : 0;
            left -= room ? 1 : 0;
        }
    }
    return counts;
}

}  // namespace

double log2_choose(double n, double k) {
    return (std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1)) / std::log(2.0);
}

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

std::vector<uint64_t> kept_of_parts(const TensorLayout& tensor,
                                    std::span<const float> values,
                                    const std::vector<std::vector<uint64_t>>& parts,
                                    Selection selection,
                                    uint32_t keep) {
    if (selection == Selection::kSpread) {
        return {kept_of_tensor(tensor, keep)};
    }
    std::vector<uint64_t> counts;
    std::vector<uint64_t> sizes;
    std::vector<double> energies;
    for (const std::vector<uint64_t>& part : parts) {
        sizes.push_back(part.size());
        counts.push_back(kept_count(part.size(), keep));
        energies.push_back(0);
        for (const uint64_t place : part) {
            energies.back() += energy_of(values.subspan(place, 1));
        }
    }
    return selection == Selection::kByEnergy
               ? shared_by_energy(energies, sizes, kept_of_tensor(tensor, keep))
               : counts;
}

double energy_of(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) {
        sum += static_cast<double>(value) * static_cast<double>(value);
    }
    return sum;
}

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
    FormatSample only{sample.name, kind, {}, {}, {}};
    for (const TensorLayout& tensor : sample.layout.tensors) {
        if (kind_of_tensor(tensor.name) == kind) {
            only.layout.add(tensor.name, tensor.rows, tensor.columns);
            const auto first =
                sample.values.begin() + static_cast<std::ptrdiff_t>(tensor.first_value());
            only.values.insert(
                only.values.end(),
                first,
                first + static_cast<std::ptrdiff_t>(tensor.tile_count() * kTileValues));
            if (!sample.before.chunks.empty()) {
                append_chunks(only.before, sample.before, tensor);
            }
        }
    }
    return only;
}

double current_bits(const SparseUpdate& update, const ParameterLayout& layout, uint32_t keep) {
    const size_t bytes = encode_sparse(update, layout, PayloadKind::kSparse, keep).size();
    return bits_per_kept_value(update, bytes - kPayloadHeaderBytes);
}

IndexBits index_bits(const FormatSample& sample, const SparseUpdate& update) {
    const ParameterLayout& layout = sample.layout;
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
    bits.row_ideal = context_bits(update, layout, {true, false, nullptr});
    bits.column_ideal = context_bits(update, layout, {false, true, nullptr});
    bits.row_column_ideal = context_bits(update, layout, {true, true, nullptr});
    if (!sample.before.chunks.empty()) {
        bits.last_round_ideal = context_bits(update, layout, {true, true, &sample.before});
    }
    return bits;
}

VectorCosts vector_costs(const FormatSample& sample, const SparseUpdate& update, uint32_t keep) {
    ParameterLayout vectors;
    SparseUpdate sparse;
    double energy = 0;
    double kept = 0;
    for (const TensorLayout& tensor : sample.layout.tensors) {
        if (tensor.rows > 1) {
            continue;
        }
        vectors.add(tensor.name, tensor.rows, tensor.columns);
        append_chunks(sparse, update, tensor);
        energy += energy_of(std::span(sample.values).subspan(tensor.first_value(), tensor.live()));
        for (uint64_t tile = 0; tile < tensor.tile_count(); ++tile) {
            for (const uint16_t index : update.chunks[tensor.first_tile + tile].indices) {
                const size_t at = tensor.first_value() + tile * kTileValues + index;
                kept += energy_of(std::span(sample.values).subspan(at, 1));
            }
        }
    }
    if (energy == 0) {
        return {};
    }
    const auto live = static_cast<double>(vectors.live_count());
    const double bits =
        current_bits(sparse, vectors, keep) * static_cast<double>(kept_values(sparse));
    return {energy / energy_of(sample.values),
            kept / energy,
            bits / live,
            (16 * live - bits) / static_cast<double>(kept_values(update))};
}

double energy_kept(const FormatSample& sample, Selection selection, uint32_t keep) {
    double kept = 0;
    for (const TensorLayout& tensor : sample.layout.tensors) {
        const std::span<const float> values =
            std::span(sample.values).subspan(tensor.first_value(), tensor.live());
        const auto parts = parts_of(tensor, selection);
        const auto counts = kept_of_parts(tensor, values, parts, selection, keep);
        for (size_t i = 0; i < parts.size(); ++i) {
            kept += largest_squares(squares_at(sample, tensor, parts[i]), counts[i]);
        }
    }
    return kept / energy_of(sample.values);
}

}  // namespace assay
