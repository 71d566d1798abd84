// The compressor against plain libtorch operations of the published one, in one process and
// alternating; against a copy of as many bytes; its scaling; and bits per kept value on made values
// and on the real tensors of a small Llama's rounds.

#include <cmath>
#include <cstdio>
#include <cstring>

#include "benchmarks/all_benches.h"
#include "benchmarks/bench_world.h"
#include "benchmarks/machine_limits.h"
#include "compression/aggregate.h"
#include "compression/compressor.h"
#include "compression/error_feedback.h"
#include "core/rng.h"
#include "llama/torch_compressor.h"

namespace assay {

namespace {

constexpr size_t kPeers = 20;
constexpr const char* kTorch = "torch";
constexpr const char* kPublished = "the published algorithm in plain libtorch operations";

// Laplace-like values: a product of uniforms has heavy tails, as real pseudo-gradients do.
std::vector<float> made_update(const ParameterLayout& layout, uint64_t peer) {
    CounterRng rng(derive_seed(Digest{}, "update", {peer}));
    std::vector<float> values(layout.value_count());
    for (float& value : values) {
        value = static_cast<float>((rng.unit() - 0.5) * rng.unit() * rng.unit());
    }
    return values;
}

// One matrix, the updates of twenty peers, and the buffers of a peer and of a coordinator that have
// done this before.
struct Setup {
    Setup(bool tiny, int thread_count)
        : side(tiny ? 128 : 4096),
          layout(square(side)),
          threads(thread_count),
          compressor(layout, settings, thread_count),
          codec(layout, PayloadKind::kSparse, static_cast<uint32_t>(settings.keep), thread_count),
          zeros(layout.value_count(), 0.0F),
          e(made_update(layout, kPeers)),
          dense(layout.value_count()) {}

    static ParameterLayout square(uint64_t side) {
        ParameterLayout layout;
        layout.add("matrix", side, side);
        return layout;
    }
    [[nodiscard]] double millions() const { return static_cast<double>(zeros.size()) / 1e6; }
    Status compress(const std::vector<float>& start) {
        return compressor.compress(start, zeros, e, e, update, bytes);
    }
    void decode() {
        const Status decoded = codec.decode(bytes, decoded_update);
        ASSAY_CHECK_MSG(decoded.ok(), decoded.reason());
        expand_update(decoded_update, dense);
    }

