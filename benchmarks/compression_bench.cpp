// The compressor on values like pseudo-gradients: speed of each direction and bits per kept value.

#include <cmath>

#include "benchmarks/all_benches.h"
#include "compression/aggregate.h"
#include "compression/error_feedback.h"
#include "core/rng.h"

namespace assay {

namespace {

constexpr size_t kPeers = 20;

// Laplace-like values: a product of uniforms has heavy tails, as real pseudo-gradients do.
std::vector<float> made_update(const ParameterLayout& layout, uint64_t peer) {
    CounterRng rng(derive_seed(Digest{}, "update", {peer}));
    std::vector<float> values(layout.value_count());
    for (float& value : values) {
        value = static_cast<float>((rng.unit() - 0.5) * rng.unit() * rng.unit());
    }
    return values;
}

struct Encoded {
    std::vector<Compressed> updates;
    std::vector<Contribution> contributions;
};

Result<Encoded> encode_peers(const ParameterLayout& layout, const CompressionSettings& settings) {
    Encoded encoded;
    const std::vector<float> zeros(layout.value_count(), 0.0F);
    for (uint64_t peer = 0; peer < kPeers; ++peer) {
        std::vector<float> e(layout.value_count(), 0.0F);
        Result<Compressed> one = compress(made_update(layout, peer), zeros, e, layout, settings);
        if (!one) {
            return one.error();
        }
        encoded.updates.push_back(std::move(*one));
    }
    for (uint64_t peer = 0; peer < kPeers; ++peer) {
        Contribution one;
        one.peer.key[0] = static_cast<uint8_t>(peer + 1);
        one.update = &encoded.updates[peer].update;
        one.weight = 1;
        encoded.contributions.push_back(one);
    }
    return encoded;
}

Result<std::vector<BenchRow>> run_compression(const BenchOptions& options) {
    ParameterLayout layout;
    layout.add("matrix", options.tiny ? 16 : 1024, 4096);
    const CompressionSettings settings;
    Result<Encoded> peers = encode_peers(layout, settings);
    if (!peers) {
        return peers.error();
    }
    const std::vector<float> update = made_update(layout, 0);
    const std::vector<float> zeros(layout.value_count(), 0.0F);
    const Bytes& bytes = peers->updates.front().bytes;
    const Alternating code = time_alternating(
        options.repetitions,
        [&] {
            std::vector<float> e(layout.value_count(), 0.0F);
            (void)compress(update, zeros, e, layout, settings);
        },
        [&] { (void)decode_update(bytes, layout, settings); });
    AggregateSettings outer;
    const Alternating sum = time_alternating(
        options.repetitions, [&] { (void)aggregate(peers->contributions, layout, outer); }, [] {});
    const double millions = static_cast<double>(layout.value_count()) / 1e6;
    const std::string hash = "payload " + sha256_plain(bytes).brief();
    return std::vector<BenchRow>{
        {"compress", millions / code.first_min, "Mparam/s", "", 0, 1, hash},
        {"decode", millions / code.second_min, "Mparam/s", "", 0, 1, ""},
        {"aggregate_20", millions / sum.first_min, "Mparam/s", "", 0, 1, ""},
        {"bits_per_value",
         bits_per_kept_value(peers->updates.front().update, bytes.size()),
         "bits",
         "9.364, the bound of uniform indices and 2-bit codes",
         9.364 / bits_per_kept_value(peers->updates.front().update, bytes.size()),
         1,
         "made values with heavy tails, not real updates"}};
}

}  // namespace

Bench compression_bench() {
    return {"compression",
            "Compress, decode, aggregate 20 payloads; bits per kept value",
            run_compression};
}

}  // namespace assay
