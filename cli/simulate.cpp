// `assay simulate`: whole runs in one thread from one seed, with faults and adversaries.

#include <charconv>
#include <cstdio>
#include <utility>

#include "adversaries/strategy_table.h"
#include "cli/commands.h"
#include "cli/kept_memory.h"
#include "cli/progress.h"
#include "cli/run_settings.h"
#include "cli/soak.h"
#include "simulation/scaled_rules.h"
#include "simulation/simulation.h"

namespace assay {

namespace {

constexpr int64_t kRounds = 20;
constexpr int64_t kSoakRounds = 200000;
constexpr size_t kCheatsMax = 200;

struct SimulateCommand {
    std::string config;
    std::string set;
    int64_t seed = 1;
    int64_t seeds = 1;
    int64_t rounds = 0;
    int64_t peers = 4;
    std::string cheats;
    int64_t loss_percent = 5;
    int64_t crash_permille = 0;
    bool soak = false;
};

// NAME or NAME:N, of N keys; without N as many as the strategy is played by.
Status add_cheat(const std::string& text, uint32_t honest, std::vector<std::string>& cheats) {
    const size_t colon = text.find(':');
    const std::string name = text.substr(0, colon);
    const CheatStrategy* strategy = find_cheat_strategy(name);
    if (strategy == nullptr) {
        return fail("--adversary: there is no strategy `" + name + "`");
    }
    uint32_t keys = keys_of(*strategy, honest);
    if (colon != std::string::npos) {
        const std::string number = text.substr(colon + 1);
        const char* end = number.data() + number.size();
        const auto read = std::from_chars(number.data(), end, keys);
        if (read.ec != std::errc() || read.ptr != end || keys == 0 || keys > kCheatsMax) {
            return fail("--adversary " + text + ": expected NAME:N with N from 1 to " +
                        std::to_string(kCheatsMax));
        }
    }
    cheats.insert(cheats.end(), keys, name);
    return {};
}

Result<std::vector<std::string>> split_cheats(std::string rest, uint32_t honest) {
    std::vector<std::string> cheats;
    if (rest == "all") {
        for (const CheatStrategy& strategy : cheat_strategies()) {
            if (strategy.keys == Keys::kOne) {
                cheats.emplace_back(strategy.name);
            }
        }
        return cheats;
    }
    while (!rest.empty()) {
        const std::string one = rest.substr(0, rest.find(','));
        rest.erase(0, one.size() + 1);
        if (Status added = add_cheat(one, honest, cheats); !added) {
            return added.error();
        }
    }
    if (cheats.size() > kCheatsMax) {
        return fail("--adversary: " + std::to_string(cheats.size()) + " keys, at most " +
                    std::to_string(kCheatsMax));
    }
    return cheats;
}

Result<SimulationOptions> options_of(const SimulateCommand& command) {
    SimulationOptions options;
    options.peers = static_cast<uint32_t>(command.peers);
    Result<std::vector<std::string>> cheats = split_cheats(command.cheats, options.peers);
    if (!cheats) {
        return cheats.error();
    }
    options.attacks = *cheats;
    options.rounds = static_cast<uint64_t>(command.rounds > 0 ? command.rounds : kRounds);
    if (command.config.empty() && !command.set.empty()) {
        return fail("--set changes settings of a run file: name one with --config");
    }
    if (!command.config.empty()) {
        Result<RunConfig> config = read_run_settings(command.config, command.set);
        if (!config) {
            return config.error();
        }
        if (command.peers < config->rounds.peers_min) {
            return fail("--peers " + std::to_string(command.peers) +
                        ": a round of this run waits "
                        "for " +
                        std::to_string(config->rounds.peers_min) + " (rounds.peers_min)");
        }
        options.rounds =
            static_cast<uint64_t>(command.rounds > 0 ? command.rounds : config->rounds.rounds);
        options.config = std::move(*config);
    }
    options.faults.loss = static_cast<double>(command.loss_percent) / 100;
    options.coordinator_crash = static_cast<double>(command.crash_permille) / 1000;
    return options;
}

// A soak draws all but its seed and its length.
std::string given_beside_soak(const SimulateCommand& command) {
    const SimulateCommand usual;
    const std::pair<const char*, bool> options[] = {
        {"--config", command.config != usual.config},
        {"--set", command.set != usual.set},
        {"--seeds", command.seeds != usual.seeds},
        {"--peers", command.peers != usual.peers},
        {"--adversary", command.cheats != usual.cheats},
        {"--loss", command.loss_percent != usual.loss_percent},
        {"--crash", command.crash_permille != usual.crash_permille}};
    for (const auto& [flag, given] : options) {
        if (given) {
            return flag;
        }
    }
    return "";
}

int soak_command(const SimulateCommand& command) {
    if (const std::string flag = given_beside_soak(command); !flag.empty()) {
        std::fprintf(
            stderr, "assay: --soak draws everything from --seed: leave %s out\n", flag.c_str());
        return kExitUsage;
    }
    return run_soak(static_cast<uint64_t>(command.seed),
                    static_cast<uint64_t>(command.rounds > 0 ? command.rounds : kSoakRounds));
}

int simulate(const SimulateCommand& command) {
    keep_freed_memory();
    if (command.soak) {
        return soak_command(command);
    }
    Result<SimulationOptions> options = options_of(command);
    if (!options) {
        std::fprintf(stderr, "assay: %s\n", options.reason().c_str());
        return kExitUsage;
    }
    int failures = 0;
    ProgressBar bar("simulate");
    for (int64_t i = 0; i < command.seeds; ++i) {
        options->seed = static_cast<uint64_t>(command.seed + i);
        options->progress = [&](double part) {
            bar.show((static_cast<double>(i) + part) / static_cast<double>(command.seeds));
        };
        const SimulationReport report = run_simulation(*options);
        std::printf("%s\n", describe(report).c_str());
        failures += report.ok ? 0 : 1;
    }
    bar.done();
    return failures == 0 ? kExitOk : kExitVerification;
}

std::string cheat_help() {
    std::string help = "cheats, separated by commas, each NAME or NAME:N of N keys; or all: ";
    for (const CheatStrategy& strategy : cheat_strategies()) {
        help += std::string(help.back() == ' ' ? "" : ", ") + std::string(strategy.name);
    }
    return help;
}

}  // namespace

void add_simulate(CommandLine& line) {
    static SimulateCommand command;
    line.add("simulate",
             "Run whole training jobs in one thread, with faults and cheats, from a seed",
             "assay simulate --seed 7 --rounds 100 --peers 4 --adversary lazy,sign_flip:2\n"
             "  assay simulate --config configs/small.toml --rounds 60 --adversary parasite_clique",
             [] { return simulate(command); })
        .text("--config", command.config, "run file (TOML): its rules instead of the toy's own")
        .text("--set", command.set, kSetHelp)
        .number("--seed", command.seed, 0, INT64_MAX / 2, "the same seed gives the same run")
        .number("--seeds", command.seeds, 1, 1000000, "runs, with seeds counted up from --seed")
        .number("--rounds",
                command.rounds,
                0,
                1000000,
                "rounds of a run; 0: 20, or as many as the run file says; of a soak: in all, 0: "
                "200000")
        .number("--peers", command.peers, 2, 256, "honest peers")
        .text("--adversary", command.cheats, cheat_help())
        .number("--loss", command.loss_percent, 0, 90, "percent of messages that get lost")
        .number("--crash",
                command.crash_permille,
                0,
                500,
                "chance in 1000 that the coordinator dies before an action")
        .toggle("--soak",
                command.soak,
                "run after run with everything drawn: cheats, crashes, durations, peers that come "
                "and go; ends with 0 if every invariant held")
        .remark(kScaledHelp);
}

}  // namespace assay
