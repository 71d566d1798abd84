// How the updates in tests/golden come about: for the test of all paths, and for the program that
// scripts/check_exact.sh builds for other processors.

#pragma once

#include <string>

#include "compression/aggregate.h"
#include "compression/compressor.h"
#include "compression/error_feedback.h"
#include "tests/compression/samples.h"

namespace assay {

// Long enough for two segments of a peer's payload at keep 4096, with a short last chunk.
inline ParameterLayout golden_layout() {
    ParameterLayout layout;
    layout.add("embedding", 300, 96);
    layout.add("norm", 1, 129);
    layout.add("matrix", 512, 70);
    return layout;
}

struct GoldenUpdate {
    const char* name;
    int64_t keep;
};
constexpr GoldenUpdate kGolden[] = {{"update_keep64.bin", 64}, {"update_keep4096.bin", 4096}};
constexpr const char* kGoldenAggregate = "aggregate_keep1024.bin";

inline Bytes compressed(const GoldenUpdate& golden,
                        int threads,
                        KernelPath path,
                        SparseUpdate& update) {
    const ParameterLayout layout = golden_layout();
    CompressionSettings settings;
    settings.keep = golden.keep;
    std::vector<float> e = sample_values(layout, 3, 1e-3);
    for (size_t i = 0; i < 64; ++i) {
        e[i] = -0.0F;
        e[kTileValues + i] = 1e-42F;
    }
    Compressor compressor(layout, settings, threads, path);
    const Status done = compressor.compress(
        sample_values(layout, 1, 0.02), sample_values(layout, 2, 0.02), e, e, update);
    ASSAY_CHECK_MSG(done.ok(), done.reason());
    Bytes bytes;
    compressor.encode(update, bytes);
    return bytes;
}

// Q(u) of three peers, some of whose shares are clipped and capped.
inline Bytes golden_aggregate(int threads) {
    const ParameterLayout layout = golden_layout();
    std::vector<SparseUpdate> updates;
    for (const uint64_t seed : {1U, 2U, 3U}) {
        std::vector<float> values = sample_values(layout, seed, seed == 3 ? 2 : 0.02);
        updates.push_back(code_values(values, layout, 64));
    }
    std::vector<Contribution> contributions;
    for (size_t i = 0; i < updates.size(); ++i) {
        Contribution one{{}, &updates[i], 1.0 / static_cast<double>(i + 1), nullptr};
        one.peer.key[0] = static_cast<uint8_t>(i);
        contributions.push_back(one);
    }
    AggregateSettings settings;
    settings.cap = 1.25;
    AggregateResult result;
    ThreadPool pool(threads);
    aggregate(contributions, layout, settings, pool, result);
    const auto coded = quantise_aggregate(result.sum, layout, {}, false, &pool);
    ASSAY_CHECK_MSG(coded.ok(), coded.reason());
    return coded->bytes;
}

}  // namespace assay
