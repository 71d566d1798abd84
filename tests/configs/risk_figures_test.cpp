// What a run file promises, against figures worked out by hand and against the books.

#include "configs/risk_figures.h"

#include <catch2/catch.hpp>

namespace assay {

namespace {

RunConfig small_rules() {
    RunConfig config;
    config.inner.inner_steps = 20;
    config.inner.sequences_per_step = 16;
    config.verify.audit_steps = 5;
    config.pay.vest_rounds = 10;
    config.pay.verdict_window = 4;
    config.pay.audit_min_ppm = 100000;
    config.rounds.rounds = 500;
    return config;
}

}  // namespace

TEST_CASE("the audit rate falls with what is at stake, down to that of full escrow") {
    const RiskFigures figures = risk_figures(small_rules(), 4);
    // A newcomer has nothing to lose; the first reward is the deposit.
    CHECK(figures.tenures[0].audited == 1);
    CHECK(figures.tenures[0].at_stake == 0);
    CHECK(figures.tenures[1].audited == Approx(1.2 / 2));
    CHECK(figures.tenures[2].audited == Approx(1.2 / 3));
    // Full: the deposit and the 6 rewards of rounds that vest behind the verdict window.
    CHECK(figures.tenures.back().at_stake == Approx(6));
    CHECK(figures.tenures.back().audited == Approx(1.2 / 7).epsilon(1e-5));
    CHECK(figures.mean_audited > figures.tenures.back().audited);
    CHECK(figures.mean_audited < figures.tenures.back().audited + 0.02);
    for (size_t i = 1; i < figures.tenures.size(); ++i) {
        CHECK(figures.tenures[i].audited <= figures.tenures[i - 1].audited);
    }
}

TEST_CASE("skipping steps is worth less than nothing at every tenure, unless nobody looks") {
    RunConfig config = small_rules();
    for (const TenureRisk& risk : risk_figures(config, 4).tenures) {
        CAPTURE(risk.rounds);
        CHECK(risk.value < 1e-9);  // a newcomer that does nothing is paid nothing: 0
    }
    const TenureRisk full = risk_figures(config, 4).tenures.back();
    // One of 20 steps, 5 of which are drawn: 1/20 - 1.2/7 * 5/20 * 7.
    CHECK(full.found_once == Approx(1.2 / 7 / 4).epsilon(1e-5));
    CHECK(full.best_skip == 20);
    CHECK(full.value == Approx(1 - 1.2).epsilon(1e-4));
    CHECK(full.found_all == Approx(full.audited));
    config.pay.declared_cost_ppm = 100000;  // it declares a tenth of what a round costs
    CHECK(risk_figures(config, 4).tenures.back().value > 0);
}

TEST_CASE("what checking costs is part of what the peers train") {
    RunConfig config = small_rules();
    const RiskFigures four = risk_figures(config, 4);
    // 16 x 4 and 64 gradients, 2 x 64 and 64 forward passes, against 4 x 20 x 16 gradients.
    CHECK(four.gates == Approx((64 + 64 + (2 * 64 + 64) / 3.0) / (4 * 320)));
    CHECK(risk_figures(config, 8).gates == Approx(four.gates / 2));
    CHECK(four.audits == Approx(four.mean_audited * 5 / 20));
    CHECK(four.sent > static_cast<double>(four.payload + four.opening));
    CHECK(four.seconds_audited > four.seconds_up);
    CHECK(four.disk > 0);
    config.rounds.rounds = 1;
    CHECK(risk_figures(config, 4).mean_audited == 1);
}

}  // namespace assay
