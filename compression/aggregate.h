// The peers' payloads become one step: each peer's share D_i, and their sum.
//
// In order of peer id, fp32 one operation at a time, norms in double in index order: whoever has
// the payloads and weights computes the same bits (docs/compression.md, "Aggregate"). Who may enter
// is decided elsewhere. Owned by one thread; share_of may run beside itself.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compression/chunk_shares.h"
#include "core/ids.h"
#include "kernels/thread_pool.h"

namespace assay {

class ChunkDevice;

// Kept from one aggregate to the next, its buffers are not allocated again.
class AggregateResult {
public:
    // D_1 + D_2 + ..., in order, from zero; layout.value_count() values.
    std::vector<float> sum;

    // Recomputes D_i exactly, zeros elsewhere: also for taking it out again later.
    // REQUIRES: the contributions' updates still exist; out has layout.value_count() values.
    void share_of(size_t i, std::span<float> out, ThreadPool* threads = nullptr) const;
    // ||D_i||, after all clips and caps.
    [[nodiscard]] double share_norm(size_t i) const { return share_norms_[i]; }
    [[nodiscard]] size_t count() const { return contributions_.size(); }

private:
    friend void aggregate(std::span<const Contribution> contributions,
                          const ParameterLayout& layout,
                          const AggregateSettings& settings,
                          ThreadPool& threads,
                          AggregateResult& result);
    friend Status aggregate_on(ChunkDevice& device,
                               std::span<const Contribution> contributions,
                               const ParameterLayout& layout,
                               const AggregateSettings& settings,
                               AggregateResult& result);
    // Takes the contributions in; a sum of zeros if there are none.
    void begin(std::span<const Contribution> contributions,
               const ParameterLayout& layout,
               const AggregateSettings& settings);
    void measure_payloads(ThreadPool& threads);
    void clip_to_median(const ParameterLayout& layout);
    void set_weights(const AggregateSettings& settings);
    void add_shares(ThreadPool& threads, bool measure);
    [[nodiscard]] bool cap_shares(double cap);
    [[nodiscard]] ShareRule rule(size_t i, size_t tile) const;

    std::vector<Contribution> contributions_;
    bool per_entry_ = true;
    std::vector<uint32_t> tensor_of_tile_;
    std::vector<float> scales_;   // [peer][tensor]: median clip
    std::vector<float> weights_;  // alpha w_i, or alpha w_i / sum of w
    std::vector<float> caps_;
    std::vector<double> share_norms_;
    std::vector<double> squares_;     // [peer][tile]
    std::vector<ShareAdder> adders_;  // one a thread
    size_t tensors_ = 0;
};

// Chunk by chunk in cache, without a dense buffer a peer; threads share the chunks, and their
// number changes no bit. REQUIRES: strictly increasing peer ids, weights in (0, 1], updates of this
// layout, at most limits::kPeersMax of them. None at all gives a sum of zeros.
void aggregate(std::span<const Contribution> contributions,
               const ParameterLayout& layout,
               const AggregateSettings& settings,
               ThreadPool& threads,
               AggregateResult& result);
// The same by the calling thread alone.
AggregateResult aggregate(std::span<const Contribution> contributions,
                          const ParameterLayout& layout,
                          const AggregateSettings& settings);

// Q(u): what every node applies, and its canonical bytes.
struct QuantisedAggregate {
    std::vector<float> q;
    Bytes bytes;
};

// Keeps at most downlink_keep values of each chunk at 2 bits, or everything where `dense`.
// Fails where a value of u is not finite. Null threads: the caller alone.
Result<QuantisedAggregate> quantise_aggregate(std::span<const float> u,
                                              const ParameterLayout& layout,
                                              const CompressionSettings& settings,
                                              bool dense = false,
                                              ThreadPool* threads = nullptr);
// Bytes of Q(u) from anybody: canonical or refused. Returns q.
Result<std::vector<float>> decode_aggregate(ByteSpan bytes,
                                            const ParameterLayout& layout,
                                            const CompressionSettings& settings,
                                            bool dense = false);
// The most bytes that any aggregate of this layout has: quantise_aggregate asserts it.
uint64_t aggregate_bytes_max(const ParameterLayout& layout,
                             const CompressionSettings& settings,
                             bool dense = false);

}  // namespace assay
