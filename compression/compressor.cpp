#include "compression/compressor.h"

#include <algorithm>
#include <limits>

#include "core/check.h"

namespace assay {

namespace {

constexpr uint64_t kNoFault = std::numeric_limits<uint64_t>::max();

}  // namespace

Compressor::Compressor(const ParameterLayout& layout,
                       const CompressionSettings& settings,
                       int threads,
                       KernelPath path)
    : layout_(layout),
      keep_(static_cast<uint32_t>(settings.keep)),
      beta_(static_cast<float>(settings.beta)),
      codec_(layout, PayloadKind::kSparse, keep_, threads),
      coders_(static_cast<size_t>(threads), ChunkCoder(path)),
      first_faults_(static_cast<size_t>(threads)) {
    ASSAY_CHECK(beta_ >= 0 && beta_ <= 1);  // more would let what is owed grow by itself
}

void Compressor::check_sizes(std::span<const float> theta_start,
                             std::span<const float> theta_end,
                             std::span<const float> e,
                             std::span<float> e_after) const {
    ASSAY_CHECK_EQ(theta_start.size(), layout_.value_count());
    ASSAY_CHECK_EQ(theta_end.size(), theta_start.size());
    ASSAY_CHECK_EQ(e.size(), theta_start.size());
    ASSAY_CHECK_EQ(e_after.size(), theta_start.size());
}

Error Compressor::fault(uint64_t tile) const {
    const TensorLayout& tensor = layout_.tensor_of_tile(tile);
    return fail("cannot compress " + tensor.name + ", chunk " +
                std::to_string(tile - tensor.first_tile) + ": a value is not finite");
}

Status Compressor::compress(std::span<const float> theta_start,
                            std::span<const float> theta_end,
                            std::span<const float> e,
                            std::span<float> e_after,
                            SparseUpdate& update) {
    check_sizes(theta_start, theta_end, e, e_after);
    update.chunks.resize(layout_.tile_count());
    std::fill(first_faults_.begin(), first_faults_.end(), kNoFault);
    codec_.threads().run_ranges(
        update.chunks.size(), 1, [&](uint64_t first_tile, uint64_t last_tile, size_t thread) {
            for (uint64_t tile = first_tile; tile < last_tile; ++tile) {
                const uint64_t first = tile * kTileValues;
                const FeedbackIn in{
                    theta_start.data() + first, theta_end.data() + first, e.data() + first, beta_};
                ReadAhead none;
                if (!coders_[thread].compress(in,
                                              codec_.place(tile).live,
                                              keep_,
                                              e_after.subspan(first, kTileValues),
                                              update.chunks[tile],
                                              none)) {
                    first_faults_[thread] = std::min(first_faults_[thread], tile);
                    return;
                }
            }
        });
    const uint64_t first_fault = *std::min_element(first_faults_.begin(), first_faults_.end());
    return first_fault == kNoFault ? Status() : Status(fault(first_fault));
}

Status Compressor::compress(std::span<const float> theta_start,
                            std::span<const float> theta_end,
                            std::span<const float> e,
                            std::span<float> e_after,
                            SparseUpdate& update,
                            Bytes& out) {
    if (codec_.threads().threads() > 1) {
        Status done = compress(theta_start, theta_end, e, e_after, update);
        if (done) {
            encode(update, out);
        }
        return done;
    }
    update.chunks.resize(layout_.tile_count());
    return compress_in_one_pass(
        theta_start,
        theta_end,
        e,
        e_after,
        [&update](uint64_t tile) -> ChunkCode& { return update.chunks[tile]; },
        out);
}

Status Compressor::compress_to_bytes(std::span<const float> theta_start,
                                     std::span<const float> theta_end,
                                     std::span<const float> e,
                                     std::span<float> e_after,
                                     Bytes& out) {
    return compress_in_one_pass(
        theta_start, theta_end, e, e_after, [this](uint64_t) -> ChunkCode& { return chunk_; }, out);
}

template <class ChunkOf>
Status Compressor::compress_in_one_pass(std::span<const float> theta_start,
                                        std::span<const float> theta_end,
                                        std::span<const float> e,
                                        std::span<float> e_after,
                                        const ChunkOf& chunk_of,
                                        Bytes& out) {
    check_sizes(theta_start, theta_end, e, e_after);
    uint64_t at = 0;
    const auto input = [&](uint64_t tile) {
        const uint64_t first = tile * kTileValues;
        return FeedbackIn{
            theta_start.data() + first, theta_end.data() + first, e.data() + first, beta_};
    };
    const auto make =
        [&](uint64_t tile, const ChunkPlace& place, ChunkCode& chunk, ReadAhead& ahead) {
            at = tile;
            if (tile + 1 < e.size() / kTileValues) {
                ahead = ReadAhead(input(tile + 1));
            }
            return coders_[0].compress(input(tile),
                                       place.live,
                                       keep_,
                                       e_after.subspan(tile * kTileValues, kTileValues),
                                       chunk,
                                       ahead);
        };
    return codec_.encode_made(chunk_of, make, out) ? Status() : Status(fault(at));
}

}  // namespace assay
