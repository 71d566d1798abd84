#include "compression/chunk_shares.h"

#include <algorithm>

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

void ShareAdder::begin(std::span<const Contribution> all, size_t tile, bool per_entry) {
    tile_ = tile;
    senders_most_ = 1;
    per_entry_ = per_entry;
    if (!per_entry) {
        return;
    }
    senders_.fill(0);
    uint32_t most = 1;
    for (const Contribution& contribution : all) {
        if (contribution.dense == nullptr) {
            prefetch_indices(*contribution.update, tile + 1);
            prefetch_codes(*contribution.update, tile + 1);
            for (const uint16_t index : contribution.update->chunks[tile].indices) {
                const uint32_t now = senders_[index] + 1U;
                senders_[index] = static_cast<uint16_t>(now);
                most = std::max(most, now);
            }
            continue;
        }
        const float* values = dense_chunk(contribution, tile);
        for (size_t i = 0; i < kTileValues; ++i) {
            const uint32_t now = senders_[i] + (values[i] != 0 ? 1U : 0U);
            senders_[i] = static_cast<uint16_t>(now);
            most = std::max(most, now);
        }
    }
    senders_most_ = most;
}

// Dividing by one changes nothing: without per_entry every entry has one sender.
void ShareAdder::fill_table(const ChunkCode& chunk, const ShareRule& rule) {
    const float low = magnitude_from_scale(chunk.low_scale);
    const float high = magnitude_from_scale(chunk.high_scale);
    for (size_t n = 1; n <= senders_most_; ++n) {
        table_[0][n] = share_of_value(low, rule, static_cast<float>(n));
        table_[1][n] = share_of_value(high, rule, static_cast<float>(n));
    }
    for (size_t n = 1; n <= senders_most_; ++n) {
        table_[2][n] = -table_[0][n];
        table_[3][n] = -table_[1][n];
    }
}

void ShareAdder::add_sparse(const ChunkCode& chunk,
                            const ShareRule& rule,
                            float* out,
                            float* shares) {
    const size_t count = chunk.indices.size();
    const uint16_t* indices = chunk.indices.data();
    const uint8_t* codes = chunk.codes.data();
    if (senders_most_ < kTableSenders) {
        fill_table(chunk, rule);
        for (size_t i = 0; i < count; ++i) {
            const size_t index = indices[i];
            const float share = table_[codes[i]][per_entry_ ? senders_[index] : 1];
            out[index] += share;
            shares[i] = share;
        }
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        const size_t index = indices[i];
        const float share =
            share_of_value(chunk.value(i), rule, static_cast<float>(senders_[index]));
        out[index] += share;
        shares[i] = share;
    }
}

size_t ShareAdder::add_dense(const float* values,
                             const ShareRule& rule,
                             float* out,
                             float* shares) {
    size_t count = 0;
    for (size_t i = 0; i < kTileValues; ++i) {
        if (values[i] != 0) {
            const float senders = per_entry_ ? static_cast<float>(senders_[i]) : 1.0F;
            shares[count] = share_of_value(values[i], rule, senders);
            out[i] += shares[count];
            ++count;
        }
    }
    return count;
}

void ShareAdder::add(const Contribution& contribution,
                     const ShareRule& rule,
                     float* out,
                     double* squares) {
    Pending& pending = pending_[waiting_];
    if (contribution.dense != nullptr) {
        pending.count =
            add_dense(dense_chunk(contribution, tile_), rule, out, pending.shares.data());
    } else {
        const ChunkCode& chunk = contribution.update->chunks[tile_];
        add_sparse(chunk, rule, out, pending.shares.data());
        pending.count = chunk.indices.size();
    }
    pending.squares = squares;
    waiting_ += squares != nullptr ? 1 : 0;
    if (waiting_ == kLanes) {
        finish();
    }
}

// Four sums side by side: each waits for its own last addition.
void ShareAdder::finish() {
    size_t most = 0;
    for (size_t lane = 0; lane < waiting_; ++lane) {
        most = std::max(most, pending_[lane].count);
    }
    double sums[kLanes] = {};
    for (size_t lane = 0; lane < kLanes; ++lane) {
        Pending& pending = pending_[lane];
        const size_t count = lane < waiting_ ? pending.count : 0;
        std::fill(pending.shares.begin() + static_cast<std::ptrdiff_t>(count),
                  pending.shares.begin() + static_cast<std::ptrdiff_t>(most),
                  0.0F);
    }
    const float* shares[kLanes] = {pending_[0].shares.data(),
                                   pending_[1].shares.data(),
                                   pending_[2].shares.data(),
                                   pending_[3].shares.data()};
    for (size_t i = 0; i < most; ++i) {
        for (size_t lane = 0; lane < kLanes; ++lane) {
            const auto share = static_cast<double>(shares[lane][i]);
            sums[lane] += share * share;
        }
    }
    for (size_t lane = 0; lane < waiting_; ++lane) {
        *pending_[lane].squares = sums[lane];
    }
    waiting_ = 0;
}

}  // namespace assay
