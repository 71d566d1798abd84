// What strategies earn, measured: the statistics, a cheat that does not pay and a world in which
// one does.

#include "simulation/red_team.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

namespace assay {

namespace {

RedTeamOptions small_team(std::initializer_list<const char*> names) {
    RedTeamOptions options;
    options.config.inner.inner_steps = 8;
    options.config.verify.audit_steps = 4;
    options.config.pay.vest_rounds = 2;
    options.config.pay.verdict_window = 2;
    options.config.pay.audit_min_ppm = 300000;
    options.config.rounds.rounds = 12;
    options.rounds = 36;
    options.honest = 2;
    for (const char* name : names) {
        options.strategies.push_back(find_cheat_strategy(name));
        REQUIRE(options.strategies.back() != nullptr);
    }
    return options;
}

}  // namespace

TEST_CASE("intervals are Student's and Wilson's", "[simulation]") {
    const Interval mean = mean_interval({1, 2, 3, 4, 5});
    CHECK(mean.mean == 3);
    CHECK(mean.high == Approx(3 + 2.776 * std::sqrt(2.5 / 5)).epsilon(0.005));
    CHECK(mean.low == Approx(6 - mean.high));
    CHECK(mean_interval({0, 1}).high == Approx(0.5 + 12.706 * 0.5).epsilon(0.001));
    CHECK(std::isinf(mean_interval({7}).high));  // one run says nothing of the next
    CHECK(mean_interval({7, 7, 7}).low == 7);
    const Interval share = share_interval(5, 20);
    CHECK(share.low == Approx(0.1119).epsilon(0.002));
    CHECK(share.high == Approx(0.4687).epsilon(0.002));
    CHECK(share_interval(0, 50).low == 0);
    CHECK(share_interval(0, 50).high > 0.05);
    CHECK(share_interval(50, 50).low < 0.95);
    CHECK(share_interval(0, 0).high == 1);
}

TEST_CASE("a red team's rows say what a cheat did, and that it does not pay", "[simulation]") {
    const RedTeamReport report = run_red_team(small_team({"random", "lazy"}));
    REQUIRE(report.rows.size() == 2);
    for (const RedTeamRow& row : report.rows) {
        INFO(row.name << ": " << row.failure);
        CHECK(row.rounds >= 36);
        CHECK(row.runs > 2);
        CHECK(row.profit.high < 0);
        CHECK(row.pay == 0);
        CHECK(row.ejected == 1);
        CHECK(row.taken == 0);
        CHECK(row.held());
        CHECK(row.survival.size() == std::size(kSurvival));
    }
    const RedTeamRow& random = report.rows[0];
    CHECK(random.work == 1);  // it trains honestly before
    CHECK(random.expected == 1);
    CHECK(random.found.mean == 1);
    CHECK(random.lasted == 1);
    CHECK(random.survival[0] == 0);
    const RedTeamRow& lazy = report.rows[1];
    CHECK(lazy.work == 0.5);
    CHECK(lazy.expected > lazy.found.low);
    CHECK(lazy.expected < lazy.found.high);
    CHECK(std::abs(report.honest.profit.mean) < 1);
    CHECK(report.honest.profit.low < 0);
    REQUIRE(report.worst() != nullptr);
    CHECK(report.worst()->profit.mean == std::max(random.profit.mean, lazy.profit.mean));
    CHECK(report.ok());
    const std::string svg = red_team_svg(report, "small & short");
    CHECK(svg.find("small &amp; short") != std::string::npos);
    CHECK(svg.find("nan") == std::string::npos);
}

// Keys without a machine: each is found in its first round, or does nothing at all. What it takes
// them to come again and again is nothing, until a new key has a price.
TEST_CASE("keys without a machine earn nothing, and lose what they pay for their entry",
          "[simulation]") {
    RedTeamOptions options = small_team({"idle_fresh", "squatter_fresh"});
    options.config.rounds.entry_work_bits = 10;
    options.config.rounds.default_tokens_per_second = 1000;
    options.hashes_per_second = 64;  // 16 s a key, where an honest round takes 4.096
    const RedTeamReport report = run_red_team(options);
    REQUIRE(report.rows.size() == 2);
    const double price = 16 / 4.096;
    for (const RedTeamRow& row : report.rows) {
        INFO(row.name << ": " << row.failure);
        CHECK(row.entry == Approx(price));
        CHECK(row.came > 3);
        CHECK(row.profit.high <= 0.05);
        CHECK(row.pay == 0);
        CHECK(row.paid.mean == Approx(row.profit.mean - price * row.came));
        CHECK(row.held());
    }
    CHECK(report.honest.came == 1);
    CHECK(report.honest.paid.mean == Approx(report.honest.profit.mean - price));
    options.config.rounds.entry_work_bits = 0;
    options.strategies.resize(1);
    const RedTeamReport free = run_red_team(options);
    CHECK(free.rows[0].paid.mean == free.rows[0].profit.mean);
    CHECK(free.rows[0].entry == 0);
}

// Where nobody is audited, skipping nearly all of the work pays, and the red team says so.
TEST_CASE("a red team sees that a cheat pays where nobody looks", "[simulation]") {
    RedTeamOptions options = small_team({"parasite"});
    options.config.pay.audit_min_ppm = 0;
    options.config.pay.declared_cost_ppm = 1;
    options.rounds = 48;
    const RedTeamReport report = run_red_team(options);
    REQUIRE(report.rows.size() == 1);
    CHECK(report.rows[0].profit.low > 0);
    CHECK(report.rows[0].pays());
    CHECK_FALSE(report.ok());
}

}  // namespace assay
