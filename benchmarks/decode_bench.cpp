#include "benchmarks/decode_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "benchmarks/machine_limits.h"
#include "benchmarks/step_trainer.h"
#include "model/decoder.h"

namespace assay {

namespace {

constexpr int kTokens = 16;

void decode_once(Decoder& decoder) {
    const std::vector<int32_t> prompt = {1, 2, 3, 4};
    const uint64_t sequence = decoder.begin_sequence();
    decoder.prefill(sequence, prompt);
    for (int i = 0; i < kTokens; ++i) {
        const std::vector<int32_t> token = {i};
        decoder.step(std::vector<uint64_t>{sequence}, token);
    }
    decoder.end_sequence(sequence);
}

BenchRow decode_row(const BenchOptions& options,
                    const StepCase& one,
                    const std::vector<float>& theta,
                    int threads) {
    Decoder decoder(one.shape, theta, threads);
    const double weight_bytes =
        static_cast<double>(theta.size() - static_cast<uint64_t>(one.shape.vocab) *
                                               static_cast<uint64_t>(one.shape.width)) *
        sizeof(float);
    std::vector<double> streams;
    const Alternating time = time_alternating(
        options,
        [&] { decode_once(decoder); },
        [&] { streams.push_back(stream_read_bytes_per_second(threads, options.tiny)); });
    const double stream = *std::max_element(streams.begin(), streams.end());
    const double passes = kTokens + 1;  // a prompt is one pass too
    const double limit = stream / weight_bytes;
    char context[240];
    std::snprintf(context,
                  sizeof(context),
                  "medians %.1f tokens/s and %.1f GB/s of stream read, whose best is %.1f; "
                  "the ratio is of that limit; %s; %s",
                  passes / time.first_median,
                  median(streams) / 1e9,
                  stream / 1e9,
                  describe_time(time.first_min, time.first_median).c_str(),
                  describe_limits(threads, options.tiny).c_str());
    return {"decode" + threads_suffix(threads),
            passes / time.first_min,
            "tokens/s",
            "bandwidth limit: bytes of weights / stream read",
            passes / time.first_min / limit,
            threads,
            one.describe() + "; " + std::to_string(std::lround(weight_bytes / 1e6)) +
                " MB of weights a token",
            context};
}

}  // namespace

Result<std::vector<BenchRow>> decode_rows(const BenchOptions& options) {
    StepCase one = step_case(1024, 12, options.tiny);
    one.shape.context = 64;
    const std::vector<float> theta = initial_parameters(one.shape, Digest{});
    return std::vector<BenchRow>{decode_row(narrowed(options, 0, 0.6), one, theta, 1),
                                 decode_row(narrowed(options, 0.6, 1), one, theta, 2)};
}

}  // namespace assay
