#include "studies/format_samples.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "compression/error_feedback.h"
#include "core/rng.h"

namespace assay {

namespace {

ModelShape shape_of(int64_t vocab, int64_t width, int64_t layers, int64_t kv_heads, int64_t ffn) {
    ModelShape shape;
    shape.vocab = vocab;
    shape.width = width;
    shape.layers = layers;
    shape.head_width = width >= 768 ? 64 : 32;
    shape.heads = width / shape.head_width;
    shape.kv_heads = kv_heads;
    shape.ffn_width = ffn;
    return shape;
}

StrategySizes run_of(const ModelShape& shape, uint32_t rounds, uint32_t inner_steps) {
    StrategySizes sizes;
    sizes.shape = shape;
    sizes.peers = 2;
    sizes.sequences = 4;
    sizes.inner_steps = inner_steps;
    sizes.rounds = rounds;
    sizes.held_out = 16;
    return sizes;
}

FormatRun run_named(const BenchOptions& options) {
    if (options.tiny) {
        return {"tiny", strategy_sizes(true)};
    }
    const std::vector<FormatRun>& runs = format_runs();
    const auto named = std::find_if(runs.begin(), runs.end(), [&](const FormatRun& run) {
        return run.name == options.parameters;
    });
    return named == runs.end() ? runs.front() : *named;
}

// What the round is called in the rows; "" where nothing is taken.
std::string name_of_round(uint32_t round, uint32_t rounds) {
    if (round == rounds - 1) {
        return "late";
    }
    if (round == 1) {
        return "early";
    }
    return round == rounds / 2 ? "middle" : "";
}

std::vector<float> owed_by(const CompressorInput& input) {
    const auto beta = static_cast<float>(kFormatBeta);
    std::vector<float> values(input.e.size());
    for (size_t i = 0; i < values.size(); ++i) {
        values[i] = std::fma(beta, input.e[i], input.theta_start[i] - input.theta_end[i]);
    }
    return values;
}

// Takes the samples while a run trains.
class Taker {
public:
    Taker(const StrategySetup& setup, const BenchOptions& options)
        : sizes_(setup.sizes), layout_(setup.model->layout()), options_(options) {}

    void watch(const CompressorInput& input) {
        if (options_.progress) {
            // The other half is the judging.
            options_.progress(0.5 * (input.round * sizes_.peers + input.peer + 1) /
                              (sizes_.rounds * sizes_.peers));
        }
        if (input.peer != 0) {
            return;
        }
        const std::string name = name_of_round(input.round, sizes_.rounds);
        if (!name.empty()) {
            samples_.push_back({name, "all", layout_, owed_by(input), std::move(sent_)});
        }
        sent_ = {};
        if (!name_of_round(input.round + 1, sizes_.rounds).empty()) {
            std::vector<float> values = owed_by(input);
            sent_ = code_values(values, layout_, kFormatKeep);
        }
    }
    std::vector<FormatSample> take() { return std::move(samples_); }

private:
    const StrategySizes& sizes_;
    const ParameterLayout& layout_;
    const BenchOptions& options_;
    SparseUpdate sent_;
    std::vector<FormatSample> samples_;
};

double laplace(CounterRng& rng) {
    const double magnitude = -std::log1p(-rng.unit());
    return rng.below(2) == 0 ? magnitude : -magnitude;
}

double student_t3(CounterRng& rng) {
    double squares = 0;
    for (int i = 0; i < 3; ++i) {
        const double normal = rng.normal();
        squares += normal * normal;
    }
    return rng.normal() / std::sqrt(squares / 3);
}

FormatSample made_sample(const char* name, uint64_t rows, double (*draw)(CounterRng&)) {
    FormatSample sample{name, "all", {}, {}, {}};
    sample.layout.add("made", rows, 256);
    sample.values.resize(sample.layout.value_count());
    CounterRng rng(derive_seed(Digest{}, name));
    for (float& value : sample.values) {
        value = static_cast<float>(1e-3 * draw(rng));
    }
    return sample;
}

}  // namespace

const std::vector<FormatRun>& format_runs() {
    static const std::vector<FormatRun> kRuns = {
        {"1M", run_of(ModelShape{}, 40, 12), 3e-3},
        {"10M", run_of(shape_of(4096, 320, 8, 5, 864), 14, 12), 2e-3},
        {"100M", run_of(shape_of(8192, 768, 15, 4, 2048), 4, 4), 1e-3}};
    return kRuns;
}

Result<std::vector<FormatSample>> real_samples(const BenchOptions& options) {
    const FormatRun run = run_named(options);
    const Result<StrategySetup> setup = strategy_setup(options, run.sizes);
    if (!setup) {
        return setup.error();
    }
    StrategyCase one{"sparseloco", "sparseloco", run.learning_rate};
    one.compression.keep = kFormatKeep;
    one.compression.beta = kFormatBeta;
    Taker taker(*setup, options);
    const Result<StrategyOutcome> outcome =
        run_strategy(*setup, one, 0, [&](const CompressorInput& input) { taker.watch(input); });
    if (!outcome) {
        return outcome.error();
    }
    return taker.take();
}

std::vector<FormatSample> made_samples(bool tiny) {
    const uint64_t rows = tiny ? 64 : 4096;
    std::vector<FormatSample> samples;
    samples.push_back(made_sample("gaussian", rows, [](CounterRng& rng) { return rng.normal(); }));
    samples.push_back(made_sample("laplace", rows, laplace));
    samples.push_back(made_sample("student_t3", rows, student_t3));
    return samples;
}

}  // namespace assay
