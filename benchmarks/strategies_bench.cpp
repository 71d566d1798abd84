// Held-out loss of the strategies at equal tokens: data-parallel AdamW, plain dense averaging,
// DiLoCo, SparseLoCo.
//
// Peers take turns in one process, without sockets or checks: inner loop, compressor, aggregate and
// outer step are the real ones. All strategies see the same batches and the same schedule.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdio>

#include "benchmarks/all_benches.h"
#include "benchmarks/bench_text.h"
#include "compression/payload.h"
#include "core/merkle.h"
#include "core/rng.h"
#include "kernels/adamw.h"
#include "model/exact_llama.h"
#include "model/inner_loop.h"
#include "model/outer_step.h"

namespace assay {

namespace {

constexpr uint32_t kPeers = 4;

struct Sizes {
    ModelShape shape;
    uint32_t sequence_tokens = 64;
    uint32_t sequences = 8;
    uint32_t inner_steps = 10;
    uint32_t rounds = 30;
    uint64_t held_out = 128;

    [[nodiscard]] uint32_t steps() const { return inner_steps * rounds; }
    [[nodiscard]] uint64_t tokens() const {
        return uint64_t{steps()} * kPeers * sequences * sequence_tokens;
    }
};

Sizes sizes_of(bool tiny) {
    Sizes sizes;
    sizes.shape.vocab = 512;
    sizes.shape.width = 64;
    sizes.shape.layers = 2;
    sizes.shape.heads = 4;
    sizes.shape.kv_heads = 2;
    sizes.shape.head_width = 16;
    sizes.shape.ffn_width = 192;
    sizes.shape.context = 64;
    if (tiny) {
        sizes.shape.layers = 1;
        sizes.sequence_tokens = 16;
        sizes.sequences = 2;
        sizes.inner_steps = 3;
        sizes.rounds = 2;
        sizes.held_out = 16;
    }
    return sizes;
}

struct Case {
    std::string name;
    std::string strategy;
    double learning_rate = 3e-3;
    double alpha = 1.0;
    double momentum = 0.9;
};

struct Outcome {
    double loss = 0;
    double bytes_up = 0;  // a peer and round
    double bits = 0;      // a kept value
    Digest theta_root;
};

// One run of one strategy from one seed.
class StrategyRun {
public:
    StrategyRun(const Sizes& sizes,
                const Case& one,
                const BenchText& text,
                GradientModel& model,
                uint64_t seed)
        : sizes_(sizes),
          case_(one),
          text_(text),
          model_(model),
          seed_(derive_seed(Digest{}, "strategies", {seed})),
          bias_(bias_table(0.9, 0.95)),
          theta_(initial_parameters(sizes.shape, seed_)) {}

    Result<Outcome> run();

private:
    struct Peer {
        std::vector<float> m, v, e;
        CompressedPayload payload;
    };

    [[nodiscard]] InnerPlan plan(uint32_t first, uint32_t steps) const;
    [[nodiscard]] std::vector<uint64_t> samples(uint32_t peer, uint32_t step) const;
    [[nodiscard]] TokenBatch batch(std::vector<uint64_t> samples) const;
    Result<InnerState> inner(const InnerState& start, uint32_t first, uint32_t steps, int peer);
    Status data_parallel(Outcome& outcome);
    Status outer_rounds(Outcome& outcome);
    Status train_peer(uint32_t round, uint32_t number, Peer& peer);
    double held_out_loss();

