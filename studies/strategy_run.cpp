#include "studies/strategy_run.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdio>

#include "core/merkle.h"
#include "core/rng.h"
#include "kernels/adamw.h"
#include "kernels/feedback.h"
#include "model/exact_llama.h"
#include "model/inner_loop.h"

namespace assay {

namespace {

// One run of one strategy from one seed.
class StrategyRun {
public:
    StrategyRun(const StrategySetup& setup,
                const StrategyCase& one,
                uint64_t seed,
                const CompressorWatch& watch)
        : sizes_(setup.sizes),
          case_(one),
          text_(setup.text),
          model_(*setup.model),
          watch_(watch),
          seed_(derive_seed(Digest{}, "strategies", {seed})),
          bias_(bias_table(0.9, 0.95)),
          theta_(initial_parameters(sizes_.shape, seed_)) {}

    Result<StrategyOutcome> run();

private:
    struct Sent {
        double bytes = 0;
        double values = 0;
    };

    struct Peer {
        std::vector<float> m, v, e;
        PeerPayload payload;
        Sent sent;
    };

    [[nodiscard]] InnerPlan plan(uint32_t first, uint32_t steps) const;
    [[nodiscard]] std::vector<uint64_t> samples(uint32_t peer, uint32_t step) const;
    [[nodiscard]] TokenBatch batch(std::vector<uint64_t> samples) const;
    Result<InnerState> inner(const InnerState& start, uint32_t first, uint32_t steps, int peer);
    Status data_parallel(StrategyOutcome& outcome);
    Status outer_rounds(StrategyOutcome& outcome);
    Status train_peer(uint32_t round, uint32_t number, Peer& peer);
    Status pack(std::span<const float> theta_end, Peer& peer);
    Status pack_for_study(std::span<const float> theta_end, Peer& peer);
    Result<AggregateResult> train_peers(uint32_t round, std::vector<Peer>& peers, Sent& sent);
    double held_out_loss();

