#include "compression/payload.h"

#include <algorithm>
#include <array>

#include "core/check.h"
#include "core/tile_strips.h"

namespace assay {

namespace {

constexpr std::array<const char*, 4> kStrategyNames = {"sparseloco", "diloco", "average", "ddp"};

}  // namespace

Result<Strategy> strategy_from_name(std::string_view name) {
    for (size_t i = 0; i < kStrategyNames.size(); ++i) {
        if (name == kStrategyNames[i]) {
            return static_cast<Strategy>(i);
        }
    }
    return fail("unknown strategy '" + std::string(name) +
                "': one of sparseloco, diloco, average, ddp");
}

Result<CompressedPayload> compress_payload(Strategy strategy,
                                           std::span<const float> theta_start,
                                           std::span<const float> theta_end,
                                           std::span<float> e,
                                           const ParameterLayout& layout,
                                           const CompressionSettings& settings) {
    CompressedPayload result;
    if (is_dense(strategy)) {
        Result<std::vector<float>> d = pseudo_gradient(theta_start, theta_end);
        if (!d) {
            return d.error();
        }
        result.payload.dense = std::move(*d);
        result.bytes = encode_dense(result.payload.dense, layout);
        return result;
    }
    Result<Compressed> compressed = compress(theta_start, theta_end, e, layout, settings);
    if (!compressed) {
        return compressed.error();
    }
    result.payload.sparse = std::move(compressed->update);
    result.bytes = std::move(compressed->bytes);
    return result;
}

Result<PeerPayload> decode_payload(Strategy strategy,
                                   ByteSpan bytes,
                                   const ParameterLayout& layout,
                                   const CompressionSettings& settings,
                                   ThreadPool* threads) {
    if (is_dense(strategy)) {
        Result<std::vector<float>> dense = decode_dense(bytes, layout);
        return dense ? Result<PeerPayload>(PeerPayload{{}, std::move(*dense)}) : dense.error();
    }
    Result<SparseUpdate> sparse = decode_update(bytes, layout, settings, threads);
    return sparse ? Result<PeerPayload>(PeerPayload{std::move(*sparse), {}}) : sparse.error();
}

uint64_t payload_bytes_max(Strategy strategy,
                           const ParameterLayout& layout,
                           const CompressionSettings& settings) {
    return is_dense(strategy) ? dense_bytes(layout)
                              : sparse_bytes_max(layout, static_cast<uint32_t>(settings.keep));
}

std::vector<double> payload_energies(const PeerPayload& payload) {
    if (payload.dense.empty()) {
        return strip_energies(payload.sparse);
    }
    ASSAY_CHECK_EQ(payload.dense.size() % kTileValues, size_t{0});
    std::vector<double> energies(payload.dense.size() / kStripValues, 0.0);
    for (size_t i = 0; i < payload.dense.size(); ++i) {
        const auto value = static_cast<double>(payload.dense[i]);
        energies[i / kStripValues] += value * value;
    }
    return energies;
}

Contribution contribution_of(const PeerId& peer, const PeerPayload& payload, double weight) {
    const bool dense = !payload.dense.empty();
    ASSAY_CHECK(!dense || payload.sparse.chunks.empty());  // a payload is one or the other
    return {peer, dense ? nullptr : &payload.sparse, weight, dense ? &payload.dense : nullptr};
}

}  // namespace assay