    const Sizes& sizes_;
    const Case& case_;
    const BenchText& text_;
    GradientModel& model_;
    Digest seed_;
    BiasTable bias_;
    std::vector<float> theta_;
};

// Warm-up over a tenth of the steps, then a cosine to a tenth of the rate.
InnerPlan StrategyRun::plan(uint32_t first, uint32_t steps) const {
    InnerPlan plan;
    plan.steps = steps;
    plan.grain_sequences = sizes_.sequences;
    plan.optimiser_steps_before = first;
    plan.bias1_bits = bias_.bias1_bits;
    plan.bias2_bits = bias_.bias2_bits;
    const double all = sizes_.steps();
    for (uint32_t t = first; t < first + steps; ++t) {
        const double warm = std::min(1.0, (t + 1) / std::max(1.0, all / 10));
        const double cosine = 0.55 + 0.45 * std::cos(3.14159265358979 * t / all);
        plan.learning_rate_bits.push_back(
            std::bit_cast<uint32_t>(static_cast<float>(case_.learning_rate * warm * cosine)));
    }
    return plan;
}

std::vector<uint64_t> StrategyRun::samples(uint32_t peer, uint32_t step) const {
    CounterRng rng(derive_seed(seed_, "batch", {peer, step}));
    std::vector<uint64_t> drawn(sizes_.sequences);
    for (uint64_t& sample : drawn) {
        sample = rng.below(text_.training_count());
    }
    return drawn;
}

TokenBatch StrategyRun::batch(std::vector<uint64_t> samples) const {
    return {static_cast<uint32_t>(samples.size()), sizes_.sequence_tokens, text_.read(samples)};
}

// Steps on the batches of one peer, or (peer < 0) on those of all peers joined.
Result<InnerState> StrategyRun::inner(const InnerState& start,
                                      uint32_t first,
                                      uint32_t steps,
                                      int peer) {
    InnerLoop loop(model_, AdamSettings{}, plan(first, steps), start);
    const auto batch_of = [&](uint32_t step) -> Result<TokenBatch> {
        std::vector<uint64_t> drawn;
        for (uint32_t p = 0; p < kPeers; ++p) {
            if (peer < 0 || static_cast<uint32_t>(peer) == p) {
                const std::vector<uint64_t> more = samples(p, first + step);
                drawn.insert(drawn.end(), more.begin(), more.end());
            }
        }
        return batch(std::move(drawn));
    };
    const std::atomic<bool> cancel{false};
    const auto hook = [](const InnerStep&) -> Status { return {}; };
    const Result<InnerLoop::End> end = loop.run(batch_of, hook, cancel);
    if (!end) {
        return end.error();
    }
    return loop.state();
}

// The mean gradient of all peers in every step: dense values up each step.
Status StrategyRun::data_parallel(Outcome& outcome) {
    const std::vector<float> zeros(theta_.size(), 0.0F);
    Result<InnerState> end = inner({theta_, zeros, zeros}, 0, sizes_.steps(), -1);
    if (!end) {
        return end.error();
    }
    theta_ = std::move(end->theta);
    outcome.bits = 32;
    outcome.bytes_up =
        static_cast<double>(encode_dense(zeros, model_.layout()).size()) * sizes_.inner_steps;
    return {};
}

Status StrategyRun::train_peer(uint32_t round, uint32_t number, Peer& peer) {
    Result<InnerState> end = inner({theta_, std::move(peer.m), std::move(peer.v)},
                                   round * sizes_.inner_steps,
                                   sizes_.inner_steps,
                                   static_cast<int>(number));
    if (!end) {
        return end.error();
    }
    peer.m = std::move(end->m);
    peer.v = std::move(end->v);
    Result<CompressedPayload> packed = compress_payload(*strategy_from_name(case_.strategy),
                                                        theta_,
                                                        end->theta,
                                                        peer.e,
                                                        model_.layout(),
                                                        CompressionSettings{});
    if (!packed) {
        return packed.error();
    }
    peer.payload = std::move(*packed);
    return {};
}

Status StrategyRun::outer_rounds(Outcome& outcome) {
    OuterSettings outer;
    outer.strategy = case_.strategy;
    outer.momentum = case_.momentum;
    outer.aggregate.alpha = case_.alpha;
    const ParameterLayout& layout = model_.layout();
    OuterState state = initial_outer_state(outer, layout);
    const std::vector<float> zeros(theta_.size(), 0.0F);
    std::vector<Peer> peers(kPeers, Peer{zeros, zeros, zeros, {}});
    double bytes = 0;
    double kept = 0;
    for (uint32_t round = 0; round < sizes_.rounds; ++round) {
        std::vector<Contribution> contributions;
        for (uint32_t p = 0; p < kPeers; ++p) {
            if (Status trained = train_peer(round, p, peers[p]); !trained) {
                return trained;
            }
            PeerId id;
            id.key[0] = static_cast<uint8_t>(p + 1);
            contributions.push_back(contribution_of(id, peers[p].payload.payload, 1.0));
            bytes += static_cast<double>(peers[p].payload.bytes.size());
            kept += static_cast<double>(is_dense(strategy_of(outer))
                                            ? layout.live_count()
                                            : kept_values(peers[p].payload.payload.sparse));
        }
        const AggregateResult sum = aggregate(contributions, layout, aggregate_settings(outer));
        Result<OuterStep> step = outer_step(state, sum.sum, layout, outer, CompressionSettings{});
        if (!step) {
            return step.error();
        }
        apply_step(theta_, step->q);
        state = std::move(step->after);
    }
    outcome.bytes_up = bytes / (kPeers * sizes_.rounds);
    outcome.bits = 8 * bytes / kept;
    return {};
}

double StrategyRun::held_out_loss() {
    constexpr uint64_t kBatch = 16;
    const uint64_t count = std::min(sizes_.held_out, text_.held_out_count());
    double sum = 0;
    for (uint64_t first = 0; first < count; first += kBatch) {
        std::vector<uint64_t> drawn;
        for (uint64_t i = first; i < std::min(count, first + kBatch); ++i) {
            drawn.push_back(i * (text_.held_out_count() / count));
        }
        const TokenBatch held_out{static_cast<uint32_t>(drawn.size()),
                                  sizes_.sequence_tokens,
                                  text_.read_held_out(drawn)};
        for (const float loss : model_.losses(theta_, held_out)) {
            sum += static_cast<double>(loss);
        }
    }
    return sum / static_cast<double>(count);
}

Result<Outcome> StrategyRun::run() {
    Outcome outcome;
    const Status done = case_.name == "ddp" ? data_parallel(outcome) : outer_rounds(outcome);
    if (!done) {
        return done.error();
    }
    outcome.loss = held_out_loss();
    outcome.theta_root = tiles_root(theta_);
    return outcome;
}

struct Seeds {
    uint64_t first = 0;
    int64_t count = 1;
};

// Means over the seeds; the note tells each seed's loss and the last parameters.
Result<Outcome> mean_of(const Sizes& sizes,
                        const Case& one,
                        const BenchText& text,
                        GradientModel& model,
                        Seeds seeds,
                        std::string& note) {
    Outcome mean;
    for (int64_t seed = 0; seed < seeds.count; ++seed) {
        StrategyRun run(sizes, one, text, model, seeds.first + static_cast<uint64_t>(seed));
        const Result<Outcome> outcome = run.run();
        if (!outcome) {
            return outcome.error();
        }
        const double share = 1.0 / static_cast<double>(seeds.count);
        mean.loss += share * outcome->loss;
        mean.bytes_up += share * outcome->bytes_up;
        mean.bits += share * outcome->bits;
        mean.theta_root = outcome->theta_root;
        char text_of[32];
        std::snprintf(text_of, sizeof(text_of), "%.4f ", outcome->loss);
        note += text_of;
    }
    note += "theta " + mean.theta_root.brief();
    return mean;
}

struct Setup {
    Sizes sizes;
    BenchText text;
    std::unique_ptr<GradientModel> model;
};

Result<Setup> set_up(const BenchOptions& options) {
    Setup setup;
    setup.sizes = sizes_of(options.tiny);
    Result<BenchText> text = read_bench_text(
        options, static_cast<int32_t>(setup.sizes.shape.vocab), setup.sizes.sequence_tokens);
    if (!text) {
        return text.error();
    }
    setup.text = std::move(*text);
    Result<std::unique_ptr<GradientModel>> model =
        make_exact_llama(setup.sizes.shape, {options.threads, false});
    if (!model) {
        return model.error();
    }
    setup.model = std::move(*model);
    return setup;
}

// The best of `assay bench strategies_grid` on tinyshakespeare, a seed that is none of these.
std::vector<Case> chosen_cases() {
    return {{"ddp", "ddp", 3e-3, 1.0, 0},
            {"average", "average", 6e-3, 1.0, 0},
            {"diloco", "diloco", 6e-3, 0.7, 0.3},
            {"sparseloco", "sparseloco", 1.2e-2, 1.0, 0}};
}

Result<std::vector<BenchRow>> run_strategies(const BenchOptions& options) {
    Result<Setup> setup = set_up(options);
    if (!setup) {
        return setup.error();
    }
    const int64_t seeds = options.tiny ? 1 : options.seeds;
    const std::string equal = "data-parallel AdamW at " + std::to_string(setup->sizes.tokens()) +
                              " tokens of " + setup->text.name;
    std::vector<BenchRow> rows;
    double reference = 0;
    for (const Case& one : chosen_cases()) {
        std::string note;
        const Result<Outcome> mean =
            mean_of(setup->sizes, one, setup->text, *setup->model, {0, seeds}, note);
        if (!mean) {
            return mean.error();
        }
        reference = rows.empty() ? mean->loss : reference;
        rows.push_back({one.name + "_loss",
                        mean->loss,
                        "nats/token",
                        equal,
                        reference / mean->loss,
                        options.threads,
                        note});
        rows.push_back(
            {one.name + "_bytes_up", mean->bytes_up, "bytes/round", "", 0, options.threads, ""});
        rows.push_back({one.name + "_bits", mean->bits, "bits/value", "", 0, options.threads, ""});
    }
    return rows;
}

std::vector<Case> grid_cases(bool tiny) {
    std::vector<Case> cases;
    for (const double rate : {3e-3, 6e-3, 1.2e-2}) {
        cases.push_back({"ddp", "ddp", rate, 1.0, 0});
        cases.push_back({"average", "average", rate, 1.0, 0});
        cases.push_back({"sparseloco", "sparseloco", rate, 1.0, 0});
        for (const double momentum : {0.3, 0.6, 0.9}) {
            cases.push_back({"diloco", "diloco", rate, 1 - momentum, momentum});
        }
    }
    cases.resize(tiny ? 4 : cases.size());
    return cases;
}

// One seed, that the comparison does not use.
Result<std::vector<BenchRow>> run_grid(const BenchOptions& options) {
    Result<Setup> setup = set_up(options);
    if (!setup) {
        return setup.error();
    }
    std::vector<BenchRow> rows;
    for (const Case& one : grid_cases(options.tiny)) {
        std::string note;
        const Result<Outcome> mean =
            mean_of(setup->sizes, one, setup->text, *setup->model, {1000, 1}, note);
        if (!mean) {
            return mean.error();
        }
        char name[80];
        std::snprintf(name,
                      sizeof(name),
                      "%s lr=%g alpha=%g mu=%g",
                      one.name.c_str(),
                      one.learning_rate,
                      one.alpha,
                      one.momentum);
        rows.push_back({name, mean->loss, "nats/token", "", 0, options.threads, note});
    }
    return rows;
}

}  // namespace

Bench strategies_bench() {
    return {"strategies",
            "Held-out loss, bytes up and bits a value of each strategy at equal tokens",
            run_strategies};
}

Bench strategies_grid_bench() {
    return {"strategies_grid",
            "The grid from which the settings of `strategies` were chosen, on another seed",
            run_grid};
}

}  // namespace assay
