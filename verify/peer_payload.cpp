#include "verify/peer_payload.h"

#include "core/check.h"
#include "core/merkle.h"

namespace assay {

namespace {

double chunk_product(std::span<const float> g, const ChunkCode& chunk, uint64_t first) {
    double sum = 0;
    for (size_t i = 0; i < chunk.indices.size(); ++i) {
        sum +=
            static_cast<double>(g[first + chunk.indices[i]]) * static_cast<double>(chunk.value(i));
    }
    return sum;
}

}  // namespace

double PayloadEntries::squared_norm() const {
    double sum = 0;
    for (const float x : value) {
        sum += static_cast<double>(x) * static_cast<double>(x);
    }
    return sum;
}

PayloadEntries payload_entries(const PeerPayload& payload) {
    PayloadEntries entries;
    for (size_t c = 0; c < payload.sparse.chunks.size(); ++c) {
        const ChunkCode& chunk = payload.sparse.chunks[c];
        for (size_t i = 0; i < chunk.indices.size(); ++i) {
            entries.index.push_back(c * kTileValues + chunk.indices[i]);
            entries.value.push_back(chunk.value(i));
        }
    }
    return entries;
}

double payload_product(std::span<const float> g, const PeerPayload& payload) {
    ASSAY_CHECK_EQ(g.size(), payload.dense.size() + payload.sparse.chunks.size() * kTileValues);
    double sum = 0;
    for (size_t i = 0; i < payload.dense.size(); ++i) {
        sum += static_cast<double>(g[i]) * static_cast<double>(payload.dense[i]);
    }
    for (size_t c = 0; c < payload.sparse.chunks.size(); ++c) {
        sum += chunk_product(g, payload.sparse.chunks[c], c * kTileValues);
    }
    return sum;
}

}  // namespace assay
