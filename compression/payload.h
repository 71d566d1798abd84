// A peer's contribution under any strategy: sparse or dense, as values and as bytes.
//
// Where code must not care which strategy a run uses, it holds a PeerPayload. What the checks see
// of it are the PayloadEntries of verify/peer_payload.h. Plain value.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compression/aggregate.h"
#include "compression/dense_update.h"
#include "compression/error_feedback.h"

namespace assay {

// sparseloco: top-k, 2-bit codes, error feedback. diloco: dense, Nesterov momentum on the mean.
// average: dense, no momentum. ddp: dense, one inner step a round.
enum class Strategy : uint8_t { kSparseLoCo, kDiLoCo, kAverage, kDdp };

// The reason lists the names that there are.
Result<Strategy> strategy_from_name(std::string_view name);
constexpr bool is_dense(Strategy strategy) {
    return strategy != Strategy::kSparseLoCo;
}

struct PeerPayload {
    SparseUpdate sparse;       // sparseloco
    std::vector<float> dense;  // the others: layout.value_count() values

    bool operator==(const PeerPayload&) const = default;
};

struct CompressedPayload {
    PeerPayload payload;
    Bytes bytes;
};

// sparseloco: compress(). Else the pseudo-gradient as it is; e is neither read nor written.
Result<CompressedPayload> compress_payload(Strategy strategy,
                                           std::span<const float> theta_start,
                                           std::span<const float> theta_end,
                                           std::span<float> e,
                                           const ParameterLayout& layout,
                                           const CompressionSettings& settings);

// Bytes of a stranger: canonical or refused. Null threads: the caller alone.
Result<PeerPayload> decode_payload(Strategy strategy,
                                   ByteSpan bytes,
                                   const ParameterLayout& layout,
                                   const CompressionSettings& settings,
                                   ThreadPool* threads = nullptr);
uint64_t payload_bytes_max(Strategy strategy,
                           const ParameterLayout& layout,
                           const CompressionSettings& settings);

// ||q||^2 of each strip of a chunk, kStripsPerTile a chunk.
std::vector<double> payload_energies(const PeerPayload& payload);

// The payload must outlive the contribution.
Contribution contribution_of(const PeerId& peer, const PeerPayload& payload, double weight);

}  // namespace assay
