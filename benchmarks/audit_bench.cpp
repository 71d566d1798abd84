// What checking costs on the wire, and how often honest work is suspected: sizes of openings and of
// audited states at the shapes of two run files, and a simulated honest run at an audit rate of 10
// %.

#include <algorithm>

#include "benchmarks/all_benches.h"
#include "configs/run_config.h"
#include "configs/transfers.h"
#include "core/rng.h"
#include "simulation/simulation.h"
#include "verify/challenge.h"
#include "verify/opening.h"

namespace assay {

namespace {

// As in configs/demo.toml and small.toml, as far as sizes go.
RunConfig demo_sizes() {
    RunConfig config;
    config.model.vocab = 1024;
    config.model.width = 128;
    config.model.layers = 4;
    config.model.heads = 4;
    config.model.kv_heads = 2;
    config.model.head_width = 32;
    config.model.ffn_width = 480;
    config.inner.inner_steps = 12;
    config.inner.sequences_per_step = 4;
    config.verify.audit_steps = 4;
    return config;
}

RunConfig small_sizes() {
    RunConfig config;
    config.model.vocab = 4096;
    config.model.width = 320;
    config.model.layers = 8;
    config.model.heads = 10;
    config.model.kv_heads = 5;
    config.model.head_width = 32;
    config.model.ffn_width = 864;
    config.inner.inner_steps = 20;
    config.inner.sequences_per_step = 16;
    config.verify.audit_steps = 5;
    return config;
}

// Mean over draws, of a peer of median speed in class exact.
double mean_opening_bytes(const RunConfig& config, int draws) {
    const ParameterLayout layout = llama_layout(config.model);
    RoundPlan plan;
    plan.inner_steps = static_cast<uint32_t>(config.inner.inner_steps);
    PlanPeer peer;
    peer.numeric_class = NumericClass::kExact;
    peer.sequences_per_step = static_cast<uint32_t>(config.inner.sequences_per_step);
    double sum = 0;
    for (int draw = 0; draw < draws; ++draw) {
        const Digest beacon = derive_seed({}, "bench draw", {static_cast<uint64_t>(draw)});
        const Challenge challenge =
            draw_challenge(beacon, {}, layout, {}, config.verify, plan.inner_steps, 0);
        sum += static_cast<double>(
            opening_size(opening_shape(plan, peer, layout.tile_count(), challenge)));
    }
    return sum / draws;
}

void add_sizes(const std::string& name, const RunConfig& config, std::vector<BenchRow>& rows) {
    const ParameterLayout layout = llama_layout(config.model);
    rows.push_back({"opening_bytes_" + name,
                    mean_opening_bytes(config, 64) / 1000,
                    "kB",
                    "",
                    0,
                    1,
                    "at most " + std::to_string(opening_bytes_max(config, layout)) + " bytes"});
    rows.push_back({"audit_bytes_" + name,
                    static_cast<double>(audit_bytes_max(config, layout)) / 1e6,
                    "MB",
                    "",
                    0,
                    1,
                    "theta of " + std::to_string(config.verify.audit_steps) +
                        " drawn steps, where a peer is audited"});
}

Result<std::vector<BenchRow>> run_audits(const BenchOptions& options) {
    std::vector<BenchRow> rows;
    add_sizes("demo", demo_sizes(), rows);
    add_sizes("small", small_sizes(), rows);
    SimulationOptions run;
    run.rounds = options.tiny ? 12 : 200;
    run.peers = 3;
    run.vest_rounds = options.tiny ? 4 : 10;
    run.audit_min_ppm = 100000;
    const SimulationReport report = run_simulation(run);
    if (!report.ok) {
        return fail(report.failure);
    }
    const double clear = static_cast<double>(report.verdicts - report.suspicious) /
                         static_cast<double>(std::max<uint64_t>(report.verdicts, 1));
    rows.push_back({"honest_verdicts_clear",
                    100 * clear,
                    "%",
                    "",
                    0,
                    1,
                    std::to_string(report.suspicious) + " of " + std::to_string(report.verdicts) +
                        " suspicious, simulated at p_min 0.1"});
    rows.push_back({"audit_rate",
                    100 * report.audit_rate,
                    "%",
                    "the same without suspicion",
                    report.audit_rate_without_suspicion / report.audit_rate,
                    1,
                    "mean over all plans, newcomers and the last rounds included"});
    return rows;
}

}  // namespace

Bench audit_bench() {
    return {"audits",
            "Bytes of openings and audits; how often honest work is suspected and audited",
            run_audits,
            {},
            false};
}

}  // namespace assay
