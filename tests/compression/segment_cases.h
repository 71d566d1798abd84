// As update_cases.h, with tensors so small that a hundred million inputs are a matter of an hour.
//
// Bits 3 and 4 of the first byte choose the tensors, bits 0 to 2 are those of update_case. With bit
// 5 the rest is no payload but values to code, of whose payload one byte is changed: so most inputs
// are accepted, or nearly. Shared by the tests, the fuzz target and its corpus
// (fuzz/corpus/segment_fuzz). Not a format.

#pragma once

#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "tests/compression/update_cases.h"

namespace assay {

inline ParameterLayout layout_of(std::initializer_list<std::pair<uint64_t, uint64_t>> shapes) {
    ParameterLayout layout;
    for (const auto& [rows, columns] : shapes) {
        layout.add("t" + std::to_string(layout.tensors.size()), rows, columns);
    }
    return layout;
}

// A byte as a value: sign, 5 bits of exponent from 2^-149 up, 2 bits of fraction, so that zeros,
// denormals and ties are common.
inline float value_of(uint8_t byte) {
    const int exponent = (byte >> 2U) & 31;
    const float magnitude =
        std::ldexp(static_cast<float>(byte & 3U), exponent < 16 ? exponent - 149 : exponent - 30);
    return (byte & 128U) != 0 ? -magnitude : magnitude;
}

// The payload of the values that the input's bytes stand for; CHECKs that it decodes to the update
// that was encoded. Its first three bytes change one byte: where (two of them), and how.
inline UpdateCase coded_case(ByteSpan input, const ParameterLayout& layout) {
    UpdateCase result = update_case(input.first(1), layout);
    const ByteSpan rest = input.subspan(1);
    std::vector<float> values(layout.value_count());
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live() && rest.size() > 3; ++i) {
            values[tensor.first_value() + i] = value_of(rest[3 + i % (rest.size() - 3)]);
        }
    }
    if (result.kind == PayloadKind::kDense) {
        result.bytes = encode_dense(values, layout);
        ASSAY_CHECK(decode_dense(result.bytes, layout).ok());
    } else {
        const SparseUpdate update = code_values(values, layout, result.keep);
        result.bytes = encode_sparse(update, layout, result.kind, result.keep);
        ASSAY_CHECK(*decode_sparse(result.bytes, layout, result.kind, result.keep) == update);
    }
    if (rest.size() >= 3) {
        const size_t at = (size_t{rest[0]} << 8U | rest[1]) % result.bytes.size();
        result.bytes[at] = static_cast<uint8_t>(result.bytes[at] ^ rest[2]);
    }
    return result;
}

// Whether the input decodes; CHECKs that what decodes encodes to the same bytes, and that its
// values code to the same update.
inline Status segment_case(ByteSpan input) {
    static const std::array<ParameterLayout, 4> kLayouts = {layout_of({{1, 64}}),
                                                            layout_of({{8, 40}, {1, 16}}),
                                                            layout_of({{1, 1}, {3, 5}}),
                                                            layout_of({{64, 64}})};
    const ParameterLayout& layout = kLayouts[input.empty() ? 0 : (input[0] >> 3U) & 3U];
    const bool coded = !input.empty() && (input[0] & 32U) != 0;
    const UpdateCase update = coded ? coded_case(input, layout) : update_case(input, layout);
    Status decoded = decode_case(update, layout);
    if (decoded.ok()) {
        check_coded_again(update, layout);
    }
    return decoded;
}

}  // namespace assay
