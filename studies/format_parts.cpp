#include "studies/format_parts.h"

#include <algorithm>
#include <cmath>

#include "compression/update_codec.h"

namespace assay {

namespace {

double bit_cost(bool value, uint32_t one) {
    return std::log2(static_cast<double>(kProbabilityOne) / (value ? one : kProbabilityOne - one));
}

double number_cost(uint32_t value, const NumberClass& as) {
    const NumberTable& table = number_tables()[as.table];
    const uint32_t symbol = std::min(value >> as.shift, NumberTable::kSymbols - 1);
    const double bits = bit_cost(true, table.start[symbol + 1] - table.start[symbol]) + as.shift;
    return symbol == NumberTable::kSymbols - 1 ? bits + kNumberBits - as.shift : bits;
}

// Follows the models through a segment just as its writer does (compression/segment_coder.cpp).
class PartCounter {
public:
    void begin() { model_.restart(); }
    void begin_tensor(uint64_t columns) { model_.signs.begin(columns); }
    void add(const ChunkCode& chunk, const ChunkPlace& place, uint32_t keep) {
        const auto missing =
            static_cast<uint32_t>(kept_count(place.live, keep) - chunk.indices.size());
        bits_.scales += number_cost(missing, model_.missing.as());
        model_.missing.count(missing);
        if (!chunk.indices.empty()) {
            add_scales(chunk);
            add_indices(chunk, place);
            add_values(chunk, place);
            model_.update();
        }
    }
    [[nodiscard]] const PartBits& bits() const { return bits_; }

private:
    void add_scales(const ChunkCode& chunk) {
        const bool single = chunk.low_scale == 0;
        bits_.scales += bit_cost(single, model_.single.one());
        model_.single.count(single);
        const uint32_t high = folded(chunk.high_scale - model_.last_high);
        bits_.scales += number_cost(high, model_.high.as());
        model_.high.count(high);
        model_.last_high = chunk.high_scale;
        if (!single) {
            const int32_t between = chunk.high_scale - chunk.low_scale - 1;
            const uint32_t span = folded(between - model_.last_span);
            bits_.scales += number_cost(span, model_.span.as());
            model_.span.count(span);
            model_.last_span = between;
        }
    }
    void add_indices(const ChunkCode& chunk, const ChunkPlace& place) {
        const auto live = static_cast<uint32_t>(place.live);
        auto left = static_cast<uint32_t>(chunk.indices.size());
        GapPlace here = model_.gaps.first_place(live - left, left);
        GapPlace after = here;
        uint32_t next = 0;
        uint32_t recent = 0;
        for (const uint16_t index : chunk.indices) {
            const uint32_t gap = index - next;
            bits_.indices += number_cost(gap, here.as);
            model_.gaps.count(here, gap);
            recent = next == 0 ? GapModel::first_recent(gap) : GapModel::next_recent(recent, gap);
            next = index + 1U;
            --left;
            here = after;
            after = model_.gaps.place(live - next - left, left, recent);
        }
    }
    void add_values(const ChunkCode& chunk, const ChunkPlace& place) {
        for (size_t i = 0; i < chunk.indices.size(); ++i) {
            const size_t column = (place.first + chunk.indices[i]) % place.columns;
            const int history = model_.signs.history(column);
            const bool surprise = ((chunk.codes[i] & 2U) != 0) != (history < 0);
            bits_.signs += bit_cost(surprise, model_.signs.surprise(history));
            model_.signs.count(column, history, surprise);
            if (chunk.low_scale != 0) {
                const bool high = (chunk.codes[i] & 1U) != 0;
                bits_.magnitudes += bit_cost(high, model_.magnitude.one());
                model_.magnitude.count(high);
            }
        }
    }

    UpdateModel model_;
    PartBits bits_;
};

}  // namespace

PartBits part_bits(const SparseUpdate& update, const ParameterLayout& layout, uint32_t keep) {
    const uint64_t segment = segment_tiles(keep);
    PartCounter counter;
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.tile_count(); ++i) {
            const uint64_t tile = tensor.first_tile + i;
            if (tile % segment == 0) {
                counter.begin();
            }
            if (tile % segment == 0 || i == 0) {
                counter.begin_tensor(tensor.columns);
            }
            counter.add(update.chunks[tile],
                        {layout.live_in_tile(tile), tensor.columns, i * kTileValues},
                        keep);
        }
    }
    const auto kept = static_cast<double>(std::max<uint64_t>(1, kept_values(update)));
    const PartBits& bits = counter.bits();
    return {bits.indices / kept, bits.signs / kept, bits.magnitudes / kept, bits.scales / kept};
}

}  // namespace assay
