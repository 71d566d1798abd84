// Memory-bound work: tile roots against plain SHA-256, AdamW against a copy.

#include <cstdio>
#include <cstring>

#include "benchmarks/all_benches.h"
#include "benchmarks/machine_limits.h"
#include "core/merkle.h"
#include "core/rng.h"
#include "kernels/adamw.h"
#include "kernels/thread_pool.h"

namespace assay {

namespace {

std::vector<float> made_values(size_t count, const char* purpose, float scale) {
    CounterRng rng(derive_seed(Digest{}, purpose));
    std::vector<float> values(count);
    for (float& value : values) {
        value = scale * static_cast<float>(rng.unit() - 0.5);
    }
    return values;
}

std::string context_of(const Alternating& time, double gigabytes, int threads, bool tiny) {
    char text[160];
    std::snprintf(text,
                  sizeof(text),
                  "; medians %.1f and %.1f GB/s; stream copy %.1f GB/s, ",
                  gigabytes / time.first_median,
                  gigabytes / time.second_median,
                  stream_copy_bytes_per_second(threads, tiny) / 1e9);
    return describe_times(time) + text + describe_limits(threads, tiny);
}

Result<std::vector<BenchRow>> run_hash(const BenchOptions& options) {
    const size_t tiles = options.tiny ? 16 : 1024;
    const std::vector<float> values = made_values(tiles * kTileValues, "hash", 1);
    Digest root;
    const Alternating time = time_alternating(
        options,
        [&] { root = tiles_root(values); },
        [&] { (void)sha256_plain(float_bytes(values)); });
    const double gigabytes = static_cast<double>(values.size() * sizeof(float)) / 1e9;
    return std::vector<BenchRow>{{"tile_roots",
                                  gigabytes / time.first_min,
                                  "GB/s",
                                  "plain SHA-256 of the same bytes",
                                  time.second_min / time.first_min,
                                  1,
                                  "root " + root.brief(),
                                  context_of(time, gigabytes, 1, options.tiny)}};
}

// Reads theta, m, v, g and writes theta, m, v: 28 bytes a parameter; the copies move as many.
BenchRow adamw_row(const BenchOptions& options, int threads) {
    const size_t count = (options.tiny ? 4 : 2048) * kTileValues;
    std::vector<float> theta = made_values(count, "theta", 0.1F);
    std::vector<float> m(count, 0.0F);
    std::vector<float> v(count, 0.0F);
    const std::vector<float> g = made_values(count, "gradient", 0.01F);
    std::vector<float> target(count * 3 + count / 2);
    const BiasTable table = bias_table(0.9, 0.95);
    const AdamScalars scalars =
        adam_scalars(AdamSettings{}, 0x3A83126F, table.bias1_bits, table.bias2_bits, 1, true);
    ThreadPool pool(threads);
    const auto update = [&](size_t first, size_t last, size_t /*thread*/) {
        const auto part = [&](auto& values) {
            return std::span(values).subspan(first, last - first);
        };
        adamw_step(part(theta), part(m), part(v), part(g), scalars);
    };
    const auto copy = [&](size_t first, size_t last, size_t /*thread*/) {
        const std::vector<float>* const sources[] = {&theta, &m, &v};
        for (size_t i = 0; i < 3; ++i) {
            std::memcpy(target.data() + i * count + first,
                        sources[i]->data() + first,
                        (last - first) * sizeof(float));
        }
        std::memcpy(target.data() + 3 * count + first / 2,
                    g.data() + first / 2,
                    (last - first) / 2 * sizeof(float));
    };
    const Alternating time = time_alternating(
        options,
        [&] { pool.run_ranges(count, kTileValues, update); },
        [&] { pool.run_ranges(count, kTileValues, copy); });
    const double gigabytes = 28e-9 * static_cast<double>(count);
    return {"adamw" + threads_suffix(threads),
            gigabytes / time.first_min,
            "GB/s",
            "memcpy of as many bytes",
            time.second_min / time.first_min,
            threads,
            "theta " + tiles_root(theta).brief(),
            context_of(time, gigabytes, threads, options.tiny)};
}

Result<std::vector<BenchRow>> run_adamw(const BenchOptions& options) {
    return std::vector<BenchRow>{adamw_row(narrowed(options, 0, 0.5), 1),
                                 adamw_row(narrowed(options, 0.5, 1), 2)};
}

}  // namespace

Bench hash_bench() {
    return {"hash", "Merkle roots over 16 KiB tiles", run_hash, {}, false};
}
Bench adamw_bench() {
    return {"adamw", "The order-fixed AdamW kernel on 1 and 2 threads", run_adamw, {}, false};
}

}  // namespace assay
