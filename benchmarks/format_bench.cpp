// Why the update format is what it is: what other codings, values and selections cost or keep, on
// what the compressor sees in a real training run (early, middle, late) and on made values.

#include <cmath>

#include "benchmarks/all_benches.h"
#include "benchmarks/format_costs.h"
#include "benchmarks/strategy_run.h"
#include "compression/error_feedback.h"
#include "core/rng.h"

namespace assay {

namespace {

constexpr uint32_t kKeep = 64;
constexpr double kBeta = 0.95;

// 1.07 M parameters, or the smallest that trains.
StrategySizes sizes_of(bool tiny) {
    StrategySizes sizes = strategy_sizes(tiny);
    if (!tiny) {
        sizes.shape = ModelShape{};
        sizes.peers = 2;
        sizes.sequences = 4;
        sizes.rounds = 12;
        sizes.held_out = 16;
    }
    return sizes;
}

// a = beta e + d of the first peer in the second, the middle and the last round.
Result<std::vector<FormatSample>> real_samples(const BenchOptions& options) {
    const Result<StrategySetup> setup = strategy_setup(options, sizes_of(options.tiny));
    if (!setup) {
        return setup.error();
    }
    const uint32_t rounds = setup->sizes.rounds;
    std::vector<FormatSample> samples;
    const auto take = [&](const char* name, const CompressorInput& input) {
        FormatSample sample{name, "all", setup->model->layout(), {}};
        sample.values.resize(input.e.size());
        for (size_t i = 0; i < input.e.size(); ++i) {
            sample.values[i] = std::fma(
                static_cast<float>(kBeta), input.e[i], input.theta_start[i] - input.theta_end[i]);
        }
        samples.push_back(std::move(sample));
    };
    const auto watch = [&](const CompressorInput& input) {
        if (input.peer != 0) {
            return;
        }
        if (input.round == rounds - 1) {
            take("late", input);
        } else if (input.round == 1) {
            take("early", input);
        } else if (input.round == rounds / 2) {
            take("middle", input);
        }
    };
    StrategyCase one{"sparseloco", "sparseloco", 3e-3};
    one.compression.beta = kBeta;
    const Result<StrategyOutcome> outcome = run_strategy(*setup, one, 0, watch);
    return outcome ? Result<std::vector<FormatSample>>(std::move(samples))
                   : Result<std::vector<FormatSample>>(outcome.error());
}

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
    FormatSample sample{name, "all", {}, {}};
    sample.layout.add("made", rows, 256);
    sample.values.resize(sample.layout.value_count());
    CounterRng rng(derive_seed(Digest{}, name));
    for (float& value : sample.values) {
        value = static_cast<float>(1e-3 * draw(rng));
    }
    return sample;
}

SparseUpdate update_of(const FormatSample& sample) {
    std::vector<float> values = sample.values;
    return code_values(values, sample.layout, kKeep);
}

class Rows {
public:
    void add(const std::string& name, double value, const char* unit) {
        rows_.push_back({name, value, unit, "", 0, 1, ""});
    }
    void add_bits(const FormatSample& sample) {
        const SparseUpdate update = update_of(sample);
        const IndexBits bits = index_bits(update, sample.layout, kKeep);
        const std::string at = sample.name + "." + sample.kind + ".";
        constexpr const char* kUnit = "bits/value";
        add(at + "all", current_bits(update, sample.layout, kKeep), kUnit);
        add(at + "indices", bits.current, kUnit);
        add(at + "indices_rice5", bits.rice5, kUnit);
        add(at + "indices_rice_adaptive", bits.rice_adaptive, kUnit);
        add(at + "indices_elias_fano", bits.elias_fano, kUnit);
        add(at + "indices_enumerative", bits.enumerative, kUnit);
        add(at + "indices_gap_entropy", bits.gap_entropy, kUnit);
    }
    // Of what is kept, the share of the energy that the codes lose.
    void add_values(const FormatSample& sample) {
        const SparseUpdate update = update_of(sample);
        const std::vector<std::pair<const char*, ValueCoding>> codings = {
            {"1_bit", {1, Split::kMean, false, {}}},
            {"2_bits_own", {2, Split::kOutliers, false, {}}},
            {"2_bits_mean", {2, Split::kMean, false, {}}},
            {"2_bits_median", {2, Split::kMedian, false, {}}},
            {"2_bits_lloyd", {2, Split::kLloyd, false, {}}},
            {"3_bits_lloyd", {3, Split::kLloyd, false, {}}},
            {"1_bit_a_tensor", {1, Split::kMean, true, {}}},
            {"2_bits_lloyd_a_tensor", {2, Split::kLloyd, true, {}}},
            {"own_fp16", {2, Split::kOutliers, false, to_fp16}},
            {"own_bf16", {2, Split::kOutliers, false, to_bf16}},
            {"own_scale12", {2, Split::kOutliers, false, to_scale12}},
            {"own_log8", {2, Split::kOutliers, false, to_log8}}};
        for (const auto& [name, coding] : codings) {
            const ValueQuality quality = value_quality(sample, update, coding);
            add(sample.name + ".lost." + name, quality.lost, "of kept");
            add(sample.name + ".cosine." + name, quality.cosine, "cosine");
        }
    }
    void add_selections(const FormatSample& sample) {
        const std::string at = sample.name + ".kept.";
        for (const uint32_t keep : {32U, 64U, 128U}) {
            const std::string k = std::to_string(keep);
            add(at + "rows_" + k, energy_kept(sample, Selection::kRows, keep), "of energy");
            add(at + "blocks_" + k, energy_kept(sample, Selection::kBlocks, keep), "of energy");
            add(at + "spread_" + k, energy_kept(sample, Selection::kSpread, keep), "of energy");
        }
    }
    std::vector<BenchRow> take() { return std::move(rows_); }

private:
    std::vector<BenchRow> rows_;
};

Result<std::vector<BenchRow>> run_format(const BenchOptions& options) {
    Result<std::vector<FormatSample>> samples = real_samples(options);
    if (!samples) {
        return samples.error();
    }
    Rows rows;
    for (const FormatSample& sample : *samples) {
        for (const char* kind : {"embedding", "attention", "mlp", "norm"}) {
            rows.add_bits(only_kind(sample, kind));
        }
    }
    const uint64_t made_rows = options.tiny ? 64 : 4096;
    samples->push_back(
        made_sample("gaussian", made_rows, [](CounterRng& rng) { return rng.normal(); }));
    samples->push_back(made_sample("laplace", made_rows, laplace));
    samples->push_back(made_sample("student_t3", made_rows, student_t3));
    for (const FormatSample& sample : *samples) {
        rows.add_bits(sample);
        rows.add_values(sample);
        rows.add_selections(sample);
    }
    return rows.take();
}

}  // namespace

Bench format_bench() {
    return {"format",
            "Bits, error and energy kept of the update format beside other codings",
            run_format};
}

}  // namespace assay
