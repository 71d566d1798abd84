// What each strategy gets out of a run, measured in whole simulated runs with a run file's rules,
// beside an honest peer in the same place.
//
// A run with one strategy ends two rounds behind the last key that is let in no more, or with the
// run; so many runs are taken that a strategy has as many rounds as were asked for. A round of
// honest work costs what it is worth (c = r): honest work has a profit of about 0.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adversaries/strategy_table.h"
#include "configs/run_config.h"
#include "core/result.h"

namespace assay {

struct RedTeamOptions {
    RunConfig config;
    uint64_t rounds = 1000;  // of a strategy, at least
    uint64_t seed = 1;       // of the first run
    uint32_t honest = 4;
    double hashes_per_second = 1e7;  // of whoever pays for keys (rounds.entry_work_bits)
    std::vector<const CheatStrategy*> strategies;
    std::function<void(double part)> progress;  // of 1; may be empty
};

// A mean, and where the true one lies with 95 %.
struct Interval {
    double mean = 0;
    double low = 0;
    double high = 0;
};

struct RedTeamRow {
    std::string name;
    std::string does;
    uint32_t keys = 1;
    uint64_t runs = 0;
    uint64_t rounds = 0;
    uint64_t committed = 0;  // rounds of its keys
    double work = 0;         // part of the work that was dealt to it
    double pay = 0;          // part of what an honest equal earns until the end of a run
    // Of the rounds in which it cheated.
    uint64_t cheated = 0;
    double expected = 0;  // chance that one is rejected, computed
    Interval found;       // the same, measured
    double ejected = 0;   // part of the keys
    double lasted = 0;    // rounds until that, mean
    Interval profit;      // of a key and run, in honest rounds, if a new key costs nothing
    double came = 0;      // keys that asked to be let in, of a run
    double entry = 0;     // what a new key pays, in honest rounds
    Interval paid;        // the profit less that
    Interval damage;      // to the toy's loss: part of what honest runs have learned by then
    Interval others;      // what honest peers earned, part of what their rounds are worth
    int64_t taken = 0;    // from honest peers, by forfeits
    double round_ms = 0;  // simulated, from plan to plan: mean
    double slowed = 1;    // the same, part of what honest runs of as many keys take
    // Part of the keys that are still let in behind so many rounds of their own: kSurvival.
    std::vector<double> survival;
    std::string failure;  // of the first run in which something did not hold

    // Whether its profit lies above 0, or an honest peer lost anything.
    [[nodiscard]] bool pays() const { return profit.low > 0; }
    bool harms = false;
    [[nodiscard]] bool held() const { return !pays() && !harms && failure.empty(); }
};
constexpr uint64_t kSurvival[] = {1, 3, 10, 30};

struct RedTeamReport {
    uint64_t run_rounds = 0;  // rounds of a run that is not ended before
    RedTeamRow honest;        // a peer like the others, in the place of a cheat
    std::vector<RedTeamRow> rows;

    // The row with the largest profit; null if there is none.
    [[nodiscard]] const RedTeamRow* worst() const;
    [[nodiscard]] bool ok() const;
};

// Rounds of one run: as many as the run file has, or as two rewards behind one another need to
// vest.
uint64_t red_team_rounds(const RunConfig& config);

RedTeamReport run_red_team(const RedTeamOptions& options);

// Mean of such values and where the true one lies: Student's t.
Interval mean_interval(const std::vector<double>& values);
// The same of hits among tries: Wilson's.
Interval share_interval(uint64_t hits, uint64_t tries);

// Both with axes for people: survival over rounds and profit, a line a strategy.
std::string red_team_svg(const RedTeamReport& report, const std::string& run_name);

}  // namespace assay
