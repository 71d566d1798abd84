// The compressor of a whole model at memory speed: one pass over theta_start, theta_end and e,
// chunks shared among threads, buffers kept from round to round.
//
// Codes, leftovers and bytes depend neither on the path nor on the number of threads. One thread
// owns a compressor.

#pragma once

#include <span>
#include <vector>

#include "compression/chunk_coder.h"
#include "compression/update_codec.h"

namespace assay {

class Compressor {
public:
    // REQUIRES: the layout outlives the compressor; threads > 0.
    Compressor(const ParameterLayout& layout,
               const CompressionSettings& settings,
               int threads = 1,
               KernelPath path = kernel_path());

    // What is owed and not sent goes to e_after, which may be e. Fails, with e_after and update
    // unspecified, where a value to be sent is not finite: the reason names tensor and chunk.
    // REQUIRES: four spans of layout.value_count() values.
    Status compress(std::span<const float> theta_start,
                    std::span<const float> theta_end,
                    std::span<const float> e,
                    std::span<float> e_after,
                    SparseUpdate& update);
    // The canonical bytes of what compress made.
    void encode(const SparseUpdate& update, Bytes& out) { codec_.encode(update, out); }
    // Both. With one thread in one pass: what is read of the next chunk is on its way meanwhile.
    Status compress(std::span<const float> theta_start,
                    std::span<const float> theta_end,
                    std::span<const float> e,
                    std::span<float> e_after,
                    SparseUpdate& update,
                    Bytes& out);
    // The bytes alone, by the calling thread: of a model of any size, memory holds its payload once
    // in parts and once whole, and one chunk.
    Status compress_to_bytes(std::span<const float> theta_start,
                             std::span<const float> theta_end,
                             std::span<const float> e,
                             std::span<float> e_after,
                             Bytes& out);

private:
    template <class ChunkOf>
    Status compress_in_one_pass(std::span<const float> theta_start,
                                std::span<const float> theta_end,
                                std::span<const float> e,
                                std::span<float> e_after,
                                const ChunkOf& chunk_of,
                                Bytes& out);
    void check_sizes(std::span<const float> theta_start,
                     std::span<const float> theta_end,
                     std::span<const float> e,
                     std::span<float> e_after) const;
    [[nodiscard]] Error fault(uint64_t tile) const;

    const ParameterLayout& layout_;
    const uint32_t keep_;
    const float beta_;
    UpdateCodec codec_;
    std::vector<ChunkCoder> coders_;      // one a thread
    ChunkCode chunk_;                     // of compress_to_bytes: the one at work
    std::vector<uint64_t> first_faults_;  // of each thread: its first tile that is not finite
};

}  // namespace assay
