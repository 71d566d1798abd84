// A decoded payload as the checks see it: sparse and coded, or dense for the dense strategies.
//
// Decoding goes through compression/, which accepts canonical bytes alone. Plain values.

#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "compression/sparse_update.h"
#include "core/result.h"
#include "protocol/layout.h"

namespace assay {

// Dense: theta_start - theta_H of layout size, fp32.
using Payload = std::variant<SparseUpdate, std::vector<float>>;

struct PayloadFormat {
    bool dense = false;
    CompressionSettings compression;
};

// Bytes from a stranger. Fails unless canonical, of the layout's size and finite throughout.
Result<Payload> decode_payload(ByteSpan bytes,
                               const ParameterLayout& layout,
                               const PayloadFormat& format);

// Kept values by their place in the flat buffer, in increasing order. Nothing for dense payloads.
struct PayloadEntries {
    std::vector<uint64_t> index;
    std::vector<float> value;

    [[nodiscard]] double squared_norm() const;
};
PayloadEntries payload_entries(const Payload& payload);

// ||q_c||^2 of each chunk, in double, in index order: what the challenge draws half of its chunks
// by.
std::vector<double> chunk_energies(const Payload& payload);

// <g, q> in double, in index order. REQUIRES: g has the layout's size.
double payload_product(std::span<const float> g, const Payload& payload);

}  // namespace assay
