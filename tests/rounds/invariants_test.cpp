// What a programmer promises of the rounds: each kind of promise is broken once, and is seen to
// stop the process.

#include <catch2/catch.hpp>

#include "rounds/deadlines.h"
#include "rounds/missed_steps.h"
#include "rounds/retention.h"
#include "rounds/roster.h"
#include "rounds/run_rules.h"
#include "tests/rounds/machine_driver.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

using Catch::Contains;

// What becomes of a verdict of the judge that keeps to no form.
std::string fired_by(void (*spoil)(RoundJudged& judged)) {
    MachineDriver d(2);
    d.begin();
    RoundJudged judged = d.judged(d.run_to_judging());
    spoil(judged);
    return fired_check([&] { (void)d.step(judged); });
}

std::string fired_by_rules(void (*spoil)(RoundRules& rules)) {
    MachineDriver d(2);
    spoil(d.rules);
    return fired_check(
        [&] { (void)RoundMachine(d.manifest, d.rules, [](uint64_t) { return Digest{}; }); });
}

}  // namespace

TEST_CASE("phases only move forward", "[coordinator]") {
    for (int from = 0; from <= 5; ++from) {
        for (int to = 0; to <= 5; ++to) {
            CAPTURE(from, to);
            const bool next_round = from == 5 && to == 1;
            const bool still_waiting = from == 0 && to == 0;
            CHECK(may_follow(static_cast<RoundPhase>(from), static_cast<RoundPhase>(to)) ==
                  (to > from || next_round || still_waiting));
        }
    }
}

TEST_CASE("a round machine is started once, before its first step", "[coordinator]") {
    MachineDriver d(2);
    CHECK_THAT(fired_check([&] { (void)d.step(Tick{}); }), Contains("started_"));
    d.begin();
    CHECK_THAT(fired_check([&] { (void)d.start(); }), Contains("!started_"));
}

TEST_CASE("rules that no run has are no rules", "[coordinator]") {
    CHECK(fired_by_rules([](RoundRules&) {}).empty());
    CHECK_THAT(fired_by_rules([](RoundRules& rules) { rules.quorum_percent = 0; }),
               Contains("quorum_percent"));
    CHECK_THAT(fired_by_rules([](RoundRules& rules) { rules.peers_min = rules.peers_max + 1; }),
               Contains("peers_max"));
    CHECK_THAT(fired_by_rules([](RoundRules& rules) { rules.learning_rates = nullptr; }),
               Contains("learning_rates"));
    CHECK_THAT(fired_by_rules([](RoundRules& rules) { rules.rounds = 21; }),
               Contains("beacon_length"));
}

TEST_CASE("a state that forgets what is still asked for makes no machine", "[coordinator]") {
    MachineDriver d(2);
    d.rules.verify.overlap_rounds = 50;
    const auto element = [](uint64_t) { return Digest{}; };
    CHECK_THAT(fired_check([&] {
                   (void)RoundMachine(
                       RunState(d.manifest, d.rules.pay, 1), d.manifest, d.rules, element);
               }),
               Contains("rounds_kept"));
    CHECK(fired_check([&] {
              const uint64_t kept = rounds_remembered(d.rules.verify, d.rules.pay);
              (void)RoundMachine(
                  RunState(d.manifest, d.rules.pay, kept), d.manifest, d.rules, element);
          }).empty());
}

TEST_CASE("the judge answers in form: one verdict a submission, nothing enters unjudged",
          "[coordinator]") {
    CHECK(fired_by([](RoundJudged&) {}).empty());
    CHECK_THAT(fired_by([](RoundJudged& judged) { judged.peers.push_back(judged.peers.back()); }),
               Contains("in_form"));
    CHECK_THAT(fired_by([](RoundJudged& judged) { std::swap(judged.peers[0], judged.peers[1]); }),
               Contains("in_form"));
    CHECK_THAT(fired_by([](RoundJudged& judged) { judged.peers[0].verdict.round.value = 3; }),
               Contains("in_form"));
    CHECK_THAT(
        fired_by([](RoundJudged& judged) { judged.peers[0].verdict.ruling = Ruling::kGated; }),
        Contains("in_form"));
    CHECK_THAT(fired_by([](RoundJudged& judged) { judged.voided = true; }), Contains("in_form"));
    CHECK_THAT(fired_by([](RoundJudged& judged) { judged.peers.pop_back(); }),
               Contains("commit.verdict"));
}

TEST_CASE("a beacon continues the chain of the manifest", "[coordinator]") {
    MachineDriver d(2);
    d.machine = std::make_unique<RoundMachine>(
        d.manifest, d.rules, [](uint64_t) { return MachineDriver::digest(7); });
    d.begin();
    CHECK_THAT(fired_check([&] { d.send_all(); }), Contains("BeaconChain::before"));
}

TEST_CASE("rosters and plans are in order of id, nobody twice", "[coordinator]") {
    RoundRules rules;
    Candidate one;
    one.id.key[0] = 1;
    CHECK_THAT(fired_check([&] { (void)choose_roster({one, one}, rules); }), Contains("roster"));
    rules.learning_rates = [](RoundId) { return std::vector<uint32_t>{0}; };
    PlanInputs inputs;
    inputs.peers.resize(2);
    inputs.paces.resize(2);
    inputs.peers[0].id.key[0] = 2;
    CHECK_THAT(fired_check([&] { (void)make_plan(rules, inputs); }), Contains("is_sorted"));
}

TEST_CASE("deadlines lie between floor and ceiling", "[coordinator]") {
    DeadlineRules rules;
    rules.transfer_floor.ms = rules.transfer_ceiling.ms + 1;
    CHECK_THAT(fired_check([&] { (void)round_deadlines(rules, {}, {}, 0, 0); }),
               Contains("floor.ms"));
}

TEST_CASE("what is measured of a link is never taken for unknown", "[coordinator]") {
    Uplinks uplinks;
    CHECK_THAT(fired_check([&] { uplinks.moved({}, 10, DurationMs{10}, 0, Instant{1}); }),
               Contains("assumed > 0"));
}

TEST_CASE("rules are made of settings that were checked", "[coordinator]") {
    RunConfig config;
    config.inner.inner_steps = 0;
    CHECK_THAT(fired_check([&] { (void)round_rules(config, {}, 10); }), Contains("inner_steps"));
}

TEST_CASE("a share is taken back out of a round that is remembered", "[coordinator]") {
    MachineDriver d(2);
    d.begin();
    CHECK_THAT(fired_check([&] {
                   (void)take_back_of(d.machine->state(), {RoundId{7}, {}});
               }),
               Contains("before != nullptr"));
}

}  // namespace assay
