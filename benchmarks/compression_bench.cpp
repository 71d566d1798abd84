// The compressor: speed of each direction on made values like pseudo-gradients, bits per kept value
// on these and on the real tensors of a small Llama's rounds, error feedback included.

#include <cmath>

#include "benchmarks/all_benches.h"
#include "benchmarks/bench_world.h"
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

// Bits a kept value of the payloads of the last of a few rounds of two peers.
Result<BenchRow> real_bits(const BenchOptions& options) {
    WorldSizes sizes = world_sizes(options.tiny);
    sizes.peers = 2;
    const int rounds = options.tiny ? 2 : 4;
    Result<BenchText> text =
        read_bench_text(options, static_cast<int32_t>(sizes.shape.vocab), sizes.sequence_tokens);
    if (!text) {
        return text.error();
    }
    const std::string name = text->name;
    Result<std::unique_ptr<BenchWorld>> world =
        BenchWorld::make(sizes, options.threads, std::move(*text));
    if (!world) {
        return world.error();
    }
    double bytes = 0;
    double kept = 0;
    Digest hash;
    for (int round = 0; round < rounds; ++round) {
        const RoundPlan plan = (*world)->plan();
        if (round + 1 < rounds) {
            const Result<RoundTimes> played = (*world)->play_round();
            if (!played) {
                return played.error();
            }
            continue;
        }
        for (size_t peer = 0; peer < sizes.peers; ++peer) {
            const Result<TrainedRound> trained = (*world)->train(plan, peer);
            if (!trained) {
                return trained.error();
            }
            const Result<Bytes> payload = (*world)->blobs().get(trained->payload.sha256);
            const Result<SparseUpdate> update =
                payload ? decode_update(*payload, (*world)->layout(), (*world)->compression())
                        : payload.error();
            if (!update) {
                return update.error();
            }
            bytes += static_cast<double>(payload->size());
            kept += static_cast<double>(kept_values(*update));
            hash = trained->payload.sha256;
        }
    }
    const double bits = 8 * bytes / kept;
    return BenchRow{"bits_per_value_real",
                    bits,
                    "bits",
                    "9.364, the bound of uniform indices and 2-bit codes",
                    9.364 / bits,
                    options.threads,
                    "round " + std::to_string(rounds - 1) + " of a Llama on " + name +
                        "; last payload " + hash.brief()};
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
    const Result<BenchRow> real = real_bits(options);
    if (!real) {
        return real.error();
    }
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
         "made values with heavy tails, not real updates"},
        *real};
}

}  // namespace

Bench compression_bench() {
    return {"compression",
            "Compress, decode, aggregate 20 payloads; bits per kept value",
            run_compression};
}

}  // namespace assay
