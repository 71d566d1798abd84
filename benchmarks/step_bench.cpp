#include "benchmarks/step_bench.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "benchmarks/machine_limits.h"
#include "core/rng.h"
#include "kernels/kernel_path.h"
#include "llama/bare_trainer.h"
#include "model/decoder.h"
#include "model/exact_llama.h"
#include "model/inner_loop.h"
#include "model/tile_roots.h"

namespace assay {

namespace {

constexpr double kRate = 3e-4;

struct StepCase {
    std::string name;
    ModelShape shape;
    uint32_t sequences = 8;
    uint32_t sequence_tokens = 256;

    [[nodiscard]] double tokens() const { return double{1} * sequences * sequence_tokens; }
    [[nodiscard]] std::string describe() const {
        return "d " + std::to_string(shape.width) + ", " + std::to_string(shape.layers) +
               " layers, vocabulary " + std::to_string(shape.vocab) + ", " +
               std::to_string(sequences) + " x " + std::to_string(sequence_tokens) + " tokens";
    }
};

StepCase step_case(int64_t width, int64_t layers, bool tiny) {
    StepCase one;
    one.name = "step_d" + std::to_string(width);
    ModelShape& shape = one.shape;
    shape.vocab = 8192;
    shape.width = tiny ? 64 : width;
    shape.layers = tiny ? 1 : layers;
    shape.head_width = tiny ? 16 : 64;
    shape.heads = shape.width / shape.head_width;
    shape.kv_heads = shape.heads;
    shape.ffn_width = shape.width * 8 / 3 / 8 * 8;
    shape.context = 256;
    shape.tied = false;
    if (tiny) {
        shape.vocab = 300;
        one.sequences = 2;
        one.sequence_tokens = 32;
    }
    return one;
}

TokenBatch made_batch(const StepCase& one) {
    CounterRng rng(derive_seed(Digest{}, "bench step"));
    TokenBatch batch{one.sequences, one.sequence_tokens, {}};
    for (uint32_t i = 0; i < one.sequences * (one.sequence_tokens + 1); ++i) {
        batch.tokens.push_back(
            static_cast<int32_t>(rng.below(static_cast<uint64_t>(one.shape.vocab))));
    }
    return batch;
}

// Training as a peer does it: gradient, clip, AdamW; and with `roots` the chain of its states.
class ExactTrainer {
public:
    static Result<std::unique_ptr<ExactTrainer>> make(const StepCase& one, int threads) {
        Result<std::unique_ptr<GradientModel>> model =
            make_exact_llama(one.shape, {threads, false});
        if (!model) {
            return model.error();
        }
        return std::make_unique<ExactTrainer>(one, std::move(*model));
    }

    ExactTrainer(const StepCase& one, std::unique_ptr<GradientModel> model)
        : model_(std::move(model)),
          batch_(made_batch(one)),
          buffers_(4, model_->layout().value_count()) {
        const std::vector<float> theta = initial_parameters(one.shape, Digest{});
        std::copy(theta.begin(), theta.end(), buffers_[0].begin());
        const auto rate = static_cast<float>(kRate);
        uint32_t bits = 0;
        std::memcpy(&bits, &rate, sizeof(bits));
        plan_.steps = 1;
        plan_.grain_sequences = one.sequences;
        plan_.learning_rate_bits = {bits};
        const BiasTable bias = bias_table(adam_.beta1, adam_.beta2);
        plan_.bias1_bits = bias.bias1_bits;
        plan_.bias2_bits = bias.bias2_bits;
    }

    Status step(bool roots) {
        const std::span<float> g = buffers_[3];
        const Result<ClippedGradient> gradient =
            clipped_gradient(*model_, spans().theta, batch_, plan_.grain_sequences, adam_.clip, g);
        if (!gradient) {
            return gradient.error();
        }
        loss_ = gradient->losses.mean_loss;
        if (roots) {
            theta_root_ = tiles_root(model_->pool(), spans().theta);
            g_root_ = tiles_root(model_->pool(), g);
        }
        const Status updated =
            adamw_all(model_->pool(), model_->layout(), spans(), g, adam_, plan_, 0);
        ++plan_.optimiser_steps_before;
        return updated;
    }

    [[nodiscard]] float loss() const { return loss_; }

private:
    std::unique_ptr<GradientModel> model_;
    TokenBatch batch_;
    AdamSettings adam_;
    InnerPlan plan_;
    StaggeredBuffers buffers_;
    [[nodiscard]] InnerSpans spans() { return {buffers_[0], buffers_[1], buffers_[2]}; }

