// `assay bench redteam`: what each way of cheating earns under a run file's rules.

#include "simulation/red_team.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/kept_memory.h"
#include "cli/progress.h"
#include "cli/run_settings.h"
#include "configs/entry_price.h"
#include "core/files.h"
#include "simulation/scaled_rules.h"

namespace assay {

namespace {

struct RedTeamCommand {
    std::string config;
    std::string set;
    std::string strategies = "all";
    std::string json_file;
    int64_t rounds = 1000;
    int64_t peers = 4;
    int64_t seed = 1;
    int64_t hash_rate = kHashRate;
};

Result<std::vector<const CheatStrategy*>> chosen_strategies(std::string rest) {
    std::vector<const CheatStrategy*> chosen;
    if (rest == "all") {
        for (const CheatStrategy& strategy : cheat_strategies()) {
            chosen.push_back(&strategy);
        }
        return chosen;
    }
    while (!rest.empty()) {
        const std::string one = rest.substr(0, rest.find(','));
        rest.erase(0, one.size() + 1);
        const CheatStrategy* strategy = find_cheat_strategy(one);
        if (strategy == nullptr) {
            return fail("--strategies: there is no strategy `" + one + "`");
        }
        chosen.push_back(strategy);
    }
    return chosen.empty() ? fail("--strategies: names none")
                          : Result<std::vector<const CheatStrategy*>>(chosen);
}

Result<RedTeamOptions> options_of(const RedTeamCommand& command) {
    RedTeamOptions options;
    Result<RunConfig> config = command.config.empty()
                                   ? changed_defaults(command.set)
                                   : read_run_settings(command.config, command.set);
    if (!config) {
        return config.error();
    }
    if (command.peers < config->rounds.peers_min) {
        return fail("--peers " + std::to_string(command.peers) +
                    ": a round of this run waits for " + std::to_string(config->rounds.peers_min) +
                    " (rounds.peers_min)");
    }
    Result<std::vector<const CheatStrategy*>> chosen = chosen_strategies(command.strategies);
    if (!chosen) {
        return chosen.error();
    }
    options.config = std::move(*config);
    options.rounds = static_cast<uint64_t>(command.rounds);
    options.seed = static_cast<uint64_t>(command.seed);
    options.honest = static_cast<uint32_t>(command.peers);
    options.hashes_per_second = static_cast<double>(command.hash_rate);
    options.strategies = std::move(*chosen);
    return options;
}

void print_row(const RedTeamRow& row) {
    std::printf(
        "%-15s %5.1f %5.1f %5.1f %5.1f [%5.1f,%5.1f] %5llu %5.1f %7.2f [%6.2f,%6.2f] %5.1f %4.1f\n",
        row.name.c_str(),
        100 * row.work,
        100 * row.pay,
        100 * row.expected,
        100 * row.found.mean,
        100 * row.found.low,
        100 * row.found.high,
        static_cast<unsigned long long>(row.cheated),
        row.lasted,
        row.profit.mean,
        row.profit.low,
        row.profit.high,
        100 * row.damage.mean,
        row.slowed);
}

// Each strategy with keys that cost nothing, and with what the run asks of a new key.
void print_paid(const RedTeamReport& report, const RedTeamOptions& options) {
    const EntryPrice price = entry_price(options.config, options.hashes_per_second);
    if (price.hashes == 0) {
        std::printf("\na new key pays nothing (rounds.entry_work_bits = 0)\n");
        return;
    }
    std::printf(
        "\na new key pays %.4g million hashes (rounds.entry_work_bits = %lld): %.3g s at %.4g "
        "million a\nsecond, %.3g honest rounds. The profit without and with that:\n\n",
        price.hashes / 1e6,
        static_cast<long long>(options.config.rounds.entry_work_bits),
        price.seconds,
        options.hashes_per_second / 1e6,
        price.rounds);
    std::printf("%-16s %10s %8s %8s   %s\n", "strategy", "keys a run", "without", "with", "95 %");
    const auto print = [](const RedTeamRow& row) {
        std::printf("%-16s %10.1f %8.2f %8.2f   [%.2f,%.2f]\n",
                    row.name.c_str(),
                    row.came,
                    row.profit.mean,
                    row.paid.mean,
                    row.paid.low,
                    row.paid.high);
    };
    print(report.honest);
    for (const RedTeamRow& row : report.rows) {
        print(row);
    }
}

void print_report(const RedTeamReport& report, const RedTeamOptions& options) {
    std::printf(
        "%s: %zu strategies, each beside %u honest peers, %llu rounds or more in runs of up "
        "to %llu\n\n",
        options.config.run.name.c_str(),
        report.rows.size(),
        options.honest,
        static_cast<unsigned long long>(options.rounds),
        static_cast<unsigned long long>(report.run_rounds));
    std::printf("%-15s %5s %5s %5s %5s %-13s %5s %5s %7s %-15s %5s %4s\n",
                "strategy",
                "work",
                "pay",
                "found",
                "found",
                "  95 %",
                "of n",
                "lasts",
                "profit",
                "  95 %",
                "loss",
                "time");
    std::printf("%-15s %5s %5s %5s %5s %-13s %5s %5s %7s %-15s %5s %4s\n",
                "",
                "%",
                "%",
                "calc.",
                "seen",
                "",
                "",
                "",
                "rounds",
                "",
                "%",
                "x");
    print_row(report.honest);
    for (const RedTeamRow& row : report.rows) {
        print_row(row);
    }
    for (const RedTeamRow& row : report.rows) {
        if (!row.failure.empty()) {
            std::printf("%s: %s\n", row.name.c_str(), row.failure.c_str());
        }
        if (row.pays() || row.harms) {
            std::printf("%s: %s%s\n",
                        row.name.c_str(),
                        row.pays() ? "PAYS. " : "",
                        row.harms ? "Honest peers lose by it." : "");
        }
    }
    print_paid(report, options);
    if (const RedTeamRow* worst = report.worst(); worst != nullptr) {
        std::printf(
            "\nworst: %s, which %s:\n       %.2f honest rounds a key and run, %.2f to %.2f\n",
            worst->name.c_str(),
            worst->does.c_str(),
            worst->profit.mean,
            worst->profit.low,
            worst->profit.high);
    }
}

// What has no finite value is null there.
nlohmann::json json_of(const Interval& interval) {
    return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

nlohmann::json json_of(const RedTeamRow& row) {
    return {{"name", row.name},
            {"does", row.does},
            {"keys", row.keys},
            {"runs", row.runs},
            {"rounds", row.rounds},
            {"committed", row.committed},
            {"work", row.work},
            {"pay", row.pay},
            {"cheated", row.cheated},
            {"found_computed", row.expected},
            {"found", json_of(row.found)},
            {"ejected", row.ejected},
            {"lasted_rounds", row.lasted},
            {"profit_rounds", json_of(row.profit)},
            {"keys_a_run", row.came},
            {"entry_rounds", row.entry},
            {"profit_less_entry_rounds", json_of(row.paid)},
            {"damage_to_loss", json_of(row.damage)},
            {"pay_of_others", json_of(row.others)},
            {"taken_from_others", row.taken},
            {"round_ms", row.round_ms},
            {"round_time_of_honest", row.slowed},
            {"survival", row.survival},
            {"harms", row.harms},
            {"failure", row.failure}};
}

std::string report_json(const RedTeamReport& report, const RedTeamOptions& options) {
    nlohmann::json rows = nlohmann::json::array();
    for (const RedTeamRow& row : report.rows) {
        rows.push_back(json_of(row));
    }
    const RedTeamRow* worst = report.worst();
    return nlohmann::json({{"run", options.config.run.name},
                           {"seed", options.seed},
                           {"honest_peers", options.honest},
                           {"run_rounds", report.run_rounds},
                           {"survival_behind", kSurvival},
                           {"honest", json_of(report.honest)},
                           {"rows", rows},
                           {"worst", worst == nullptr ? "" : worst->name},
                           {"ok", report.ok()}})
               .dump(1) +
           "\n";
}

Status write_report(const RedTeamReport& report,
                    const RedTeamOptions& options,
                    const std::filesystem::path& json_file) {
    Status written = write_file_atomically(json_file, as_bytes(report_json(report, options)));
    if (!written) {
        return written;
    }
    std::filesystem::path picture = json_file;
    picture.replace_extension(".svg");
    return write_file_atomically(picture, as_bytes(red_team_svg(report, options.config.run.name)));
}

int red_team(const RedTeamCommand& command) {
    Result<RedTeamOptions> options = options_of(command);
    if (!options) {
        std::fprintf(stderr, "assay: %s\n", options.reason().c_str());
        return kExitUsage;
    }
    const std::filesystem::path folder = std::filesystem::path(command.json_file).parent_path();
    if (!folder.empty() && !std::filesystem::is_directory(folder)) {
        return failed(command.json_file + ": there is no folder " + folder.string());
    }
    keep_freed_memory();
    ProgressBar bar("redteam");
    options->progress = [&](double part) { bar.show(part); };
    const RedTeamReport report = run_red_team(*options);
    bar.done();
    print_report(report, *options);
    if (!command.json_file.empty()) {
        if (Status written = write_report(report, *options, command.json_file); !written) {
            return failed(written.reason());
        }
    }
    return report.ok() ? kExitOk : kExitVerification;
}

}  // namespace

void add_red_team(CommandLine& line) {
    static RedTeamCommand command;
    line.add("bench redteam",
             "Measure what each way of cheating earns in whole simulated runs",
             "assay bench redteam --config configs/small.toml --rounds 1000 --json redteam.json",
             [] { return red_team(command); })
        .text("--config", command.config, "run file (TOML); default: every setting's own default")
        .text("--set", command.set, kSetHelp)
        .number("--rounds", command.rounds, 1, 10000000, "simulated rounds of a strategy, at least")
        .text("--strategies", command.strategies, "only these, separated by commas")
        .number("--peers", command.peers, 2, 64, "honest peers beside a strategy")
        .number("--hash-rate", command.hash_rate, 1, 1000000000000000, kHashRateHelp)
        .number("--seed", command.seed, 0, INT64_MAX / 2, "the same seed gives the same figures")
        .text(
            "--json", command.json_file, "write the figures there, and a picture beside it (.svg)")
        .remark(
            "work and pay: part of an honest equal's. found: chance that a cheated round is "
            "rejected, computed and seen in n of them, with a 95 % interval. lasts: rounds "
            "until it is let in no more. profit: of a key and run, where a round of work costs "
            "what it is worth, so that honest work has 0. loss: part of what the toy has "
            "learned that is missing then. time: how long a round takes, in those of honest runs "
            "of as many keys. Where a new key pays for its entry, the profit is shown without and "
            "with that. Ends with 0 if no profit lies above 0 with its "
            "interval and no honest peer lost anything by it.")
        .remark(kScaledHelp);
}

}  // namespace assay
