#include "compression/dense_update.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"

namespace assay {

namespace {

bool all_finite(std::span<const float> values) {
    return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace

uint64_t dense_bytes(const ParameterLayout& layout) {
    return kPayloadHeaderBytes + 4 * layout.live_count();
}

Bytes encode_dense(std::span<const float> values, const ParameterLayout& layout, PayloadKind kind) {
    ASSAY_CHECK_EQ(values.size(), layout.value_count());
    ByteWriter writer;
    writer.raw(payload_header(kind, layout, 0));
    for (const TensorLayout& tensor : layout.tensors) {
        const auto live = values.subspan(tensor.first_value(), tensor.live());
        ASSAY_CHECK(all_finite(live));
        for (const float value : live) {
            writer.u32(std::bit_cast<uint32_t>(value));
        }
    }
    ASSAY_CHECK_EQ(writer.bytes().size(), dense_bytes(layout));
    return writer.take();
}

Result<std::vector<float>> decode_dense(ByteSpan bytes,
                                        const ParameterLayout& layout,
                                        PayloadKind kind) {
    if (Status header = check_payload_header(bytes, kind, layout, 0); !header) {
        return header.error();
    }
    if (bytes.size() != dense_bytes(layout)) {
        return fail("dense payload has " + std::to_string(bytes.size()) + " bytes, expected " +
                    std::to_string(dense_bytes(layout)));
    }
    std::vector<float> values(layout.value_count(), 0.0F);
    ByteReader reader(bytes.subspan(kPayloadHeaderBytes));
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            const float value = std::bit_cast<float>(reader.u32());
            if (!std::isfinite(value)) {
                return fail("payload refused at " + tensor.name + ", value " + std::to_string(i) +
                            ", byte " +
                            std::to_string(kPayloadHeaderBytes + reader.position() - 4) +
                            ": it is not finite");
            }
            values[tensor.first_value() + i] = value;
        }
    }
    return values;
}

Result<std::vector<float>> pseudo_gradient(std::span<const float> theta_start,
                                           std::span<const float> theta_end) {
    ASSAY_CHECK_EQ(theta_start.size(), theta_end.size());
    std::vector<float> d(theta_start.size());
    for (size_t i = 0; i < d.size(); ++i) {
        d[i] = theta_start[i] - theta_end[i];
        if (!std::isfinite(d[i])) {
            return fail("the change of value " + std::to_string(i) + " is not finite");
        }
    }
    return d;
}

Status check_finite(std::span<const float> values, const ParameterLayout& layout) {
    ASSAY_CHECK_EQ(values.size(), layout.value_count());
    for (size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) {
            const TensorLayout& tensor = layout.tensor_of_tile(i / kTileValues);
            return fail(tensor.name + ", value " + std::to_string(i - tensor.first_value()) +
                        ": not finite");
        }
    }
    return {};
}

}  // namespace assay
