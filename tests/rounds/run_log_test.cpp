// What an operator reads while a run goes on, from a machine that is driven by hand.

#include "rounds/run_log.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

#include "protocol/plan.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

using Catch::Contains;

namespace {

struct Listening {
    explicit Listening(uint32_t peers = 2) : d(peers) {}

    // Performs what the machine said, and looks.
    void hear(const std::vector<Action>& actions) {
        for (const Persist& persist : actions_of<Persist>(actions)) {
            log.recorded(persist);
        }
        log.look(d.now);
    }
    // What was said since the last call, one line each.
    std::string lines() { return std::exchange(said, {}); }

    MachineDriver d;
    std::string said;
    RunLog log{*d.machine,
               2,
               [this](const std::string& line) { said += line + "\n"; },
               [this](const std::string& line) { said += "! " + line + "\n"; }};
};

std::string named(const MachineDriver& d, size_t peer) {
    return "peer " + d.peers[peer].id().brief();
}

}  // namespace

TEST_CASE("joins, leaves and how many are waited for are logged as they happen", "[coordinator]") {
    Listening one;
    MachineDriver& d = one.d;
    one.hear(d.start());
    CHECK(one.lines() == "waiting for 0 of 2 peers\n");
    one.hear(d.hello(0));
    CHECK(one.lines() == named(d, 0) + " is here\nwaiting for 1 of 2 peers\n");
    one.hear({});
    CHECK(one.lines().empty());
    one.hear(d.step(PeerGone{d.peers[0].id()}));
    CHECK(one.lines() == named(d, 0) + " is gone\nwaiting for 0 of 2 peers\n");
    // Who comes and goes all the time is told of now and then.
    for (int i = 0; i < 100; ++i) {
        one.hear(d.hello(0));
        one.hear(d.step(PeerGone{d.peers[0].id()}));
    }
    CHECK_THAT(one.lines(), !Contains("is here"));
    d.now = d.now + DurationMs{60000};
    one.hear(d.hello(0));
    one.hear(d.hello(1));
    CHECK_THAT(one.lines(),
               Contains(named(d, 0) + " is here") && Contains(named(d, 1) + " is here"));
    // Whoever commits for the first time becomes a member.
    one.hear(d.commit(1));
    CHECK_THAT(one.lines(),
               Contains(named(d, 1) + " joined, class exact, key " + d.peers[1].id().hex()));
}

TEST_CASE("who does not count is logged with the reason, who forfeits with the amounts",
          "[coordinator]") {
    Listening one;
    MachineDriver& d = one.d;
    d.begin();
    one.hear(d.run_round());
    CHECK_THAT(one.lines(), !Contains("does not count"));
    const JudgeRound order = d.run_to_judging();
    RoundJudged judged = d.judged(order);
    const auto cheat =
        std::find_if(judged.peers.begin(), judged.peers.end(), [&d](const JudgedPeer& peer) {
            return peer.verdict.peer == d.peers[0].id();
        });
    REQUIRE(cheat != judged.peers.end());
    cheat->entered = false;
    cheat->verdict.ruling = Ruling::kRejected;
    cheat->verdict.layer = Layer::kChunkChain;
    cheat->verdict.reason = "chunk 7:\x1b[2J codes differ";
    const std::vector<Action> actions = d.step(judged);
    one.hear(actions);
    const std::string lines = one.lines();
    CHECK_THAT(lines,
               Contains("! round 1: " + named(d, 0) + " does not count, rejected: chunk 7: [2J") &&
                   Contains("! " + named(d, 0) + " forfeits "));
    const PeerBook& book = d.machine->state().books().peers().at(d.peers[0].id());
    CHECK_THAT(lines, Contains(" unvested and ") && Contains("for round 1: chunk 7: [2J"));
    REQUIRE(book.escrow.forfeited() > 0);
    // The peer is told the same.
    const std::string cost = "; this peer has forfeited " +
                             std::to_string(book.escrow.forfeited()) + " of its pay and deposit";
    REQUIRE(sent<Refusal>(actions).size() == 1);
    CHECK_THAT(sent<Refusal>(actions)[0].reason, Contains("codes differ" + cost));
    const RoundSummary summary = sent<RoundSummary>(actions).at(0);
    CHECK_THAT(find_entry(summary, d.peers[0].id())->reason, Contains("codes differ" + cost));
}

TEST_CASE("who is too slow for a round, and what voided it, is logged", "[coordinator]") {
    Listening one(3);
    MachineDriver& d = one.d;
    d.begin();
    for (size_t i = 0; i < 2; ++i) {
        one.hear(d.commit(i));
        one.hear(d.payload(i));
    }
    (void)one.lines();
    REQUIRE(d.machine->wake_at());
    d.now = *d.machine->wake_at();
    one.hear(d.step(Tick{}));
    CHECK_THAT(one.lines(),
               Contains("! " + named(d, 2) + " is too slow for round 0: its COMMIT did not come"));
}

}  // namespace assay
