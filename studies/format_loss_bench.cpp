// What settings of the update format cost in held-out loss and in bytes, on real training runs.

#include <cstdio>

#include "status/dot_chart.h"
#include "studies/all_studies.h"
#include "studies/loss_sweep.h"

namespace assay {

namespace {

// Dense averaging first: what the others are compared with. Then the default, and around it one
// setting at a time; keep and inner_steps together leave the bytes of the uplink as they are.
const std::vector<const char*>& chosen_words() {
    static const std::vector<const char*> kWords = {
        "strategy=average rate=9e-3 alpha=0.7",
        "strategy=diloco rate=6e-3 alpha=0.5 mu=0.5",
        "beta=0.95,0.9,0.8,0.6",
        "keep=32 inner_steps=5",
        "keep=128 inner_steps=20",
        "keep=32,96,128",
        "mean=per_peer alpha=2,4",
        "clip=off",
        "downlink=dense,8bits,4bits",
        "downlink_keep=256,4096",
        "peers=8,20",
    };
    return kWords;
}

StrategySizes sizes_of(const BenchOptions& options) {
    return options.parameters == "1M" && !options.tiny ? demo_strategy_sizes()
                                                       : strategy_sizes(options.tiny);
}

Result<std::vector<SweepCase>> cases_of(const BenchOptions& options) {
    const StrategySizes sizes = sizes_of(options);
    if (!options.vary.empty()) {
        return sweep_cases(options.vary, sizes);
    }
    std::vector<SweepCase> all;
    for (const char* words : chosen_words()) {
        Result<std::vector<SweepCase>> cases = sweep_cases(words, sizes);
        if (!cases) {
            return cases.error();
        }
        all.insert(all.end(), cases->begin(), cases->end());
    }
    all.resize(options.tiny ? 4 : all.size());
    return all;
}

std::vector<BenchRow> rows_of(const BenchOptions& options,
                              const SweepCase& one,
                              const StrategyOutcome& mean,
                              const BenchRow* first,
                              const std::string& note) {
    const StrategySizes& sizes = one.sizes;
    const double tokens = double{1} * sizes.inner_steps * sizes.sequences * sizes.sequence_tokens;
    char bytes[128];
    std::snprintf(bytes,
                  sizeof(bytes),
                  "%.0f up and %.0f down a peer and round, %.2f bits a value sent",
                  mean.bytes_up,
                  mean.bytes_down,
                  mean.bits);
    return {{one.one.name + " loss",
             mean.loss,
             "nats/token",
             first == nullptr ? "" : first->name,
             first == nullptr ? 0 : first->value / mean.loss,
             options.threads,
             note},
            {one.one.name + " bytes",
             (mean.bytes_up + mean.bytes_down) / tokens,
             "bytes/token",
             "",
             0,
             options.threads,
             bytes}};
}

Result<std::vector<BenchRow>> run_format_loss(const BenchOptions& options) {
    const Result<std::vector<SweepCase>> cases = cases_of(options);
    if (!cases) {
        return cases.error();
    }
    Result<StrategySetup> setup = strategy_setup(options, sizes_of(options));
    if (!setup) {
        return setup.error();
    }
    const StrategySeeds seeds{static_cast<uint64_t>(options.first_seed),
                              options.tiny ? 1 : options.seeds};
    std::vector<BenchRow> rows;
    for (const SweepCase& one : *cases) {
        setup->sizes = one.sizes;
        std::string note;
        const Result<StrategyOutcome> mean = run_seeds(*setup, one.one, seeds, note);
        if (!mean) {
            return fail(one.one.name + ": " + mean.reason());
        }
        const std::vector<BenchRow> more =
            rows_of(options, one, *mean, rows.empty() ? nullptr : rows.data(), note);
        rows.insert(rows.end(), more.begin(), more.end());
        tell(options, static_cast<double>(rows.size()) / static_cast<double>(2 * cases->size()));
    }
    return rows;
}

// Loss beside bytes, a line a case.
std::string plot(const std::vector<BenchRow>& rows) {
    DotPanel loss{"Held-out loss", "nats/token", {}};
    DotPanel bytes{"Bytes up and down", "bytes/token", {}};
    bytes.logarithmic = true;
    for (size_t i = 0; i + 1 < rows.size(); i += 2) {
        const std::string name = rows[i].name.substr(0, rows[i].name.rfind(' '));
        loss.lines.push_back({name, {rows[i].value}});
        bytes.lines.push_back({name, {rows[i + 1].value}});
    }
    return dot_chart_svg(
        {"Loss against bytes at equal tokens", {"mean of the seeds"}, {loss, bytes}});
}

}  // namespace

Bench format_loss_bench() {
    Bench bench{"format_loss",
                "Held-out loss and bytes a token of settings of the format, or of those of --vary",
                run_format_loss};
    bench.sweeps = true;
    bench.parameters = {"1M"};
    bench.plot = plot;
    return bench;
}

}  // namespace assay
