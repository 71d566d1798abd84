#include "benchmarks/step_bench.h"

#include <algorithm>
#include <cstdio>

#include "benchmarks/decode_bench.h"
#include "benchmarks/machine_limits.h"
#include "benchmarks/step_memory.h"
#include "benchmarks/step_trainer.h"
#include "kernels/kernel_path.h"
#include "llama/bare_trainer.h"

namespace assay {

namespace {

BenchRow step_row(const std::string& name,
                  const StepCase& one,
                  int threads,
                  const Alternating& time,
                  const std::string& against) {
    return {name,
            one.tokens() / time.first_min,
            "tokens/s",
            against,
            time.second_min / time.first_min,
            threads,
            one.describe(),
            describe_times(time)};
}

Result<BenchRow> time_step(const BenchOptions& options,
                           const StepCase& one,
                           bool roots,
                           int threads) {
    Result<std::unique_ptr<ExactTrainer>> exact = ExactTrainer::make(one, threads);
    if (!exact) {
        return exact.error();
    }
    const TokenBatch batch = made_batch(one);
    BareTrainer stock(one.shape, initial_parameters(one.shape, Digest{}), threads);
    Status status;
    std::vector<float> losses;
    std::vector<float> stock_losses;
    const Alternating time = time_alternating(
        options,
        [&] {
            if (Status stepped = (*exact)->step(roots); !stepped) {
                status = stepped;
            }
            losses.push_back((*exact)->loss());
        },
        [&] { stock_losses.push_back(stock.step(batch, kBenchRate)); });
    if (!status) {
        return status.error();
    }
    BenchRow row = step_row(one.name + (roots ? "_roots" : "") + threads_suffix(threads),
                            one,
                            threads,
                            time,
                            "stock libtorch, eager, fused AdamW");
    char more[160];
    std::snprintf(more,
                  sizeof(more),
                  "; ratio of medians %.3f; stock %.0f tokens/s; first losses %.6f, %.6f",
                  time.second_median / time.first_median,
                  one.tokens() / time.second_min,
                  static_cast<double>(losses.front()),
                  static_cast<double>(stock_losses.front()));
    row.context += more;
    return row;
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
        options, [&] { take(**two); }, [&] { take(**single); });
    if (!status) {
        return status.error();
    }
    return step_row(name, one, 2, time, "the same step (" + one.name + ") with one thread");
}

// The same step on two paths: what wider vectors bring.
Result<BenchRow> time_paths(const BenchOptions& options, const StepCase& one) {
    Result<std::unique_ptr<ExactTrainer>> trainer = ExactTrainer::make(one, 1);
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
        options, [&] { take(fastest); }, [&] { take(next); });
    if (!status) {
        return status.error();
    }
    return step_row(
        "step_paths",
        one,
        1,
        time,
        std::string(kernel_path_name(fastest)) + " against " + std::string(kernel_path_name(next)));
}

// Microseconds a token.
Result<BenchRow> time_cost(const BenchOptions& options,
                           const StepCase& one,
                           const std::string& name) {
    Result<std::unique_ptr<ExactTrainer>> trainer = ExactTrainer::make(one, 1);
    if (!trainer) {
        return trainer.error();
    }
    Status status;
    const auto take = [&] {
        if (Status stepped = (*trainer)->step(false); !stepped) {
            status = stepped;
        }
    };
    const Alternating time = time_alternating(options, take, [] {});
    if (!status) {
        return status.error();
    }
    return BenchRow{name,
                    1e6 * time.first_min / one.tokens(),
                    "us/token",
                    "",
                    0,
                    1,
                    one.describe(),
                    describe_time(time.first_min, time.first_median)};
}

// As many tokens a step in longer sequences.
StepCase with_length(StepCase one, uint32_t length) {
    one.sequences = one.sequences * one.sequence_tokens / length;
    one.sequence_tokens = length;
    one.shape.context = length;
    return one;
}

// What gives a row, and what it costs relative to the others.
struct Job {
    double work;
    std::function<Result<BenchRow>(const BenchOptions&)> run;
};

constexpr double kStockWork = 2.5;  // of a step of stock libtorch, where one of ours is 1

void add_step_jobs(std::vector<Job>& jobs, const StepCase& one, bool roots) {
    for (const int threads : {1, 2}) {
        jobs.push_back({(1 + kStockWork) * one.work() / threads, [=](const BenchOptions& o) {
                            return time_step(with_threads(o, threads), one, roots, threads);
                        }});
    }
}

void add_cost_jobs(std::vector<Job>& jobs, const StepCase& small, bool tiny) {
    const auto add = [&jobs](const StepCase& one, const std::string& name) {
        jobs.push_back(
            {one.work(), [=](const BenchOptions& o) { return time_cost(o, one, name); }});
    };
    for (uint32_t length = small.sequence_tokens; length <= small.sequences * small.sequence_tokens;
         length *= 2) {
        add(with_length(small, length), "cost_t" + std::to_string(length));
    }
    for (const int64_t width : {128, 256, 512, 1024}) {
        add(step_case(width, 2, tiny), "cost_d" + std::to_string(width));
    }
}

std::vector<Job> step_jobs(bool tiny) {
    const StepCase small = step_case(256, 6, tiny);
    const StepCase middle = step_case(512, 6, tiny);
    std::vector<Job> jobs;
    jobs.push_back({(1 + kStockWork) * small.work(),
                    [=](const BenchOptions& o) { return memory_row(o, small); }});
    for (const StepCase& one : {small, middle, step_case(1024, 2, tiny)}) {
        add_step_jobs(jobs, one, false);
    }
    add_step_jobs(jobs, small, true);
    const auto add_scaling = [&jobs](const StepCase& one, const std::string& name) {
        jobs.push_back(
            {1.5 * one.work(), [=](const BenchOptions& o) { return time_scaling(o, one, name); }});
    };
    add_scaling(middle, "scaling_2_threads");
    add_scaling(small, "scaling_2_threads_d256");
    jobs.push_back({3 * small.work(), [=](const BenchOptions& o) { return time_paths(o, small); }});
    add_cost_jobs(jobs, small, tiny);
    return jobs;
}

}  // namespace

Result<std::vector<BenchRow>> step_rows(const BenchOptions& options) {
    constexpr double kSteps = 0.96;  // decoding is the rest
    const std::vector<Job> jobs = step_jobs(options.tiny);
    double all = 0;
    for (const Job& job : jobs) {
        all += job.work;
    }
    std::vector<BenchRow> rows;
    double done = 0;
    for (const Job& job : jobs) {
        const double from = kSteps * done / all;
        done += job.work;
        Result<BenchRow> row = job.run(narrowed(options, from, kSteps * done / all));
        if (!row) {
            return row.error();
        }
        row->context += "; " + describe_limits(row->threads, options.tiny);
        rows.push_back(std::move(*row));
    }
    Result<std::vector<BenchRow>> decoding = decode_rows(narrowed(options, kSteps, 1));
    if (!decoding) {
        return decoding;
    }
    rows.insert(rows.end(), decoding->begin(), decoding->end());
    return rows;
}

}  // namespace assay
