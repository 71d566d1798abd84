#include "studies/index_models.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "compression/symbol_coder.h"

namespace assay {

namespace {

constexpr uint32_t kOne = 1U << 16;       // of a probability
constexpr uint32_t kRatioOne = 1U << 12;  // of a ratio
constexpr uint64_t kHalveAt = uint64_t{1} << 34;

// -log2(p / kOne).
std::vector<double> make_costs() {
    std::vector<double> costs(kOne + 1, 0.0);
    for (uint32_t p = 1; p < kOne; ++p) {
        costs[p] = -std::log2(static_cast<double>(p) / kOne);
    }
    return costs;
}

// The odds of a kept place against one that is passed over.
struct Odds {
    uint64_t kept = 0;
    uint64_t passed = 0;

    [[nodiscard]] uint32_t probability() const {
        if (kept == 0 || passed == 0) {
            return kept == 0 ? 0 : kOne;
        }
        const uint64_t p = kept * kOne / (kept + passed);
        return static_cast<uint32_t>(std::clamp<uint64_t>(p, 1, kOne - 1));
    }
};

// How many places were kept of what had been expected, in each of some situations.
class RatioTable {
public:
    explicit RatioTable(size_t situations) : rows_(situations) {}
    [[nodiscard]] Odds corrected(Odds odds, size_t situation) const {
        const uint64_t kept = odds.kept * rows_[situation].ratio / kRatioOne;
        return {odds.kept == 0 ? 0 : std::max<uint64_t>(kept, 1), odds.passed};
    }
    void count(size_t situation, uint32_t expected, bool kept) {
        Row& row = rows_[situation];
        row.expected += expected;
        row.kept += kept ? kOne : 0;
        if (row.expected > kHalveAt) {
            row.expected /= 2;
            row.kept /= 2;
        }
        row.ratio = std::clamp<uint64_t>(row.kept * kRatioOne / row.expected, 1, 1U << 18);
    }

private:
    struct Row {
        uint64_t kept = uint64_t{2} * kOne;  // sums of probabilities
        uint64_t expected = uint64_t{2} * kOne;
        uint64_t ratio = kRatioOne;
    };
    std::vector<Row> rows_;
};

// A row or column: what it kept beside what it would have kept if all places were alike.
class Line {
public:
    static constexpr size_t kRatios = 17;
    static constexpr size_t kSituations = 8 * kRatios;
    void count(uint32_t expected, bool kept) {
        expected_ += expected;
        kept_ += kept ? kOne : 0;
    }
    // From much thinner to much denser than the mean, in quarters of a doubling, and how surely.
    [[nodiscard]] size_t situation() const {
        const auto expected = static_cast<uint32_t>(expected_ >> 10) + 32;  // in 1 / 64
        const auto kept = static_cast<uint32_t>(kept_ >> 10) + 32;
        const int ratio =
            static_cast<int>(quarter_log(kept)) - static_cast<int>(quarter_log(expected));
        const auto known = std::min<size_t>(7, static_cast<size_t>(std::bit_width(expected)) - 6);
        return known * kRatios + static_cast<size_t>(std::clamp(ratio, -8, 8) + 8);
    }

private:
    uint64_t expected_ = 0;
    uint64_t kept_ = 0;
};

std::vector<uint8_t> places_of(const SparseUpdate& update, const TensorLayout& tensor) {
    std::vector<uint8_t> kept(tensor.tile_count() * kTileValues, 0);
    for (uint64_t tile = 0; tile < tensor.tile_count(); ++tile) {
        for (const uint16_t index : update.chunks[tensor.first_tile + tile].indices) {
            kept[tile * kTileValues + index] = 1;
        }
    }
    return kept;
}

class IndexCost {
public:
    explicit IndexCost(const IndexContexts& contexts) : contexts_(contexts), costs_(make_costs()) {}

    double tensor(const SparseUpdate& update, const TensorLayout& tensor) {
        columns_.assign(tensor.columns, Line());
        kept_ = places_of(update, tensor);
        if (contexts_.last_round != nullptr) {
            before_ = places_of(*contexts_.last_round, tensor);
        }
        double bits = 0;
        for (uint64_t first = 0; first < tensor.live(); first += kTileValues) {
            const uint64_t end = std::min<uint64_t>(first + kTileValues, tensor.live());
            bits += chunk(tensor, first, end);
        }
        return bits;
    }

private:
    static constexpr size_t kStages = 3;
    struct Stage {
        RatioTable* table;
        size_t situation;
        uint32_t expected;
    };

    double chunk(const TensorLayout& tensor, uint64_t first, uint64_t end) {
        uint64_t left = 0;
        for (uint64_t place = first; place < end; ++place) {
            left += kept_[place];
        }
        double bits = 0;
        for (uint64_t place = first; place < end; ++place) {
            if (place % tensor.columns == 0) {
                begin_row(place, tensor.columns);
            }
            const bool kept = kept_[place] != 0;
            bits += this->place(tensor.columns, place, {left << 16, (end - place - left) << 16});
            left -= kept ? 1 : 0;
        }
        return bits;
    }

    void begin_row(uint64_t place, uint64_t columns) {
        row_ = Line();
        row_before_ = Line();
        if (contexts_.last_round == nullptr) {
            return;
        }
        for (uint64_t at = place; at < place + columns; ++at) {
            row_before_.count(kOne / 64, before_[at] != 0);
        }
    }

    double place(uint64_t columns, uint64_t place, Odds odds) {
        const bool kept = kept_[place] != 0;
        const uint32_t alike = odds.probability();
        Line& column = columns_[place % columns];
        std::array<Stage, kStages> stages{};
        size_t used = 0;
        const auto correct = [&](RatioTable& table, size_t situation) {
            stages[used++] = {&table, situation, odds.probability()};
            odds = table.corrected(odds, situation);
        };
        if (contexts_.row) {
            correct(rows_table_, row_.situation());
        }
        if (contexts_.column) {
            correct(columns_table_, column.situation());
        }
        if (contexts_.last_round != nullptr) {
            correct(last_table_, 2 * row_before_.situation() + before_[place]);
        }
        const uint32_t p = odds.probability();
        for (size_t i = 0; i < used; ++i) {
            stages[i].table->count(stages[i].situation, stages[i].expected, kept);
        }
        row_.count(alike, kept);
        column.count(alike, kept);
        return costs_[kept ? p : kOne - p];
    }

    const IndexContexts& contexts_;
    std::vector<double> costs_;
    RatioTable rows_table_{Line::kSituations};
    RatioTable columns_table_{Line::kSituations};
    RatioTable last_table_{2 * Line::kSituations};
    std::vector<uint8_t> kept_, before_;
    std::vector<Line> columns_;
    Line row_, row_before_;
};

}  // namespace

double context_bits(const SparseUpdate& update,
                    const ParameterLayout& layout,
                    const IndexContexts& contexts) {
    IndexCost cost(contexts);
    double bits = 0;
    for (const TensorLayout& tensor : layout.tensors) {
        bits += cost.tensor(update, tensor);
    }
    return bits / static_cast<double>(std::max<uint64_t>(1, kept_values(update)));
}

double adaptive_bits(const std::vector<uint64_t>& counts) {
    const double begin = static_cast<double>(counts.size()) / 2;
    double all = 0;
    double nats = 0;
    for (const uint64_t count : counts) {
        const auto n = static_cast<double>(count);
        nats -= std::lgamma(n + 0.5) - std::lgamma(0.5);
        all += n;
    }
    nats += std::lgamma(all + begin) - std::lgamma(begin);
    return nats / std::log(2.0) / std::max(1.0, all);
}

}  // namespace assay
