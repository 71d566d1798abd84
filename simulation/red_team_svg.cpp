// Its own header is simulation/red_team.h: the report as a picture.

#include <cmath>
#include <iterator>
#include <limits>

#include "simulation/red_team.h"
#include "status/dot_chart.h"

namespace assay {

std::string red_team_svg(const RedTeamReport& report, const std::string& run_name) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    DotChart chart;
    chart.title = "assay bench redteam, " + run_name;
    chart.series.emplace_back("profit, 95 %");
    for (const uint64_t behind : kSurvival) {
        chart.series.push_back("behind " + std::to_string(behind) +
                               (behind == 1 ? " round" : " rounds"));
    }
    DotPanel survival{"Keys that are still let in", "part", {}, false, true};
    DotPanel profit{"Profit of a key and run", "honest rounds (c = r)", {}};
    profit.mark_label = "honest work";
    profit.mark = 0;
    for (const RedTeamRow& row : report.rows) {
        DotLine lived{row.name, {kNone}};
        lived.values.insert(lived.values.end(), row.survival.begin(), row.survival.end());
        survival.lines.push_back(std::move(lived));
        DotLine gained{row.name, std::vector<double>(1 + std::size(kSurvival), kNone)};
        gained.values[0] = row.profit.mean;
        if (std::isfinite(row.profit.low) && std::isfinite(row.profit.high)) {
            gained.low = row.profit.low;
            gained.high = row.profit.high;
        }
        profit.lines.push_back(std::move(gained));
    }
    chart.panels = {std::move(survival), std::move(profit)};
    return dot_chart_svg(chart);
}

}  // namespace assay
