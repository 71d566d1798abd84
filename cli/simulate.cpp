// `assay simulate`: whole runs in one thread from one seed, with faults and adversaries.

#include <algorithm>
#include <cstdio>

#include "adversaries/adversary.h"
#include "cli/commands.h"
#include "simulation/simulation.h"

namespace assay {

namespace {

struct SimulateCommand {
    int64_t seed = 1;
    int64_t seeds = 1;
    int64_t rounds = 20;
    int64_t peers = 4;
    std::string attacks;
    int64_t loss_percent = 5;
    int64_t crash_permille = 0;
};

Result<std::vector<std::string>> split_attacks(const std::string& text) {
    std::vector<std::string> attacks;
    std::string rest = text == "all" ? "" : text;
    if (text == "all") {
        return adversary_names();
    }
    while (!rest.empty()) {
        const std::string one = rest.substr(0, rest.find(','));
        rest.erase(0, one.size() + 1);
        bool known = false;
        for (const std::vector<std::string>* names : {&adversary_names(), &strategy_names()}) {
            known = known || std::find(names->begin(), names->end(), one) != names->end();
        }
        if (!known) {
            return fail("--attacks: there is no attack `" + one + "`");
        }
        attacks.push_back(one);
    }
    return attacks;
}

int simulate(const SimulateCommand& command) {
    Result<std::vector<std::string>> attacks = split_attacks(command.attacks);
    if (!attacks) {
        std::fprintf(stderr, "assay: %s\n", attacks.reason().c_str());
        return kExitUsage;
    }
    int failures = 0;
    for (int64_t i = 0; i < command.seeds; ++i) {
        SimulationOptions options;
        options.seed = static_cast<uint64_t>(command.seed + i);
        options.rounds = static_cast<uint64_t>(command.rounds);
        options.peers = static_cast<uint32_t>(command.peers);
        options.attacks = *attacks;
        options.faults.loss = static_cast<double>(command.loss_percent) / 100;
        options.coordinator_crash = static_cast<double>(command.crash_permille) / 1000;
        const SimulationReport report = run_simulation(options);
        std::printf("%s\n", describe(report).c_str());
        failures += report.ok ? 0 : 1;
    }
    return failures == 0 ? kExitOk : kExitVerification;
}

}  // namespace

void add_simulate(CommandLine& line) {
    static SimulateCommand command;
    line.add("simulate",
             "Run whole training jobs in one thread, with faults and cheats, from a seed",
             "assay simulate --seed 7 --rounds 100 --peers 4 --attacks lazy,sign_flip",
             [] { return simulate(command); })
        .number("--seed", command.seed, 0, INT64_MAX / 2, "the same seed gives the same run")
        .number("--seeds", command.seeds, 1, 1000000, "runs, with seeds counted up from --seed")
        .number("--rounds", command.rounds, 1, 1000000, "rounds of a run")
        .number("--peers", command.peers, 2, 256, "honest peers")
        .text("--attacks",
              command.attacks,
              "cheats, separated by commas; or all. parasite is one that cheats only where p < 1")
        .number("--loss", command.loss_percent, 0, 90, "percent of messages that get lost")
        .number("--crash",
                command.crash_permille,
                0,
                500,
                "chance in 1000 that the coordinator dies before an action");
}

}  // namespace assay
