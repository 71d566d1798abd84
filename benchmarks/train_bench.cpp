// A peer's training, Trainer::train: inner loop, gradient chain with its roots, compression;
// against the same steps on the same batches in a bare libtorch loop.

#include "benchmarks/all_benches.h"
#include "benchmarks/bench_world.h"
#include "benchmarks/machine_limits.h"
#include "benchmarks/step_bench.h"
#include "llama/bare_trainer.h"

namespace assay {

namespace {

constexpr const char* kLibtorch = "libtorch";

Result<BenchRow> run_case(const BenchOptions& options, const BenchText& text, uint32_t grain) {
    WorldSizes sizes = world_sizes(options.tiny);
    sizes.grain = grain;
    Result<std::unique_ptr<BenchWorld>> world = BenchWorld::make(sizes, options.threads, text);
    if (!world) {
        return world.error();
    }
    const RoundPlan plan = (*world)->plan();
    const std::vector<float> theta = (*world)->theta();
    const std::vector<TokenBatch> batches = (*world)->batches(plan, 0);
    Result<TrainedRound> trained = (*world)->train(plan, 0);
    if (!trained) {
        return trained.error();
    }
    const Alternating time = time_alternating(
        options,
        [&] { trained = (*world)->train(plan, 0); },
        [&] {
            BareTrainer trainer(sizes.shape, theta, options.threads);
            for (const TokenBatch& batch : batches) {
                trainer.step(batch, sizes.learning_rate);
            }
        });
    if (!trained) {
        return trained.error();
    }
    const bool whole = grain == sizes.sequences;
    return BenchRow{
        whole ? "peer_vs_bare" : "peer_grain" + std::to_string(grain),
        static_cast<double>((*world)->tokens_per_peer()) / time.first_min,
        "tokens/s",
        "bare libtorch loop, whole batches, fused AdamW",
        time.second_min / time.first_min,
        options.threads,
        "grains of " + std::to_string(grain) + "; states " + trained->commit.states_root.brief(),
        describe_times(time) + "; " + describe_limits(options.threads, options.tiny)};
}

Status append(std::vector<BenchRow>& rows, Result<std::vector<BenchRow>> more) {
    if (!more) {
        return more.error();
    }
    rows.insert(rows.end(), more->begin(), more->end());
    return {};
}

// Rows that are compared with libtorch alone, without a peer around them. Steps come first: their
// children measure memory before this process has threads.
Result<std::vector<BenchRow>> step_and_kernel_rows(const BenchOptions& options) {
    std::vector<BenchRow> rows;
    Status status = append(rows, step_rows(narrowed(options, 0, 0.6)));
    if (status.ok()) {
        status = append(rows, gemm_bench().run(narrowed(options, 0.6, 0.99)));
    }
    if (status.ok()) {
        status = append(rows, adamw_bench().run(narrowed(options, 0.99, 1)));
    }
    if (!status) {
        return status.error();
    }
    return rows;
}

Result<std::vector<BenchRow>> peer_rows(const BenchOptions& options) {
    const WorldSizes sizes = world_sizes(options.tiny);
    const Result<BenchText> text =
        read_bench_text(options, static_cast<int32_t>(sizes.shape.vocab), sizes.sequence_tokens);
    if (!text) {
        return text.error();
    }
    std::vector<BenchRow> rows;
    for (const uint32_t grain : {1U, 2U, 4U}) {
        const auto done = static_cast<double>(rows.size());
        Result<BenchRow> row = run_case(narrowed(options, done / 3, (done + 1) / 3), *text, grain);
        if (!row) {
            return row.error();
        }
        rows.push_back(std::move(*row));
    }
    return rows;
}

Result<std::vector<BenchRow>> run_train(const BenchOptions& options) {
    const bool alone = options.against == kLibtorch;
    const double share = alone ? 1 : 0.95;
    Result<std::vector<BenchRow>> rows = step_and_kernel_rows(narrowed(options, 0, share));
    if (!rows || alone) {
        return rows;
    }
    if (Status status = append(*rows, peer_rows(narrowed(options, share, 1))); !status) {
        return status.error();
    }
    return rows;
}

}  // namespace

Bench train_bench() {
    return {"train",
            "Steps on 1 and 2 threads, their memory and growth, kernels and decoding against "
            "libtorch; a peer's whole round (9 minutes)",
            run_train,
            {kLibtorch},
            false};
}

}  // namespace assay