    float loss_ = 0;
    Digest theta_root_;
    Digest g_root_;
};

Result<BenchRow> time_step(const BenchOptions& options, const StepCase& one, bool roots) {
    Result<std::unique_ptr<ExactTrainer>> exact = ExactTrainer::make(one, options.threads);
    if (!exact) {
        return exact.error();
    }
    const TokenBatch batch = made_batch(one);
    BareTrainer stock(one.shape, initial_parameters(one.shape, Digest{}), options.threads);
    Status status = (*exact)->step(roots);
    float stock_loss = stock.step(batch, kRate);
    const float first_losses[2] = {(*exact)->loss(), stock_loss};
    const Alternating time = time_alternating(
        options.repetitions,
        [&] {
            if (Status stepped = (*exact)->step(roots); !stepped) {
                status = stepped;
            }
        },
        [&] { stock_loss = stock.step(batch, kRate); });
    if (!status) {
        return status.error();
    }
    char note[160];
    std::snprintf(note,
                  sizeof(note),
                  "medians %.0f and %.0f ms; stock %.0f tokens/s; first losses %.6f, %.6f",
                  time.first_median * 1e3,
                  time.second_median * 1e3,
                  one.tokens() / time.second_min,
                  static_cast<double>(first_losses[0]),
                  static_cast<double>(first_losses[1]));
    return BenchRow{one.name + (roots ? "_roots" : ""),
                    one.tokens() / time.first_min,
                    "tokens/s",
                    "stock libtorch, eager, fused AdamW",
                    time.second_min / time.first_min,
                    options.threads,
                    one.describe(),
                    note};
}

Result<BenchRow> time_scaling(const BenchOptions& options,
                              const StepCase& one,
                              const std::string& name) {
    Result<std::unique_ptr<ExactTrainer>> two = ExactTrainer::make(one, 2);
    Result<std::unique_ptr<ExactTrainer>> single = ExactTrainer::make(one, 1);
    if (!two || !single) {
        return two ? single.error() : two.error();
    }
    Status status;
    const auto take = [&status](ExactTrainer& trainer) {
        if (Status stepped = trainer.step(false); !stepped) {
            status = stepped;
        }
    };
    const Alternating time = time_alternating(
        options.repetitions, [&] { take(**two); }, [&] { take(**single); });
    if (!status) {
        return status.error();
    }
    return BenchRow{name,
                    one.tokens() / time.first_min,
                    "tokens/s",
                    "the same step (" + one.name + ") with one thread",
                    time.second_min / time.first_min,
                    2,
                    one.describe(),
                    ""};
}

// The same step on two paths: what wider vectors bring.
Result<BenchRow> time_paths(const BenchOptions& options, const StepCase& one) {
    Result<std::unique_ptr<ExactTrainer>> trainer = ExactTrainer::make(one, options.threads);
    if (!trainer) {
        return trainer.error();
    }
    const std::vector<KernelPath> paths = available_kernel_paths();
    const KernelPath fastest = paths.back();
    const KernelPath next = paths.size() > 2 ? paths[paths.size() - 2] : fastest;
    Status status;
    const auto take = [&](KernelPath path) {
        const ForcedKernelPath forced(path);
        if (Status stepped = (*trainer)->step(false); !stepped) {
            status = stepped;
        }
    };
    const Alternating time = time_alternating(
        options.repetitions, [&] { take(fastest); }, [&] { take(next); });
    if (!status) {
        return status.error();
    }
    return BenchRow{
        "step_paths",
        one.tokens() / time.first_min,
        "tokens/s",
        std::string(kernel_path_name(fastest)) + " against " + std::string(kernel_path_name(next)),
        time.second_min / time.first_min,
        options.threads,
        one.describe(),
        ""};
}

// Microseconds a token as sequences grow, 2048 tokens a step.
Result<BenchRow> time_length(const BenchOptions& options, StepCase one, uint32_t length) {
    one.sequences = one.sequences * one.sequence_tokens / length;
    one.sequence_tokens = length;
    one.shape.context = length;
    Result<std::unique_ptr<ExactTrainer>> trainer = ExactTrainer::make(one, options.threads);
    if (!trainer) {
        return trainer.error();
    }
    Status status;
    const Alternating time = time_alternating(
        options.repetitions, [&] { status = (*trainer)->step(false); }, [] {});
    if (!status) {
        return status.error();
    }
    return BenchRow{"cost_t" + std::to_string(length),
                    1e6 * time.first_min / one.tokens(),
                    "us/token",
                    "",
                    0,
                    options.threads,
                    one.describe(),
                    ""};
}

// ---- memory --------------------------------------------------------------------------------

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

// In children, before this process has started a thread.
Result<BenchRow> measure_memory(const StepCase& one) {
    constexpr int kSteps = 2;
    const Result<uint64_t> exact = peak_of_child([&] {
        Result<std::unique_ptr<ExactTrainer>> trainer = ExactTrainer::make(one, 1);
        for (int i = 0; trainer && i < kSteps; ++i) {
            if (!(*trainer)->step(false)) {
                ::_exit(1);
            }
        }
    });
    const Result<uint64_t> stock = peak_of_child([&] {
        const TokenBatch batch = made_batch(one);
        BareTrainer trainer(one.shape, initial_parameters(one.shape, Digest{}), 1);
        for (int i = 0; i < kSteps; ++i) {
            trainer.step(batch, kRate);
        }
    });
    if (!exact || !stock) {
        return exact ? stock.error() : exact.error();
    }
    const double mebibyte = 1 << 20;
    char note[160];
    std::snprintf(note,
                  sizeof(note),
                  "stock %.1f MiB; theta, g, m, v alone %.1f MiB; the ratio is stock / exact",
                  static_cast<double>(*stock) / mebibyte,
                  static_cast<double>(llama_layout(one.shape).value_count()) * 16 / mebibyte);
    return BenchRow{"step_memory",
                    static_cast<double>(*exact) / mebibyte,
                    "MiB",
                    "peak memory of a stock step",
                    static_cast<double>(*stock) / static_cast<double>(*exact),
                    1,
                    one.describe(),
                    note};
}

// ---- decoding ------------------------------------------------------------------------------

Result<BenchRow> time_decode(const BenchOptions& options) {
    StepCase one = step_case(1024, 12, options.tiny);
    one.shape.context = 64;
    const std::vector<float> theta = initial_parameters(one.shape, Digest{});
    Decoder decoder(one.shape, theta, options.threads);
    const std::vector<int32_t> prompt = {1, 2, 3, 4};
    constexpr int kTokens = 16;
    const uint64_t sequence_bytes = theta.size() * sizeof(float);
    const uint64_t embedding_bytes =
        static_cast<uint64_t>(one.shape.vocab * one.shape.width) * sizeof(float);
    const double weight_bytes = static_cast<double>(sequence_bytes - embedding_bytes);
    double stream = 0;
    const auto decode = [&] {
        const uint64_t sequence = decoder.begin_sequence();
        decoder.prefill(sequence, prompt);
        for (int i = 0; i < kTokens; ++i) {
            const std::vector<int32_t> token = {i};
            decoder.step(std::vector<uint64_t>{sequence}, token);
        }
        decoder.end_sequence(sequence);
    };
    const Alternating time = time_alternating(options.repetitions, decode, [&] {
        stream = std::max(stream, stream_read_bytes_per_second(options.threads));
    });
    const double tokens_per_second = (kTokens + 1) / time.first_min;  // a prompt is one pass too
    char note[160];
    std::snprintf(note,
                  sizeof(note),
                  "%.0f MB of weights a token; stream read %.1f GB/s; the ratio is of that limit",
                  weight_bytes / 1e6,
                  stream / 1e9);
    return BenchRow{"decode",
                    tokens_per_second,
                    "tokens/s",
                    "bandwidth limit: bytes of weights / stream read",
                    tokens_per_second * weight_bytes / stream,
                    options.threads,
                    one.describe(),
                    note};
}

}  // namespace

Result<std::vector<BenchRow>> step_rows(const BenchOptions& options) {
    const StepCase small = step_case(256, 6, options.tiny);
    std::vector<BenchRow> rows;
    Result<BenchRow> memory = measure_memory(small);
    if (!memory) {
        return memory.error();
    }
    rows.push_back(std::move(*memory));
    const std::string limits = describe_limits(options.threads);
    const auto add = [&](Result<BenchRow> row) -> Status {
        if (!row) {
            return row.error();
        }
        row->context += (row->context.empty() ? "" : "; ") + limits;
        rows.push_back(std::move(*row));
        return {};
    };
    Status status;
    const std::vector<StepCase> cases = {
        small, step_case(512, 6, options.tiny), step_case(1024, 2, options.tiny)};
    for (size_t i = 0; status.ok() && i < cases.size(); ++i) {
        status = add(time_step(options, cases[i], false));
    }
    if (status.ok()) {
        status = add(time_step(options, small, true));
    }
    if (status.ok()) {
        status = add(time_scaling(options, cases[1], "scaling_2_threads"));
    }
    if (status.ok()) {
        status = add(time_scaling(options, small, "scaling_2_threads_d256"));
    }
    if (status.ok()) {
        status = add(time_paths(options, small));
    }
    for (const uint32_t times : {1U, 2U, 4U, 8U}) {
        const uint32_t length = small.sequence_tokens * times;
        if (status.ok() && length <= small.sequences * small.sequence_tokens) {
            status = add(time_length(options, small, length));
        }
    }
    if (status.ok()) {
        status = add(time_decode(options));
    }
    if (!status) {
        return status.error();
    }
    return rows;
}

}  // namespace assay
