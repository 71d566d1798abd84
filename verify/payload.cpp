#include "verify/payload.h"

#include "compression/dense_update.h"
#include "core/check.h"
#include "core/merkle.h"

namespace assay {

namespace {

double product_with_chunk(std::span<const float> g, const ChunkCode& chunk, uint64_t first) {
    double sum = 0;
    for (size_t i = 0; i < chunk.indices.size(); ++i) {
        sum +=
            static_cast<double>(g[first + chunk.indices[i]]) * static_cast<double>(chunk.value(i));
    }
    return sum;
}

double dense_product(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return sum;
}

}  // namespace

Result<Payload> decode_payload(ByteSpan bytes,
                               const ParameterLayout& layout,
                               const PayloadFormat& format) {
    if (!format.dense) {
        Result<SparseUpdate> update = decode_update(bytes, layout, format.compression);
        return update ? Result<Payload>(Payload(std::move(*update)))
                      : Result<Payload>(update.error());
    }
    Result<std::vector<float>> values = decode_dense(bytes, layout);
    if (!values) {
        return values.error();
    }
    return Payload(std::move(*values));
}

double PayloadEntries::squared_norm() const {
    double sum = 0;
    for (const float x : value) {
        sum += static_cast<double>(x) * static_cast<double>(x);
    }
    return sum;
}

PayloadEntries payload_entries(const Payload& payload) {
    PayloadEntries entries;
    if (const auto* update = std::get_if<SparseUpdate>(&payload)) {
        for (size_t c = 0; c < update->chunks.size(); ++c) {
            const ChunkCode& chunk = update->chunks[c];
            for (size_t i = 0; i < chunk.indices.size(); ++i) {
                entries.index.push_back(c * kTileValues + chunk.indices[i]);
                entries.value.push_back(chunk.value(i));
            }
        }
    }
    return entries;
}

std::vector<double> chunk_energies(const Payload& payload) {
    if (const auto* update = std::get_if<SparseUpdate>(&payload)) {
        return chunk_energies(*update);
    }
    std::vector<double> energies;
    const std::span<const float> values(std::get<std::vector<float>>(payload));
    for (size_t first = 0; first < values.size(); first += kTileValues) {
        const std::span<const float> chunk = values.subspan(first, kTileValues);
        energies.push_back(dense_product(chunk, chunk));
    }
    return energies;
}

double payload_product(std::span<const float> g, const Payload& payload) {
    const auto* update = std::get_if<SparseUpdate>(&payload);
    if (update == nullptr) {
        const auto& values = std::get<std::vector<float>>(payload);
        ASSAY_CHECK_EQ(g.size(), values.size());
        return dense_product(g, values);
    }
    ASSAY_CHECK_EQ(g.size(), update->chunks.size() * kTileValues);
    double sum = 0;
    for (size_t c = 0; c < update->chunks.size(); ++c) {
        sum += product_with_chunk(g, update->chunks[c], c * kTileValues);
    }
    return sum;
}

}  // namespace assay
