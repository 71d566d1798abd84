#include "benchmarks/step_memory.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "llama/bare_trainer.h"

namespace assay {

namespace {

constexpr int kSteps = 2;
constexpr int kMostRepetitions = 5;  // the figures differ by pages, and a process is slow to start

// A line of /proc/self/status in bytes.
uint64_t status_bytes(const std::string& key) {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);) {
        if (line.rfind(key + ":", 0) == 0) {
            return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
        }
    }
    return 0;
}

// Largest memory of a fresh process that runs `body`, above what it had before.
Result<uint64_t> peak_of_child(const std::function<void()>& body) {
    int pipe_ends[2];
    if (::pipe(pipe_ends) != 0) {
        return fail("cannot make a pipe: " + std::string(std::strerror(errno)));
    }
    const pid_t child = ::fork();
    if (child < 0) {
        return fail("cannot start a process: " + std::string(std::strerror(errno)));
    }
    if (child == 0) {
        ::close(pipe_ends[0]);
        const uint64_t before = status_bytes("VmRSS");
        body();
        const uint64_t peak = status_bytes("VmHWM") - before;
        const ssize_t written = ::write(pipe_ends[1], &peak, sizeof(peak));
        ::_exit(written == sizeof(peak) ? 0 : 1);
    }
    ::close(pipe_ends[1]);
    uint64_t peak = 0;
    const ssize_t count = ::read(pipe_ends[0], &peak, sizeof(peak));
    ::close(pipe_ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (count != sizeof(peak) || status != 0) {
        return fail("the process whose memory was to be measured died");
    }
    return peak;
}

void exact_steps(const StepCase& one) {
    Result<std::unique_ptr<ExactTrainer>> trainer = ExactTrainer::make(one, 1);
    for (int i = 0; i < kSteps; ++i) {
        if (!trainer || !(*trainer)->step(false)) {
            ::_exit(1);
        }
    }
}

void stock_steps(const StepCase& one) {
    const TokenBatch batch = made_batch(one);
    BareTrainer trainer(one.shape, initial_parameters(one.shape, Digest{}), 1);
    for (int i = 0; i < kSteps; ++i) {
        trainer.step(batch, kBenchRate);
    }
}

constexpr double kMebibyte = 1 << 20;

struct Peaks {
    std::vector<double> exact;  // MiB
    std::vector<double> stock;
};

Result<Peaks> measure_peaks(const BenchOptions& options, const StepCase& one) {
    const int repetitions = std::min(options.repetitions, kMostRepetitions);
    Peaks peaks;
    for (int i = 0; i < repetitions; ++i) {
        const Result<uint64_t> exact = peak_of_child([&] { exact_steps(one); });
        const Result<uint64_t> stock = peak_of_child([&] { stock_steps(one); });
        if (!exact || !stock) {
            return exact ? stock.error() : exact.error();
        }
        peaks.exact.push_back(static_cast<double>(*exact) / kMebibyte);
        peaks.stock.push_back(static_cast<double>(*stock) / kMebibyte);
        tell(options, static_cast<double>(i + 1) / repetitions);
    }
    return peaks;
}

}  // namespace

Result<BenchRow> memory_row(const BenchOptions& options, const StepCase& one) {
    const Result<Peaks> peaks = measure_peaks(options, one);
    if (!peaks) {
        return peaks.error();
    }
    const double exact = median(peaks->exact);
    const double stock = median(peaks->stock);
    char context[240];
    std::snprintf(
        context,
        sizeof(context),
        "min %.1f, median %.1f MiB of %zu; stock min %.1f, median %.1f MiB; theta, g, m, v "
        "alone %.1f MiB; the ratio is stock / exact, of medians",
        *std::min_element(peaks->exact.begin(), peaks->exact.end()),
        exact,
        peaks->exact.size(),
        *std::min_element(peaks->stock.begin(), peaks->stock.end()),
        stock,
        static_cast<double>(llama_layout(one.shape).value_count()) * 16 / kMebibyte);
    return BenchRow{"step_memory",
                    exact,
                    "MiB",
                    "peak memory of a stock step",
                    stock / exact,
                    1,
                    one.describe(),
                    context};
}

}  // namespace assay
