// Peers' shares of one chunk of the step: D_i from payload, weight and the number of senders.
//
// fp32 one operation at a time, squares summed in double in index order from zero for each chunk
// (docs/compression.md, "Aggregate"). One thread owns an adder, for the path that kernel_path()
// names when it is made.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "compression/chunk_ops.h"
#include "compression/sparse_update.h"
#include "core/ids.h"

namespace assay {

struct Contribution {
    PeerId peer;
    const SparseUpdate* update = nullptr;       // this,
    double weight = 0;                          // in (0, 1]
    const std::vector<float>* dense = nullptr;  // or this
};

// D = ((q * clip) * weight) / senders * cap, one operation after the other.
struct ShareRule {
    float clip = 1;
    float weight = 1;
    float cap = 1;
};

// ||q||^2 of a contribution's chunk, in index order.
double contribution_energy(const Contribution& contribution, size_t tile);

class ShareAdder {
public:
    // A new chunk; per_entry: shares are divided by the number of senders of the entry.
    void begin(std::span<const Contribution> all, size_t tile, bool per_entry);
    // Adds the share to `out`, 4096 values; writes ||D||^2 of the chunk behind `squares` if that is
    // not null, at the latest when finish is called. REQUIRES: one of begin's contributions.
    void add(const Contribution& contribution, const ShareRule& rule, float* out, double* squares);
    void finish();

private:
    static constexpr size_t kTableSenders = 64;
    struct Waiting {
        double* squares = nullptr;
        size_t count = 0;
    };
    [[nodiscard]] bool many() const { return peers_ > 255; }
    template <class Number>
    void count_senders(std::span<const Contribution> all, std::array<Number, kTileValues>& senders);
    // By the table, which has few senders; without it; of a dense payload. Return how many.
    size_t add_sparse(const ChunkCode& chunk, float* out, float* shares) const;
    size_t add_crowded(const ChunkCode& chunk, const ShareRule& rule, float* out, float* shares);
    size_t add_dense(const float* values, const ShareRule& rule, float* out, float* shares);
    void fill_table(const ChunkCode& chunk, const ShareRule& rule);
    void read_ahead(const SparseUpdate& update, const float* out);

    const ChunkOps* ops_ = chunk_ops(kernel_path());
    size_t tile_ = 0;
    size_t peers_ = 0;
    size_t senders_most_ = 1;  // of any entry of the chunk
    std::array<uint8_t, kTileValues> senders_{};
    std::array<uint16_t, kTileValues> many_senders_{};  // instead, where there are many peers
    std::array<std::array<float, kTableSenders>, 4> table_{};  // by code, by senders
    std::vector<float> shares_;  // [entry][lane]: of contributions whose squares are wanted
    std::array<Waiting, kShareLanes> waiting_{};
    size_t lanes_ = 0;  // of them
    size_t lines_ahead_ = 0;
};

}  // namespace assay
