#include "compression/chunk_shares.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

const float* dense_chunk(const Contribution& contribution, size_t tile) {
    return contribution.dense->data() + tile * kTileValues;
}

float share_of_value(float q, const ShareRule& rule, float senders) {
    const float clipped = q * rule.clip;
    const float weighted = clipped * rule.weight;
    const float mean = weighted / senders;
    return mean * rule.cap;
}

// Row by row, as ChunkOps::sum_squares.
void sum_squares(const float* values, size_t rows, size_t lanes, double* sums) {
    std::fill(sums, sums + lanes, 0.0);
    for (size_t i = 0; i < rows; ++i, values += kShareLanes) {
        for (size_t lane = 0; lane < lanes; ++lane) {
            const auto value = static_cast<double>(values[lane]);
            sums[lane] += value * value;
        }
    }
}

// What comes next is on its way while a chunk is added: entries are scattered over the heap. By
// number, not by pointer: an empty chunk has none, and a short one ends before its last line.
void prefetch_lines(const void* first, size_t lines) {
    for (size_t line = 0; line < lines; ++line) {
        const auto at = reinterpret_cast<uintptr_t>(first) + 64 * line;
        __builtin_prefetch(reinterpret_cast<const void*>(at));  // NOLINT(performance-no-int-to-ptr)
    }
}

void prefetch_codes(const SparseUpdate& update, size_t tile) {
    if (tile < update.chunks.size()) {
        prefetch_lines(update.chunks[tile].codes.data(), 2);
    }
}

void prefetch_indices(const SparseUpdate& update, size_t tile) {
    if (tile < update.chunks.size()) {
        prefetch_lines(update.chunks[tile].indices.data(), 3);
    }
}

}  // namespace

double contribution_energy(const Contribution& contribution, size_t tile) {
    if (contribution.dense == nullptr) {
        ASSAY_CHECK_LT(tile, contribution.update->chunks.size());
        prefetch_codes(*contribution.update, tile + 8);
        return chunk_energy(contribution.update->chunks[tile]);
    }
    const float* values = dense_chunk(contribution, tile);
    double energy = 0;
    for (size_t i = 0; i < kTileValues; ++i) {
        energy += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    }
    return energy;
}

// Eight bits a counter while that is enough: a chunk's counters then stay beside its sum in the
// first cache.
template <class Number>
void ShareAdder::count_senders(std::span<const Contribution> all,
                               std::array<Number, kTileValues>& senders) {
    senders.fill(0);
    for (const Contribution& contribution : all) {
        if (contribution.dense == nullptr) {
            for (const uint16_t index : contribution.update->chunks[tile_].indices) {
                ++senders[index];
            }
            continue;
        }
        const float* values = dense_chunk(contribution, tile_);
        for (size_t i = 0; i < kTileValues; ++i) {
            senders[i] = static_cast<Number>(senders[i] + (values[i] != 0 ? 1 : 0));
        }
    }
    std::array<Number, 16> most{};  // of every sixteenth: a form that compilers vectorise
    for (size_t i = 0; i < kTileValues; i += most.size()) {
        for (size_t j = 0; j < most.size(); ++j) {
            most[j] = std::max(most[j], senders[i + j]);
        }
    }
    senders_most_ = std::max<size_t>(1, *std::max_element(most.begin(), most.end()));
}

// Dividing by one changes nothing: without per_entry every entry has one sender.
void ShareAdder::begin(std::span<const Contribution> all, size_t tile, bool per_entry) {
    tile_ = tile;
    peers_ = all.size();
    lines_ahead_ = 0;
    senders_most_ = 1;
    if (!per_entry) {
        senders_.fill(1);
        many_senders_.fill(1);
    } else if (many()) {
        count_senders(all, many_senders_);
    } else {
        count_senders(all, senders_);
    }
}

void ShareAdder::fill_table(const ChunkCode& chunk, const ShareRule& rule) {
    const float low = magnitude_from_scale(chunk.low_scale) * rule.clip * rule.weight;
    const float high = magnitude_from_scale(chunk.high_scale) * rule.clip * rule.weight;
    for (size_t n = 1; n <= senders_most_; ++n) {
        const auto senders = static_cast<float>(n);
        const float low_share = low / senders * rule.cap;
        const float high_share = high / senders * rule.cap;
        table_[0][n] = low_share;
        table_[1][n] = high_share;
        table_[2][n] = -low_share;
        table_[3][n] = -high_share;
    }
}