    const StrategySizes& sizes_;
    const StrategyCase& case_;
    const BenchText& text_;
    GradientModel& model_;
    const CompressorWatch& watch_;
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
        for (uint32_t p = 0; p < sizes_.peers; ++p) {
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
Status StrategyRun::data_parallel(StrategyOutcome& outcome) {
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
    if (watch_) {
        watch_({round, number, theta_, end->theta, peer.e});
    }
    return case_.study ? pack_for_study(end->theta, peer) : pack(end->theta, peer);
}

Status StrategyRun::pack(std::span<const float> theta_end, Peer& peer) {
    const Strategy strategy = *strategy_from_name(case_.strategy);
    Result<CompressedPayload> packed =
        compress_payload(strategy, theta_, theta_end, peer.e, model_.layout(), case_.compression);
    if (!packed) {
        return packed.error();
    }
    peer.payload = std::move(packed->payload);
    const uint64_t values =
        is_dense(strategy) ? model_.layout().live_count() : kept_values(peer.payload.sparse);
    peer.sent = {static_cast<double>(packed->bytes.size()), static_cast<double>(values)};
    return {};
}

// The same error feedback; what was coded travels as a dense vector.
Status StrategyRun::pack_for_study(std::span<const float> theta_end, Peer& peer) {
    const ParameterLayout& layout = model_.layout();
    const auto beta = static_cast<float>(case_.compression.beta);
    feedback_step(theta_, theta_end, peer.e, beta, peer.e);
    if (Status finite = check_finite(peer.e, layout); !finite) {
        return finite;
    }
    const auto keep = static_cast<uint32_t>(case_.compression.keep);
    StudyUpdate update = study_code(peer.e, layout, keep, *case_.study);
    peer.payload.dense = std::move(update.q);
    peer.sent = {update.bits / 8, static_cast<double>(update.kept)};
    return {};
}

Result<AggregateResult> StrategyRun::train_peers(uint32_t round,
                                                 std::vector<Peer>& peers,
                                                 Sent& sent) {
    OuterSettings outer;
    outer.strategy = case_.strategy;
    outer.aggregate = case_.aggregate;
    std::vector<Contribution> contributions;
    for (uint32_t p = 0; p < sizes_.peers; ++p) {
        if (Status trained = train_peer(round, p, peers[p]); !trained) {
            return trained.error();
        }
        PeerId id;
        id.key[0] = static_cast<uint8_t>(p + 1);
        contributions.push_back(contribution_of(id, peers[p].payload, 1.0));
        sent.bytes += peers[p].sent.bytes;
        sent.values += peers[p].sent.values;
    }
    return aggregate(contributions, model_.layout(), aggregate_settings(outer));
}

// Values of `bits` bits, evenly spaced up to the largest of their chunk; returns the bytes.
double round_evenly(std::span<float> values, int bits) {
    const auto levels = static_cast<float>((1 << (bits - 1)) - 1);
    for (size_t first = 0; first < values.size(); first += kTileValues) {
        const std::span<float> chunk = values.subspan(first, kTileValues);
        float largest = 0;
        for (const float value : chunk) {
            largest = std::max(largest, std::abs(value));
        }
        const float step = largest / levels;
        for (float& value : chunk) {
            value = step > 0 ? step * std::nearbyint(value / step) : 0.0F;
        }
    }
    const auto chunks = static_cast<double>(values.size()) / kTileValues;
    return static_cast<double>(values.size()) * bits / 8 + 4 * chunks;
}

// theta <- theta - Q(E + sum) with a Q that is no format of ours; returns the bytes.
double step_made_for_comparison(std::span<float> theta,
                                std::vector<float>& owed,
                                std::span<const float> sum,
                                Downlink downlink) {
    std::vector<float> u(sum.begin(), sum.end());
    for (size_t i = 0; i < u.size(); ++i) {
        u[i] += owed[i];
    }
    std::vector<float> q = u;
    double bytes = 4.0 * static_cast<double>(u.size());
    if (downlink != Downlink::kDense) {
        bytes = round_evenly(q, downlink == Downlink::kBits4 ? 4 : 8);
    }
    for (size_t i = 0; i < u.size(); ++i) {
        owed[i] = u[i] - q[i];
    }
    apply_step(theta, q);
    return bytes;
}

Status StrategyRun::outer_rounds(StrategyOutcome& outcome) {
    OuterSettings outer;
    outer.strategy = case_.strategy;
    outer.momentum = case_.momentum;
    outer.aggregate = case_.aggregate;
    const ParameterLayout& layout = model_.layout();
    OuterState state = initial_outer_state(outer, layout);
    const std::vector<float> zeros(theta_.size(), 0.0F);
    std::vector<Peer> peers(sizes_.peers, Peer{zeros, zeros, zeros, {}, {}});
    Sent sent;
    double down = 0;
    for (uint32_t round = 0; round < sizes_.rounds; ++round) {
        const Result<AggregateResult> sum = train_peers(round, peers, sent);
        if (!sum) {
            return sum.error();
        }
        if (case_.downlink != Downlink::kTopK) {
            down += step_made_for_comparison(theta_, state.accumulator, sum->sum, case_.downlink);
            continue;
        }
        Result<OuterStep> step = outer_step(state, sum->sum, layout, outer, case_.compression);
        if (!step) {
            return step.error();
        }
        down += static_cast<double>(step->aggregate.size());
        apply_step(theta_, step->q);
        state = std::move(step->after);
    }
    outcome.bytes_up = sent.bytes / (sizes_.peers * sizes_.rounds);
    outcome.bytes_down = down / sizes_.rounds;
    outcome.bits = 8 * sent.bytes / sent.values;
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

Result<StrategyOutcome> StrategyRun::run() {
    StrategyOutcome outcome;
    const Status done = case_.name == "ddp" ? data_parallel(outcome) : outer_rounds(outcome);
    if (!done) {
        return done.error();
    }
    outcome.loss = held_out_loss();
    outcome.theta_root = tiles_root(theta_);
    return outcome;
}

}  // namespace

StrategySizes strategy_sizes(bool tiny) {
    StrategySizes sizes;
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

StrategySizes demo_strategy_sizes() {
    StrategySizes sizes = strategy_sizes(false);
    sizes.shape = ModelShape{};
    return sizes;
}

Result<StrategySetup> strategy_setup(const BenchOptions& options, const StrategySizes& sizes) {
    StrategySetup setup;
    setup.sizes = sizes;
    Result<BenchText> text =
        read_bench_text(options, static_cast<int32_t>(sizes.shape.vocab), sizes.sequence_tokens);
    if (!text) {
        return text.error();
    }
    setup.text = std::move(*text);
    Result<std::unique_ptr<GradientModel>> model =
        make_exact_llama(sizes.shape, {options.threads, false});
    if (!model) {
        return model.error();
    }
    setup.model = std::move(*model);
    return setup;
}

Result<StrategyOutcome> run_strategy(const StrategySetup& setup,
                                     const StrategyCase& one,
                                     uint64_t seed,
                                     const CompressorWatch& watch) {
    return StrategyRun(setup, one, seed, watch).run();
}

Result<StrategyOutcome> run_seeds(const StrategySetup& setup,
                                  const StrategyCase& one,
                                  StrategySeeds seeds,
                                  std::string& note) {
    StrategyOutcome mean;
    for (int64_t seed = 0; seed < seeds.count; ++seed) {
        const Result<StrategyOutcome> outcome =
            run_strategy(setup, one, seeds.first + static_cast<uint64_t>(seed));
        if (!outcome) {
            return outcome.error();
        }
        const double share = 1.0 / static_cast<double>(seeds.count);
        mean.loss += share * outcome->loss;
        mean.bytes_up += share * outcome->bytes_up;
        mean.bytes_down += share * outcome->bytes_down;
        mean.bits += share * outcome->bits;
        mean.theta_root = outcome->theta_root;
        char loss[32];
        std::snprintf(loss, sizeof(loss), "%.4f ", outcome->loss);
        note += loss;
    }
    note += "theta " + mean.theta_root.brief();
    return mean;
}

}  // namespace assay
