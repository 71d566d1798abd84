// A dense fp32 payload: for the strategies that send everything (diloco, average, ddp).
//
// Header as in sparse_update.h, then each tensor's live values in layout order, little-endian fp32,
// all finite. No padding travels. Stateless; any thread.

#pragma once

#include <span>
#include <vector>

#include "compression/sparse_update.h"

namespace assay {

// REQUIRES: values has layout.value_count() finite values.
Bytes encode_dense(std::span<const float> values,
                   const ParameterLayout& layout,
                   PayloadKind kind = PayloadKind::kDense);
// Bytes of a stranger: exact size, every value finite. Padding of the result is zero.
Result<std::vector<float>> decode_dense(ByteSpan bytes,
                                        const ParameterLayout& layout,
                                        PayloadKind kind = PayloadKind::kDense);
uint64_t dense_bytes(const ParameterLayout& layout);

// d = theta_start - theta_end. Fails where a difference is not finite; zero padding stays zero.
Result<std::vector<float>> pseudo_gradient(std::span<const float> theta_start,
                                           std::span<const float> theta_end);

// The tensor and index of the first value that is not finite, in words; ok if there is none.
Status check_finite(std::span<const float> values, const ParameterLayout& layout);

}  // namespace assay
