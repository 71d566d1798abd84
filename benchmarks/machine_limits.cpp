#include "benchmarks/machine_limits.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

#include "benchmarks/fma_chains.h"
#include "kernels/float_buffer.h"
#include "kernels/kernel_path.h"
#include "kernels/thread_pool.h"

namespace assay {

namespace {

constexpr int kTries = 15;

// Seconds of the fastest of a few runs of body(thread) on each thread at once.
double fastest(int threads, const std::function<void(size_t)>& body) {
    ThreadPool pool(threads);
    double best = 1e30;
    for (int i = 0; i < kTries; ++i) {
        const auto start = std::chrono::steady_clock::now();
        pool.run(static_cast<size_t>(threads), [&](size_t part, size_t) { body(part); });
        const auto end = std::chrono::steady_clock::now();
        best = std::min(best, std::chrono::duration<double>(end - start).count());
    }
    return best;
}

float run_chains(uint64_t rounds) {
    switch (kernel_path()) {
        case KernelPath::kAvx512:
            return fma_chains_avx512(rounds);
        case KernelPath::kAvx2:
            return fma_chains_avx2(rounds);
        case KernelPath::kScalar:
        case KernelPath::kNeon:
            break;
    }
    return fma_chains_scalar(rounds);
}

// Four streams, as the kernels read several panels side by side; of a line of 64 bytes one word,
// for the rest of it comes along.
uint64_t xor_of(const uint64_t* words, size_t count) {
    constexpr size_t kLine = 8;
    const size_t quarter = count / 4;
    uint64_t a = 0;
    uint64_t b = 0;
    uint64_t c = 0;
    uint64_t d = 0;
    for (size_t i = 0; i < quarter; i += kLine) {
        a ^= words[i];
        b ^= words[quarter + i];
        c ^= words[2 * quarter + i];
        d ^= words[3 * quarter + i];
    }
    return a ^ b ^ c ^ d;
}

size_t block_floats(bool tiny) {
    return tiny ? size_t{1} << 16 : size_t{64} << 20;
}

}  // namespace

double fma_peak_per_second(int threads, bool tiny) {
    const uint64_t rounds = tiny ? 1000 : 500000;
    std::vector<float> kept(static_cast<size_t>(threads));
    const double seconds =
        fastest(threads, [&](size_t thread) { kept[thread] = run_chains(rounds); });
    const volatile float sink = kept.front();
    static_cast<void>(sink);
    return 2.0 * 16 * kChains * static_cast<double>(rounds) * threads / seconds;
}

double stream_read_bytes_per_second(int threads, bool tiny) {
    const size_t floats = block_floats(tiny);
    FloatBuffer block(floats);
    std::memset(block.data(), 1, floats * sizeof(float));
    const auto* words = reinterpret_cast<const uint64_t*>(block.data());
    const size_t share = floats / 2 / static_cast<size_t>(threads);
    std::vector<uint64_t> kept(static_cast<size_t>(threads));
    const double seconds = fastest(
        threads, [&](size_t thread) { kept[thread] = xor_of(words + thread * share, share); });
    const volatile uint64_t sink = kept.front();
    static_cast<void>(sink);
    return static_cast<double>(share * 8 * static_cast<size_t>(threads)) / seconds;
}

double stream_copy_bytes_per_second(int threads, bool tiny) {
    const size_t floats = block_floats(tiny);
    FloatBuffer from(floats);
    FloatBuffer to(floats);
    std::memset(from.data(), 1, floats * sizeof(float));
    std::memset(to.data(), 2, floats * sizeof(float));
    const size_t share = floats / static_cast<size_t>(threads);
    const double seconds = fastest(threads, [&](size_t thread) {
        std::memcpy(
            to.data() + thread * share, from.data() + thread * share, share * sizeof(float));
    });
    return 2.0 * static_cast<double>(share * 4 * static_cast<size_t>(threads)) / seconds;
}

std::string describe_limits(int threads, bool tiny) {
    char text[160];
    std::snprintf(text,
                  sizeof(text),
                  "FMA peak %.1f GFLOP/s, stream read %.1f GB/s, %d thread%s",
                  fma_peak_per_second(threads, tiny) / 1e9,
                  stream_read_bytes_per_second(threads, tiny) / 1e9,
                  threads,
                  threads == 1 ? "" : "s");
    return text;
}

}  // namespace assay
