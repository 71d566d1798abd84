// A peer's training, PeerWorker::train: inner loop, gradient chain with its roots, compression;
// against the same steps on the same batches in a bare libtorch loop.

#include "benchmarks/all_benches.h"
#include "benchmarks/bench_world.h"
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
        options.repetitions,
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
        "grains of " + std::to_string(grain) + "; states " + trained->commit.states_root.brief()};
}

Result<std::vector<BenchRow>> run_train(const BenchOptions& options) {
    // First: its children measure memory before this process has threads.
    Result<std::vector<BenchRow>> steps = step_rows(options);
    if (!steps) {
        return steps;
    }
    for (const Bench& kernels : {gemm_bench(), adamw_bench()}) {
        Result<std::vector<BenchRow>> more = kernels.run(options);
        if (!more) {
            return more;
        }
        steps->insert(steps->end(), more->begin(), more->end());
    }
    if (options.against == kLibtorch) {
        return steps;
    }
    const WorldSizes sizes = world_sizes(options.tiny);
    const Result<BenchText> text =
        read_bench_text(options, static_cast<int32_t>(sizes.shape.vocab), sizes.sequence_tokens);
    if (!text) {
        return text.error();
    }
    std::vector<BenchRow> rows = std::move(*steps);
    for (const uint32_t grain : {1U, 2U, 4U}) {
        Result<BenchRow> row = run_case(options, *text, grain);
        if (!row) {
            return row.error();
        }
        rows.push_back(std::move(*row));
    }
    return rows;
}

}  // namespace

Bench train_bench() {
    return {"train",
            "Steps, their memory, kernels and decoding against libtorch; a peer's whole round",
            run_train,
            {kLibtorch}};
}

}  // namespace assay