// Of the next chunk: this contribution's entries, and a part of the sum's lines.
void ShareAdder::read_ahead(const SparseUpdate& update, const float* out) {
    constexpr size_t kLineValues = 16;
    constexpr size_t kLines = kTileValues / kLineValues;
    if (tile_ + 1 >= update.chunks.size()) {
        return;
    }
    prefetch_indices(update, tile_ + 1);
    prefetch_codes(update, tile_ + 1);
    const size_t last = std::min(kLines, lines_ahead_ + kLines / peers_ + 1);
    for (; lines_ahead_ < last; ++lines_ahead_) {
        __builtin_prefetch(out + kTileValues + lines_ahead_ * kLineValues, 1, 2);
    }
}

size_t ShareAdder::add_sparse(const ChunkCode& chunk, float* out, float* shares) const {
    const size_t count = chunk.indices.size();
    const uint16_t* indices = chunk.indices.data();
    const uint8_t* codes = chunk.codes.data();
    for (size_t i = 0; i < count; ++i) {
        const size_t index = indices[i];
        const float share = table_[codes[i]][senders_[index]];
        out[index] += share;
        shares[i * kShareLanes] = share;
    }
    return count;
}

size_t ShareAdder::add_crowded(const ChunkCode& chunk,
                               const ShareRule& rule,
                               float* out,
                               float* shares) {
    for (size_t i = 0; i < chunk.indices.size(); ++i) {
        const size_t index = chunk.indices[i];
        const auto n = static_cast<float>(many() ? many_senders_[index] : senders_[index]);
        const float share = share_of_value(chunk.value(i), rule, n);
        out[index] += share;
        shares[i * kShareLanes] = share;
    }
    return chunk.indices.size();
}

size_t ShareAdder::add_dense(const float* values,
                             const ShareRule& rule,
                             float* out,
                             float* shares) {
    size_t count = 0;
    for (size_t i = 0; i < kTileValues; ++i) {
        if (values[i] != 0) {
            const auto n = static_cast<float>(many() ? many_senders_[i] : senders_[i]);
            const float share = share_of_value(values[i], rule, n);
            shares[count * kShareLanes] = share;
            out[i] += share;
            ++count;
        }
    }
    return count;
}

void ShareAdder::add(const Contribution& contribution,
                     const ShareRule& rule,
                     float* out,
                     double* squares) {
    const bool dense = contribution.dense != nullptr;
    const size_t rows = dense ? kTileValues : contribution.update->chunks[tile_].indices.size();
    // At least one row: an empty chunk too has a place to point to.
    const size_t values = std::max<size_t>(rows, 1) * kShareLanes;
    if (shares_.size() < values) {
        shares_.resize(values);
    }
    ASSAY_CHECK_LT(lanes_, kShareLanes);
    float* shares = shares_.data() + lanes_;
    Waiting& waiting = waiting_[lanes_];
    waiting.squares = squares;
    if (dense) {
        waiting.count = add_dense(dense_chunk(contribution, tile_), rule, out, shares);
    } else {
        read_ahead(*contribution.update, out);
        const ChunkCode& chunk = contribution.update->chunks[tile_];
        if (many() || senders_most_ >= kTableSenders) {
            waiting.count = add_crowded(chunk, rule, out, shares);
        } else {
            fill_table(chunk, rule);
            waiting.count = add_sparse(chunk, out, shares);
        }
    }
    lanes_ += squares != nullptr ? 1 : 0;
    if (lanes_ == kShareLanes) {
        finish();
    }
}

// Many sums side by side: each waits for its own last addition.
void ShareAdder::finish() {
    size_t rows = 0;
    for (size_t lane = 0; lane < lanes_; ++lane) {
        rows = std::max(rows, waiting_[lane].count);
    }
    for (size_t lane = 0; lane < lanes_; ++lane) {
        for (size_t i = waiting_[lane].count; i < rows; ++i) {
            shares_[i * kShareLanes + lane] = 0;
        }
    }
    std::array<double, kShareLanes> sums{};
    const auto sum = ops_ == nullptr ? sum_squares : ops_->sum_squares;
    sum(shares_.data(), rows, lanes_, sums.data());
    for (size_t lane = 0; lane < lanes_; ++lane) {
        *waiting_[lane].squares = sums[lane];
    }
    lanes_ = 0;
}

}  // namespace assay
