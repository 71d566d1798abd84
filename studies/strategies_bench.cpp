// Held-out loss of the strategies at equal tokens: data-parallel AdamW, plain dense averaging,
// DiLoCo, SparseLoCo.

#include <cstdio>

#include "studies/all_studies.h"
#include "studies/strategy_run.h"

namespace assay {

namespace {

AggregateSettings step(double alpha) {
    AggregateSettings settings;
    settings.alpha = alpha;
    return settings;
}

// Those of configs/demo.toml and small.toml.
StrategyCase sparseloco(double rate, double alpha) {
    CompressionSettings compression;
    compression.keep = 96;
    compression.beta = 0.6;
    return {"sparseloco", "sparseloco", rate, step(alpha), 0, compression};
}

// The best of `assay-studies run strategies_grid` and `format_loss` (docs/log/format.md), on a seed
// that is none of these.
std::vector<StrategyCase> chosen_cases() {
    return {{"ddp", "ddp", 3e-3, step(1.0), 0},
            {"average", "average", 9e-3, step(0.7), 0},
            {"diloco", "diloco", 6e-3, step(0.5), 0.5},
            sparseloco(1e-2, 1.2)};
}

Result<std::vector<BenchRow>> run_strategies(const BenchOptions& options) {
    Result<StrategySetup> setup = strategy_setup(options, strategy_sizes(options.tiny));
    if (!setup) {
        return setup.error();
    }
    const int64_t seeds = options.tiny ? 1 : options.seeds;
    const std::string equal = "data-parallel AdamW at " + std::to_string(setup->sizes.tokens()) +
                              " tokens of " + setup->text.name;
    std::vector<BenchRow> rows;
    double reference = 0;
    for (const StrategyCase& one : chosen_cases()) {
        std::string note;
        const Result<StrategyOutcome> mean = run_seeds(*setup, one, {0, seeds}, note);
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

std::vector<StrategyCase> grid_cases(bool tiny) {
    std::vector<StrategyCase> cases;
    for (const double rate : {3e-3, 6e-3, 9e-3, 1.2e-2}) {
        cases.push_back({"ddp", "ddp", rate, step(1.0), 0});
        cases.push_back({"average", "average", rate, step(0.7), 0});
        cases.push_back({"average", "average", rate, step(1.0), 0});
        cases.push_back(sparseloco(rate, 1.2));
        for (const double momentum : {0.3, 0.5, 0.7, 0.9}) {
            cases.push_back({"diloco", "diloco", rate, step(1 - momentum), momentum});
        }
    }
    cases.resize(tiny ? 4 : cases.size());
    return cases;
}

// One seed, that the comparison does not use.
Result<std::vector<BenchRow>> run_grid(const BenchOptions& options) {
    Result<StrategySetup> setup = strategy_setup(options, strategy_sizes(options.tiny));
    if (!setup) {
        return setup.error();
    }
    std::vector<BenchRow> rows;
    for (const StrategyCase& one : grid_cases(options.tiny)) {
        std::string note;
        const Result<StrategyOutcome> mean = run_seeds(*setup, one, {1000, 1}, note);
        if (!mean) {
            return mean.error();
        }
        char name[80];
        std::snprintf(name,
                      sizeof(name),
                      "%s lr=%g alpha=%g mu=%g",
                      one.name.c_str(),
                      one.learning_rate,
                      one.aggregate.alpha,
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
