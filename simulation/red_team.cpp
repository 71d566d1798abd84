#include "simulation/red_team.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "configs/entry_price.h"
#include "core/check.h"
#include "simulation/simulation.h"

namespace assay {

namespace {

constexpr double kNormal = 1.959964;  // of a two-sided 95 %

// Quantile of Student's t for 95 %: Hill's expansion about the normal one, to 1 % from 3 on.
double student(size_t degrees) {
    if (degrees == 1) {
        return 12.706;
    }
    if (degrees == 2) {
        return 4.303;
    }
    const double z = kNormal;
    const auto n = static_cast<double>(degrees);
    const double first = (z * z * z + z) / 4;
    const double second = (5 * std::pow(z, 5) + 16 * std::pow(z, 3) + 3 * z) / 96;
    const double third =
        (3 * std::pow(z, 7) + 19 * std::pow(z, 5) + 17 * std::pow(z, 3) - 15 * z) / 384;
    return z + first / n + second / (n * n) + third / (n * n * n);
}

// Of all runs with one strategy, until they are drawn together into a row.
struct Gathered {
    std::vector<double> profits;
    std::vector<double> paid;
    double came = 0;
    std::vector<double> damages;
    std::vector<double> others;
    std::vector<uint64_t> lasted;        // of the keys that were ejected
    uint64_t keys = 0;                   // that came
    std::map<uint64_t, uint64_t> alive;  // behind so many rounds, of `seen`
    std::map<uint64_t, uint64_t> seen;
    double work = 0;
    double vested = 0;
    double fair = 0;  // of the rounds until the end of the run, had it stayed
    double expected = 0;
    uint64_t found = 0;
    std::vector<double> round_ms;  // of each run that had two rounds
};

SimulationOptions run_options(const RedTeamOptions& options, uint64_t run) {
    SimulationOptions one;
    one.seed = options.seed + run;
    one.rounds = red_team_rounds(options.config);
    one.peers = options.honest;
    one.config = options.config;
    one.until_ejected = true;
    one.luck = true;
    return one;
}

// What came of the keys of one machine or clique in a run.
void gather_cheat(const SimulatedPeer& peer, uint64_t rounds, Gathered& all, RedTeamRow& row) {
    const CheatTally& tally = peer.cheat;
    row.committed += tally.committed;
    row.cheated += tally.cheated;
    all.found += tally.found;
    all.expected += tally.expected;
    all.work += tally.work;
    if (!peer.came_in) {
        return;
    }
    ++all.keys;
    const uint64_t until = peer.ejected_in.value_or(rounds);
    const uint64_t lived = until - std::min(until, *peer.came_in);
    if (peer.ejected_in) {
        all.lasted.push_back(lived);
    }
    for (const uint64_t behind : kSurvival) {
        if (peer.ejected_in || lived >= behind) {
            ++all.seen[behind];
            all.alive[behind] += !peer.ejected_in || lived > behind ? 1 : 0;
        }
    }
}

void gather_honest(const SimulationReport& report, Gathered& all, RedTeamRow& row) {
    double earned = 0;
    double fair = 0;
    for (const SimulatedPeer& peer : report.peers) {
        if (peer.attack.empty()) {
            earned += static_cast<double>(peer.vested + peer.unvested + peer.deposit);
            fair += peer.cheat.fair;
            row.taken += peer.forfeited;
        }
    }
    if (fair > 0) {
        all.others.push_back(earned / fair);
    }
}

// The part of what was learned until then that is missing, against the same seed without a cheat.
void gather_damage(const SimulationReport& report,
                   const std::map<uint64_t, std::vector<float>>& honest,
                   Gathered& all) {
    const auto same = honest.find(report.seed);
    if (same == honest.end() || report.losses.empty()) {
        return;
    }
    const size_t at = std::min(report.losses.size(), same->second.size()) - 1;
    const double learned = static_cast<double>(report.loss_first - same->second[at]);
    if (learned > 0) {
        all.damages.push_back(static_cast<double>(report.losses[at] - same->second[at]) / learned);
    }
}

void gather_run(const SimulationReport& report,
                size_t honest_peers,
                uint64_t run_rounds,
                Gathered& all,
                RedTeamRow& row) {
    ++row.runs;
    row.rounds += report.rounds;
    if (report.round_ms > 0) {
        all.round_ms.push_back(report.round_ms);
    }
    double gained = 0;
    double worth = 0;
    double fair = 0;
    uint64_t committed = 0;
    ASSAY_CHECK_LE(honest_peers, report.peers.size());
    const auto came = static_cast<double>(report.peers.size() - honest_peers);
    all.came += came;
    for (size_t i = honest_peers; i < report.peers.size(); ++i) {
        const SimulatedPeer& peer = report.peers[i];
        gather_cheat(peer, report.rounds, all, row);
        gained += static_cast<double>(peer.vested);
        worth += static_cast<double>(peer.vested) - peer.cheat.cost;
        fair += peer.cheat.fair;
        committed += peer.cheat.committed;
    }
    const bool worked = committed > 0 && fair > 0;
    const double a_round = worked ? fair / static_cast<double>(committed) : 1;
    all.profits.push_back(worked ? worth / a_round / row.keys : 0);
    all.paid.push_back(all.profits.back() - row.entry * came / row.keys);
    all.vested += gained;
    all.fair += worked ? a_round * static_cast<double>(run_rounds) * row.keys : 0;
}

void finish_row(const Gathered& all, RedTeamRow& row) {
    const auto rounds = static_cast<double>(std::max<uint64_t>(row.committed, 1));
    row.work = all.work / rounds;
    row.pay = all.fair > 0 ? all.vested / all.fair : 0;
    row.expected = row.cheated > 0 ? all.expected / static_cast<double>(row.cheated) : 0;
    row.found = share_interval(all.found, row.cheated);
    row.profit = mean_interval(all.profits);
    row.paid = mean_interval(all.paid);
    row.came = all.came / static_cast<double>(std::max<uint64_t>(row.runs, 1));
    row.damage = mean_interval(all.damages);
    row.others = mean_interval(all.others);
    row.round_ms = mean_interval(all.round_ms).mean;
    double sum = 0;
    for (const uint64_t lasted : all.lasted) {
        sum += static_cast<double>(lasted);
    }
    const auto out = static_cast<double>(all.lasted.size());
    row.lasted = all.lasted.empty() ? 0 : sum / out;
    row.ejected = all.keys > 0 ? out / static_cast<double>(all.keys) : 0;
    for (const uint64_t behind : kSurvival) {
        const auto seen = all.seen.find(behind);
        const auto alive = all.alive.find(behind);
        row.survival.push_back(seen == all.seen.end() ? std::numeric_limits<double>::quiet_NaN()
                                                      : static_cast<double>(alive->second) /
                                                            static_cast<double>(seen->second));
    }
}

struct Baseline {
    RedTeamRow row;
    std::map<uint64_t, std::vector<float>> losses;  // by seed
};

RedTeamRow measure(const RedTeamOptions& options,
                   const CheatStrategy* strategy,
                   uint32_t keys,
                   Baseline* honest,
                   const std::function<void(double)>& progress) {
    RedTeamRow row;
    row.name = strategy == nullptr ? kHonest : std::string(strategy->name);
    row.does = strategy == nullptr ? "works as it should" : std::string(strategy->does);
    row.keys = keys;
    row.entry = entry_price(options.config, options.hashes_per_second).rounds;
    Gathered all;
    const uint64_t run_rounds = red_team_rounds(options.config);
    for (uint64_t run = 0; row.rounds < options.rounds && row.failure.empty(); ++run) {
        SimulationOptions one = run_options(options, run);
        one.attacks.assign(keys, row.name);
        const SimulationReport report = run_simulation(one);
        if (!report.ok) {
            row.failure = report.failure;
        }
        gather_run(report, options.honest, run_rounds, all, row);
        gather_honest(report, all, row);
        if (honest != nullptr && strategy == nullptr) {
            honest->losses[report.seed] = report.losses;
        } else if (honest != nullptr) {
            gather_damage(report, honest->losses, all);
        }
        progress(static_cast<double>(row.rounds) / static_cast<double>(options.rounds));
    }
    finish_row(all, row);
    return row;
}

// Whether an honest peer lost anything by it: a forfeit, or pay beyond what chance does.
bool harms(const RedTeamRow& row, const RedTeamRow& honest) {
    return row.taken > 0 || (row.others.high < honest.others.low);
}

}  // namespace

Interval mean_interval(const std::vector<double>& values) {
    if (values.empty()) {
        return {};
    }
    double sum = 0;
    for (const double value : values) {
        sum += value;
    }
    const auto count = static_cast<double>(values.size());
    const double mean = sum / count;
    if (values.size() == 1) {
        const double without_end = std::numeric_limits<double>::infinity();
        return {mean, -without_end, without_end};
    }
    double squares = 0;
    for (const double value : values) {
        squares += (value - mean) * (value - mean);
    }
    const double error = std::sqrt(squares / (count - 1) / count);
    const double half = student(values.size() - 1) * error;
    return {mean, mean - half, mean + half};
}

Interval share_interval(uint64_t hits, uint64_t tries) {
    ASSAY_CHECK_LE(hits, tries);
    if (tries == 0) {
        return {0, 0, 1};
    }
    const auto n = static_cast<double>(tries);
    const double share = static_cast<double>(hits) / n;
    const double z2 = kNormal * kNormal;
    const double middle = (share + z2 / (2 * n)) / (1 + z2 / n);
    const double half =
        kNormal / (1 + z2 / n) * std::sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    return {share, std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

uint64_t red_team_rounds(const RunConfig& config) {
    const auto vesting =
        static_cast<uint64_t>(2 * config.pay.vest_rounds + 2 * config.pay.verdict_window + 4);
    return std::min(static_cast<uint64_t>(config.rounds.rounds), std::max<uint64_t>(vesting, 24));
}

const RedTeamRow* RedTeamReport::worst() const {
    const auto most =
        std::max_element(rows.begin(), rows.end(), [](const RedTeamRow& a, const RedTeamRow& b) {
            return a.profit.mean < b.profit.mean;
        });
    return most == rows.end() ? nullptr : &*most;
}

bool RedTeamReport::ok() const {
    return std::all_of(rows.begin(), rows.end(), [](const RedTeamRow& row) { return row.held(); });
}

RedTeamReport run_red_team(const RedTeamOptions& options) {
    RedTeamReport report;
    report.run_rounds = red_team_rounds(options.config);
    std::map<uint32_t, Baseline> baselines;  // by the number of keys
    for (const CheatStrategy* strategy : options.strategies) {
        baselines[keys_of(*strategy, options.honest)];
    }
    baselines[1];
    double done = 0;
    const auto all = static_cast<double>(options.strategies.size() + baselines.size());
    const auto tell = [&](double part) {
        if (options.progress) {
            options.progress((done + std::min(part, 1.0)) / all);
        }
    };
    for (auto& [keys, baseline] : baselines) {
        baseline.row = measure(options, nullptr, keys, &baseline, tell);
        ++done;
    }
    report.honest = baselines.at(1).row;
    for (const CheatStrategy* strategy : options.strategies) {
        const uint32_t keys = keys_of(*strategy, options.honest);
        Baseline& baseline = baselines.at(keys);
        report.rows.push_back(measure(options, strategy, keys, &baseline, tell));
        RedTeamRow& row = report.rows.back();
        row.harms = harms(row, baseline.row);
        row.slowed = baseline.row.round_ms > 0 ? row.round_ms / baseline.row.round_ms : 1;
        ++done;
    }
    return report;
}

}  // namespace assay
