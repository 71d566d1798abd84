// `assay risk`: what a run file promises of cheats and costs, before a round is run.

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/run_settings.h"
#include "configs/entry_price.h"
#include "configs/risk_figures.h"
#include "rounds/round_plan.h"
#include "rounds/run_rules.h"

namespace assay {

namespace {

struct RiskCommand {
    std::string config;
    std::string set;
    int64_t peers = 0;
    int64_t hash_rate = kHashRate;
    bool json = false;
};

// The first rounds, then each doubling, then full escrow.
std::vector<TenureRisk> shown_tenures(const RiskFigures& figures) {
    std::vector<TenureRisk> shown;
    const std::vector<TenureRisk>& all = figures.tenures;
    for (size_t i = 0; i + 1 < all.size(); i = i < 3 ? i + 1 : i * 2) {
        shown.push_back(all[i]);
    }
    shown.push_back(all.back());
    return shown;
}

void print_tenures(const RiskFigures& figures) {
    std::printf(
        "A peer of so many counted rounds: how often it is audited (p), what a proven cheat "
        "loses\nbeside the round's reward, how surely false steps are found, and the cheat "
        "worth most (c = r).\n\n");
    std::printf("%7s %7s %9s %9s %9s   %s\n",
                "rounds",
                "p %",
                "at stake",
                "1 false",
                "all false",
                "skip so many steps: found, worth in honest rounds");
    for (const TenureRisk& risk : shown_tenures(figures)) {
        std::printf("%7llu %7.2f %9.2f %8.2f%% %8.2f%%   %u of %u: %.2f %%, %+.3f\n",
                    static_cast<unsigned long long>(risk.rounds),
                    100 * risk.audited,
                    risk.at_stake,
                    100 * risk.found_once,
                    100 * risk.found_all,
                    risk.best_skip,
                    figures.half.inner_steps,
                    100 * risk.found,
                    risk.value);
    }
}

// Of a round in which all is sent as slowly as it may be, behind its COMMITs.
double seconds_held(const RunConfig& config) {
    constexpr uint64_t kSamples = uint64_t{1} << 20;  // any number does
    const RoundRules rules = round_rules(config, {}, kSamples);
    RoundPlan plan;
    PlanPeer audited;
    audited.numeric_class = numeric_class_of(config.inner);
    audited.audit_ppm = 1;
    plan.peers.push_back(audited);
    plan.opening_time = rules.deadlines.transfer_floor;
    plan.payload_deadline = plan.commit_deadline + rules.deadlines.transfer_floor;
    return static_cast<double>(longest_round(rules, plan).ms) / 1e3;
}

bool pays(const RiskFigures& figures) {
    return std::any_of(figures.tenures.begin(), figures.tenures.end(), [](const TenureRisk& risk) {
        return risk.value > 1e-9;
    });
}

void print_costs(const RunConfig& config, const RiskFigures& figures) {
    const double mb = 1e6;
    std::printf("\nmean audit rate of a run of %lld rounds: %.2f %%\n",
                static_cast<long long>(config.rounds.rounds),
                100 * figures.mean_audited);
    std::printf(
        "who skips half of its steps, at the lowest rate alone, lives through %u verdicts: %.2g\n",
        figures.half.audits,
        figures.half.probability);
    std::printf(
        "checking, part of what %llu peers train: gates and shares %.1f %%, audits %.1f %%\n",
        static_cast<unsigned long long>(figures.peers),
        100 * figures.gates,
        100 * figures.audits);
    std::printf(
        "a peer sends a round at most %.2f MB of payload, %.2f MB of openings, %.1f MB more "
        "where\naudited; %.2f MB in the mean\n",
        static_cast<double>(figures.payload) / mb,
        static_cast<double>(figures.opening) / mb,
        static_cast<double>(figures.audit) / mb,
        figures.sent / mb);
    std::printf("and fetches %.2f MB; its disk needs %.2f GB\n",
                static_cast<double>(figures.received) / mb,
                figures.disk / 1e9);
    std::printf(
        "on the slowest link that is waited for (%.2f MB/s) sending takes %.1f s, audited "
        "%.1f s\n",
        static_cast<double>(config.rounds.least_uplink_bytes_per_second) / mb,
        figures.seconds_up,
        figures.seconds_audited);
    std::printf(
        "behind its COMMITs a round is held for %.0f s at most, however many peers are that slow\n",
        seconds_held(config));
}

void print_entry(const EntryPrice& price, int64_t hash_rate) {
    if (price.hashes == 0) {
        std::printf("a new key pays nothing for its entry (rounds.entry_work_bits = 0)\n");
        return;
    }
    std::printf(
        "a new key pays %.4g million hashes for its entry: %.3g s at %.4g million a second, or "
        "%.3g honest\nrounds\n",
        price.hashes / 1e6,
        price.seconds,
        static_cast<double>(hash_rate) / 1e6,
        price.rounds);
}

std::string risk_json(const RunConfig& config,
                      const RiskFigures& figures,
                      const EntryPrice& entry) {
    nlohmann::json tenures = nlohmann::json::array();
    for (const TenureRisk& risk : figures.tenures) {
        tenures.push_back({{"rounds", risk.rounds},
                           {"audited", risk.audited},
                           {"at_stake_rewards", risk.at_stake},
                           {"found_one_false_step", risk.found_once},
                           {"found_all_false", risk.found_all},
                           {"best_skip", risk.best_skip},
                           {"found", risk.found},
                           {"value_rounds", risk.value}});
    }
    return nlohmann::json({{"run", config.run.name},
                           {"peers", figures.peers},
                           {"inner_steps", figures.half.inner_steps},
                           {"audit_steps", figures.half.audit_steps},
                           {"tenures", tenures},
                           {"mean_audited", figures.mean_audited},
                           {"half_lazy_survival", figures.half.probability},
                           {"verdicts_before_vesting", figures.half.audits},
                           {"gates_of_training", figures.gates},
                           {"audits_of_training", figures.audits},
                           {"payload_bytes_max", figures.payload},
                           {"opening_bytes_max", figures.opening},
                           {"audit_bytes_max", figures.audit},
                           {"sent_bytes_mean", figures.sent},
                           {"received_bytes_max", figures.received},
                           {"disk_bytes", figures.disk},
                           {"seconds_up", figures.seconds_up},
                           {"seconds_up_audited", figures.seconds_audited},
                           {"seconds_held", seconds_held(config)},
                           {"entry_hashes", entry.hashes},
                           {"entry_seconds", entry.seconds},
                           {"entry_rounds", entry.rounds},
                           {"pays", pays(figures)}})
               .dump(1) +
           "\n";
}

int risk(const RiskCommand& command) {
    const Result<RunConfig> config = read_run_settings(command.config, command.set);
    if (!config) {
        return failed(config.reason());
    }
    const int64_t least = std::max<int64_t>(config->rounds.peers_min, 2);
    const auto peers = static_cast<uint64_t>(command.peers > 0 ? command.peers : least);
    const RiskFigures figures = risk_figures(*config, peers);
    const EntryPrice entry = entry_price(*config, static_cast<double>(command.hash_rate));
    if (command.json) {
        std::fputs(risk_json(*config, figures, entry).c_str(), stdout);
        return pays(figures) ? kExitVerification : kExitOk;
    }
    std::printf(
        "%s, %llu peers\n\n", config->run.name.c_str(), static_cast<unsigned long long>(peers));
    print_tenures(figures);
    print_costs(*config, figures);
    print_entry(entry, command.hash_rate);
    std::printf(pays(figures) ? "\nSKIPPING STEPS PAYS at some tenure: raise pay.audit_min_ppm, "
                                "pay.vest_rounds or verify.audit_steps\n"
                              : "\nskipping steps pays at no tenure\n");
    return pays(figures) ? kExitVerification : kExitOk;
}

}  // namespace

void add_risk(CommandLine& line) {
    static RiskCommand command;
    line.add("risk",
             "Say before a run what cheating in it is worth, and what checking costs",
             "assay risk --config configs/small.toml --peers 8",
             [] { return risk(command); })
        .required("--config", command.config, "run file (TOML)")
        .text("--set", command.set, kSetHelp)
        .number("--peers",
                command.peers,
                0,
                1024,
                "peers of the run; 0: rounds.peers_min, two at least")
        .number("--hash-rate", command.hash_rate, 1, 1000000000000000, kHashRateHelp)
        .toggle("--json", command.json, "all figures, as JSON")
        .remark(
            "Closed form, of a peer that is honest but for the round in question and answers "
            "its challenges. What whole runs make of other ways of cheating is measured by "
            "`assay bench redteam`. Ends with 0 if skipping steps pays at no tenure, else "
            "with 3.");
}

}  // namespace assay