    const uint64_t side;
    const CompressionSettings settings;
    const ParameterLayout layout;
    ThreadPool threads;
    Compressor compressor;
    UpdateCodec codec;
    std::vector<float> zeros;
    std::vector<float> e;
    std::vector<float> dense;
    SparseUpdate update;
    SparseUpdate decoded_update;
    Bytes bytes;
};

struct Peers {
    std::vector<SparseUpdate> updates;
    std::vector<Contribution> contributions;
    AggregateResult result;
};

Result<Peers> make_peers(Setup& setup, TorchCompressor& torch) {
    Peers peers;
    peers.updates.resize(kPeers);
    for (uint64_t peer = 0; peer < kPeers; ++peer) {
        const std::vector<float> values = made_update(setup.layout, peer);
        torch.compress_core(values, peer);
        if (Status done = setup.compress(values); !done) {
            return done.error();
        }
        peers.updates[peer] = setup.update;
    }
    torch.unpack_all();
    for (uint64_t peer = 0; peer < kPeers; ++peer) {
        Contribution one;
        one.peer.key[0] = static_cast<uint8_t>(peer + 1);
        one.update = &peers.updates[peer];
        one.weight = 1;
        peers.contributions.push_back(one);
    }
    return peers;
}

BenchRow speed_row(const char* name, const Setup& setup, const Alternating& time, double bytes) {
    char speed[32];
    std::snprintf(speed, sizeof(speed), "%.2f GB/s; ", bytes / time.first_min / 1e9);
    BenchRow row;
    row.name = name;
    row.value = setup.millions() / time.first_min;
    row.unit = "Mparam/s";
    row.against = kPublished;
    row.ratio = time.second_min / time.first_min;
    row.threads = setup.threads.threads();
    row.context = speed + describe_times(time);
    return row;
}

// Reads theta_start, theta_end and e, writes e': 16 bytes a value, as two copies of 4 do.
BenchRow stream_row(const BenchOptions& options, Setup& setup, const std::vector<float>& start) {
    const size_t bytes = setup.zeros.size() * sizeof(float);
    std::vector<float> copy(setup.zeros.size());
    const Alternating time = time_alternating(
        options.repetitions,
        [&] { (void)setup.compress(start); },
        [&] {
            std::memcpy(setup.dense.data(), setup.zeros.data(), bytes);
            std::memcpy(copy.data(), start.data(), bytes);
        });
    BenchRow row;
    row.name = "compress_bandwidth";
    row.value = 4e-9 * static_cast<double>(bytes) / time.first_min;
    row.unit = "GB/s";
    row.against = "memcpy of as many bytes";
    row.ratio = time.second_min / time.first_min;
    row.threads = setup.threads.threads();
    row.context = describe_times(time);
    return row;
}

std::vector<BenchRow> torch_rows(const BenchOptions& options,
                                 Setup& setup,
                                 TorchCompressor& torch,
                                 Peers& peers) {
    const std::vector<float> start = made_update(setup.layout, 0);
    const double values = static_cast<double>(setup.zeros.size());
    std::vector<float> torch_e = setup.e;
    const Alternating code = time_alternating(
        options.repetitions,
        [&] { (void)setup.compress(start); },
        [&] { torch.compress(start, setup.zeros, torch_e, setup.settings.beta, 0); });
    const Alternating core = time_alternating(
        options.repetitions,
        [&] { (void)setup.compress(start); },
        [&] { torch.compress_core(start, 0); });
    const Alternating back = time_alternating(
        options.repetitions, [&] { setup.decode(); }, [&] { torch.decode(0); });
    const AggregateSettings outer;
    const auto add = [&] {
        aggregate(peers.contributions, setup.layout, outer, setup.threads, peers.result);
    };
    const Alternating sum = time_alternating(options.repetitions, add, [&] { torch.aggregate(); });
    const double payload = static_cast<double>(setup.bytes.size());
    std::vector<BenchRow> rows{
        speed_row("compress", setup, code, 16 * values),
        speed_row("compress_vs_core", setup, core, 16 * values),
        stream_row(options, setup, start),
        speed_row("decode", setup, back, 4 * values + payload),
        speed_row("aggregate_20", setup, sum, 4 * values + kPeers * payload)};
    rows[0].note = "payload " + sha256_plain(setup.bytes).brief();
    rows[1].against = "its top-k, gather, codes and packing alone";
    rows[3].note = "to dense values";
    rows[4].note = "distinct payloads; sum " + tiles_root(peers.result.sum).brief();
    return rows;
}

// One thread against two.
Result<std::vector<BenchRow>> scaling_rows(const BenchOptions& options,
                                           std::span<const Contribution> contributions) {
    Setup one(options.tiny, 1);
    Setup two(options.tiny, 2);
    const std::vector<float> start = made_update(one.layout, 0);
    const Alternating code = time_alternating(
        options.repetitions,
        [&] { (void)two.compress(start); },
        [&] { (void)one.compress(start); });
    const Alternating back = time_alternating(
        options.repetitions, [&] { two.decode(); }, [&] { one.decode(); });
    const double values = static_cast<double>(one.zeros.size());
    const double payload = static_cast<double>(one.bytes.size());
    std::vector<BenchRow> rows{speed_row("compress_2_threads", two, code, 16 * values),
                               speed_row("decode_2_threads", two, back, 4 * values + payload)};
    for (BenchRow& row : rows) {
        row.note = one.bytes == two.bytes ? "the same bytes" : "OTHER BYTES";
    }
    AggregateResult alone;
    AggregateResult shared;
    const AggregateSettings outer;
    const Alternating sum = time_alternating(
        options.repetitions,
        [&] { aggregate(contributions, one.layout, outer, two.threads, shared); },
        [&] { aggregate(contributions, one.layout, outer, one.threads, alone); });
    rows.push_back(speed_row("aggregate_20_2_threads", two, sum, 4 * values + kPeers * payload));
    rows.back().note = alone.sum == shared.sum ? "the same sum" : "ANOTHER SUM";
    for (BenchRow& row : rows) {
        row.against = "one thread";
    }
    return rows;
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
            const Result<Bytes> payload =
                (*world)->blobs().get(trained->payload.sha256, trained->payload.size_bytes);
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
                        "; last payload " + hash.brief(),
                    ""};
}

BenchRow made_bits(const BenchOptions& options) {
    Setup setup(options.tiny, 1);
    (void)setup.compress(made_update(setup.layout, 0));
    BenchRow row;
    row.name = "bits_per_value";
    row.value = bits_per_kept_value(setup.update, setup.bytes.size());
    row.unit = "bits";
    row.against = "9.364, the bound of uniform indices and 2-bit codes";
    row.ratio = 9.364 / row.value;
    row.note = "made values with heavy tails, not real updates";
    return row;
}

void add_limits(std::vector<BenchRow>& rows, int threads, bool tiny) {
    const std::string limits = describe_limits(threads, tiny);
    for (BenchRow& row : rows) {
        row.context += "; " + limits;
    }
}

Result<std::vector<BenchRow>> run_compression(const BenchOptions& options) {
    Setup setup(options.tiny, 1);
    const auto side = static_cast<int64_t>(setup.side);
    TorchCompressor torch(side, side, setup.settings.keep, 1);
    Result<Peers> peers = make_peers(setup, torch);
    if (!peers) {
        return peers.error();
    }
    std::vector<BenchRow> rows = torch_rows(options, setup, torch, *peers);
    add_limits(rows, 1, options.tiny);
    if (options.against == kTorch) {
        return rows;
    }
    Result<std::vector<BenchRow>> scaling = scaling_rows(options, peers->contributions);
    const Result<BenchRow> real = real_bits(options);
    if (!scaling || !real) {
        return scaling ? real.error() : scaling.error();
    }
    add_limits(*scaling, 2, options.tiny);
    rows.insert(rows.end(), scaling->begin(), scaling->end());
    rows.push_back(made_bits(options));
    rows.push_back(*real);
    return rows;
}

}  // namespace

Bench compression_bench() {
    return {"compression",
            "Compress, decode, aggregate 20 payloads; bits per kept value",
            run_compression,
            {kTorch}};
}

}  // namespace assay
