// `assay demo --json`: what the demo promises and shows is in it, for each peer and each round.

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/demo_checks.h"
#include "configs/config_file.h"
#include "verify/survival.h"

namespace assay {
namespace {

using nlohmann::json;

RunConfig demo_config() {
    Result<RunConfig> config =
        load_run_config(std::string(ASSAY_SOURCE_DIR) + "/configs/demo.toml");
    REQUIRE(config.ok());
    return *config;
}

PeerStatus paid(uint8_t number, const std::string& verdict, int64_t vested, int64_t forfeited) {
    PeerStatus status;
    status.id.key.fill(number);
    status.verdict = verdict;
    status.reason = verdict == "counted" ? "" : "gradient audit of step 3: it is another";
    status.uploaded_bytes = uint64_t{1000} * number;
    status.vested = vested;
    status.forfeited = forfeited;
    return status;
}

struct Demo {
    DemoPlan plan;
    DemoOutcome outcome;
};

// Two rounds of one honest peer and one lazy one.
Demo made_demo() {
    Demo demo;
    demo.plan.options.peers = 1;
    demo.plan.options.rounds = 2;
    demo.plan.peers = {{"peer-1", "", {}, {}}, {"lazy", "lazy", {}, {}}};
    demo.plan.peers[0].id.key.fill(1);
    demo.plan.peers[1].id.key.fill(2);
    demo.plan.survival = survival_figures(demo_config());
    CoordinatorStatus& status = demo.outcome.status;
    status.unigram_entropy = 5.5;
    status.theta_root = std::string(64, 'a');
    status.peers = {paid(1, "counted", 100, 0), paid(2, "rejected", 0, 40)};
    for (uint64_t r = 0; r < 2; ++r) {
        RoundStatus round;
        round.round.value = r;
        round.loss_before = 6.0F - static_cast<float>(r);
        round.loss_after = 5.0F - static_cast<float>(r);
        round.tokens = 3000;
        round.seconds = 1.5;
        round.peers = status.peers;
        demo.outcome.rounds.push_back(round);
    }
    demo.outcome.reports = {{status.peers[0].id.hex(), RoundId{1}, status.theta_root, "done", ""},
                            {status.peers[1].id.hex(), RoundId{1}, "", "done", "refused"}};
    Verdict rejection;
    rejection.layer = Layer::kGradientAudit;
    demo.outcome.rejections[demo.plan.peers[1].id] = rejection;
    demo.outcome.ledger_ok = true;
    demo.outcome.ledger_text = "the ledger verifies";
    demo.outcome.answered = true;
    demo.outcome.answer = " end.";
    return demo;
}

json json_of(const Demo& demo) {
    return json::parse(demo_json(demo.plan, demo.outcome, check_demo(demo.plan, demo.outcome)));
}

}  // namespace

TEST_CASE("the demo's JSON holds the plan with the chance that a lazy peer lives to be paid") {
    const json plan = json_of(made_demo()).at("plan");
    CHECK(plan.at("honest_peers") == 1);
    CHECK(plan.at("rounds") == 2);
    CHECK(plan.at("inner_steps") == 12);
    CHECK(plan.at("audit_steps") == 4);
    CHECK(plan.at("audit_min_ppm") == 1000000);
    CHECK(plan.at("vest_rounds") == 2);
    CHECK(plan.at("audits_before_vesting") == 3);
    CHECK(plan.at("lazy_survival").get<double>() == Approx(lazy_survival(12, 6, 4, 3)));
    CHECK(plan.at("lazy_survival").get<double>() < 1e-4);
}

TEST_CASE("a lazy peer that is audited in half of the rounds lives longer") {
    RunConfig config = demo_config();
    config.pay.audit_min_ppm = 500000;
    const double missed = lazy_survival(12, 6, 4, 1);
    const double once = 0.5 + 0.5 * missed;
    CHECK(survival_figures(config).probability == Approx(once * once * once));
}

TEST_CASE("the demo's JSON holds what the demo promises") {
    Demo demo = made_demo();
    const json all = json_of(demo);
    CHECK(all.at("ok") == true);
    CHECK(all.at("unigram_entropy") == 5.5);
    CHECK(all.at("loss") == 4.0);
    CHECK(all.at("ledger").at("ok") == true);
    CHECK(all.at("answered") == true);
    CHECK(all.at("answer") == " end.");
    CHECK(all.at("status").at("theta_root") == std::string(64, 'a'));
    CHECK(all.at("checks").size() == check_demo(demo.plan, demo.outcome).size());
    demo.outcome.status.peers[1].vested = 1;  // the cheat was paid
    CHECK(json_of(demo).at("ok") == false);
    demo = made_demo();
    demo.outcome.status.peers[0].unvested = 7;  // of an honest peer, for ever
    CHECK(json_of(demo).at("ok") == false);
    demo = made_demo();
    demo.outcome.rounds.clear();
    CHECK(json_of(demo).at("loss").is_null());
}

TEST_CASE("a demo whose cheat did not try, or was not found by its layer, has shown nothing") {
    const auto ok = [](const Demo& demo) { return json_of(demo).at("ok").get<bool>(); };
    REQUIRE(ok(made_demo()));
    Demo absent = made_demo();
    absent.outcome.status.peers.pop_back();
    CHECK_FALSE(ok(absent));
    Demo idle = made_demo();
    for (RoundStatus& round : idle.outcome.rounds) {
        round.peers.pop_back();
    }
    CHECK_FALSE(ok(idle));
    Demo counted = made_demo();
    counted.outcome.status.peers[1].verdict = "counted";
    CHECK_FALSE(ok(counted));
    Demo elsewhere = made_demo();
    elsewhere.outcome.rejections.begin()->second.layer = Layer::kRefusal;
    CHECK_FALSE(ok(elsewhere));
    Demo unjudged = made_demo();
    unjudged.outcome.rejections.clear();
    CHECK_FALSE(ok(unjudged));
}

TEST_CASE("the demo's JSON holds each peer's pay, verdict and digest") {
    const json peers = json_of(made_demo()).at("peers");
    REQUIRE(peers.size() == 2);
    CHECK(peers[0].at("name") == "peer-1");
    CHECK(peers[0].at("theta_root") == std::string(64, 'a'));
    CHECK(peers[0].at("verdict") == "counted");
    CHECK(peers[0].at("vested") == 100);
    CHECK(peers[0].at("unvested") == 0);
    CHECK(peers[0].at("deposit") == 0);
    CHECK(peers[1].at("attack") == "lazy");
    CHECK(peers[1].at("reason") == "gradient audit of step 3: it is another");
    CHECK(peers[1].at("vested") == 0);
    CHECK(peers[1].at("forfeited") == 40);
}

TEST_CASE("the demo's JSON holds each round's loss, speed, bytes and verdicts") {
    const json rounds = json_of(made_demo()).at("rounds");
    REQUIRE(rounds.size() == 2);
    CHECK(rounds[1].at("loss_before") == 5.0);
    CHECK(rounds[1].at("loss_after") == 4.0);
    CHECK(rounds[1].at("tokens_per_second") == 2000.0);
    CHECK(rounds[1].at("audit_seconds") == 0.0);
    REQUIRE(rounds[1].at("peers").size() == 2);
    CHECK(rounds[1].at("peers")[1].at("uploaded_bytes") == 2000);
    CHECK(rounds[1].at("peers")[1].at("verdict") == "rejected");
}

}  // namespace assay
