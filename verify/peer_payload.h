// What the checks read off a decoded payload (compression/payload.h). Plain functions and values.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compression/payload.h"

namespace assay {

// How a run's payloads are coded.
struct PayloadFormat {
    Strategy strategy = Strategy::kSparseLoCo;
    CompressionSettings compression;
};

// Kept values by their place in the flat buffer, in increasing order. Nothing for dense payloads:
// of those only hashes and roots are compared.
struct PayloadEntries {
    std::vector<uint64_t> index;
    std::vector<float> value;

    // In double, in index order.
    [[nodiscard]] double squared_norm() const;
};
// REQUIRES: one canonical chunk a tile, as decoding gives it.
PayloadEntries payload_entries(const PeerPayload& payload);

// <g, q> in double, in index order. REQUIRES: g has the layout's size.
double payload_product(std::span<const float> g, const PeerPayload& payload);

}  // namespace assay
