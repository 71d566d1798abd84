// The catalogue of attacks over whole runs: by peers that are trusted, by cliques, by strategies
// that choose from round to round. What must hold each time is what an honest peer would see
// without them.

#include <algorithm>

#include "adversaries/adversary.h"
#include "tests/simulation/passing.h"

namespace assay {

namespace {

constexpr int64_t kPool = PaySettings{}.pool_per_round;

// As small.toml audits and pays: one round in ten, rewards that vest ten rounds later.
SimulationOptions seldom_audited(const std::vector<std::string>& attacks, uint64_t seed) {
    SimulationOptions options;
    options.seed = seed;
    options.rounds = 60;
    options.peers = 3;
    options.attacks = attacks;
    options.vest_rounds = 10;
    options.audit_min_ppm = 100000;
    options.debt_seconds = 20;
    return options;
}

int64_t earned(const SimulatedPeer& peer) {
    return peer.vested + peer.unvested + peer.deposit + peer.forfeited;
}

// Honest peers lost nothing, kept their tenure, and were paid all pools but for what the cheats'
// counted rounds earned, which nobody gets.
void check_honest_side(const SimulationReport& report) {
    int64_t honest = 0;
    int64_t others = 0;
    for (const SimulatedPeer& peer : report.peers) {
        CAPTURE(peer.attack, peer.counted, peer.verdict, peer.vested, peer.forfeited);
        (peer.attack.empty() ? honest : others) += earned(peer);
        if (peer.attack.empty()) {
            CHECK(peer.forfeited == 0);
            CHECK(peer.unvested + peer.deposit == 0);
            CHECK_FALSE(peer.ejected);
            // Near the toy's optimum the direction gate sees noise.
            CHECK(peer.counted + report.rounds / 4 >= report.rounds);
            CHECK_FALSE(peer.rejected_by.has_value());
        }
    }
    CHECK(honest + others == static_cast<int64_t>(report.rounds - report.voided) * kPool);
}

// A chain can be copied by whoever has followed it from its first round on, or has it leaked: the
// veterans of these say nothing (tests/simulation/attack_test.cpp lets them leak).
bool copies_a_chain(const std::string& attack) {
    return attack == "copycat" || attack == "disguised" || attack == "framer";
}

// It was trusted for some rounds, turned, and lost more than it had got out of the run as vested.
void check_veteran(const std::string& attack, uint64_t seed) {
    const SimulationReport report = passing(seldom_audited({"veteran_" + attack}, seed));
    const SimulatedPeer& cheat = report.peers.back();
    CAPTURE(attack, seed, cheat.counted, cheat.vested, cheat.forfeited, cheat.verdict);
    check_honest_side(report);
    CHECK(cheat.counted >= 3);
    CHECK(cheat.ejected);
    // Who sends the same again, nothing or a share of others', meets an audit first, or a copy's
    // check.
    if (attack != "dwarf" && attack != "denormal" && attack != "sybil") {
        CHECK(cheat.rejected_by == deciding_layer(attack));
    }
    CHECK(cheat.unvested + cheat.deposit == 0);
    CHECK(cheat.forfeited > 0);
}

}  // namespace

TEST_CASE("whoever lies once it is trusted is found and loses all it has at stake",
          "[simulation]") {
    for (const char* attack : {"sign_flip", "nan", "forward_only", "held_out", "tampered"}) {
        check_veteran(attack, 1);
    }
}

TEST_CASE("each attack of the catalogue, by a veteran", "[simulation][slow]") {
    for (const std::string& attack : adversary_names()) {
        if (!copies_a_chain(attack)) {
            check_veteran(attack, 2);
        }
    }
}

// Three of ten keys, whichever lie they share: each is found by itself.
TEST_CASE("a clique of 30 percent is found one by one", "[simulation][slow]") {
    for (const std::string& attack : adversary_names()) {
        SimulationOptions options;
        options.seed = 3;
        options.rounds = 8;
        options.peers = 7;
        options.attacks = {attack, attack, attack};
        const SimulationReport report = passing(options);
        check_honest_side(report);
        for (size_t i = options.peers; i < report.peers.size(); ++i) {
            const SimulatedPeer& cheat = report.peers[i];
            CAPTURE(attack, i, cheat.verdict);
            CHECK(cheat.ejected);
            CHECK(cheat.vested == 0);
        }
    }
}

// Nothing is taken from who takes nothing: it is not paid, and the others wait their grace for it
// until it has no place any more.
TEST_CASE("who takes a place and does not commit, or commits and hands nothing in, earns nothing",
          "[simulation]") {
    const SimulationReport alone = passing(seldom_audited({}, 4));
    for (const char* attack : {"squatter", "withhold"}) {
        const SimulationReport report = passing(seldom_audited({attack, attack}, 4));
        check_honest_side(report);
        CAPTURE(attack, alone.simulated_ms, report.simulated_ms);
        CHECK(earned(report.peers[3]) + earned(report.peers[4]) == 0);
        CHECK(report.voided == 0);
        CHECK(report.simulated_ms < 2 * alone.simulated_ms);
    }
}

TEST_CASE("a long con loses what it was trusted with", "[simulation]") {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        const SimulationReport report = passing(seldom_audited({"long_con"}, seed));
        check_honest_side(report);
        const SimulatedPeer& cheat = report.peers.back();
        CAPTURE(seed, cheat.counted, cheat.vested, cheat.forfeited, cheat.verdict);
        CHECK(cheat.ejected);
        CHECK(cheat.forfeited > 0);
        CHECK(cheat.unvested + cheat.deposit == 0);
    }
}

// It skips by its rate and by what the books say that it has to lose, and answers by turns: what
// has vested is less than what an honest peer gets for as much work, alone and as three of ten.
TEST_CASE("an adaptive peer earns less than its work is worth", "[simulation]") {
    for (const bool clique : {false, true}) {
        double work = 0;
        int64_t vested = 0;
        int ejected = 0;
        for (uint64_t seed = 1; seed <= 2; ++seed) {
            SimulationOptions options =
                seldom_audited(std::vector<std::string>(clique ? 3 : 1, "adaptive"), seed);
            options.peers = clique ? 7 : 3;
            const SimulationReport report = passing(options);
            check_honest_side(report);
            for (size_t i = options.peers; i < report.peers.size(); ++i) {
                const SimulatedPeer& cheat = report.peers[i];
                CAPTURE(clique, seed, i, cheat.cheat.work, cheat.cheat.cheated, cheat.vested);
                CHECK(cheat.cheat.cheated > 0);
                // Who was never drawn in what it skipped is still there at the end.
                CHECK(cheat.ejected == (cheat.forfeited > 0));
                ejected += cheat.ejected ? 1 : 0;
                work += cheat.cheat.work / static_cast<double>(report.peers.size());
                vested += cheat.vested;
            }
        }
        CAPTURE(clique, work, vested);
        CHECK(ejected >= (clique ? 4 : 1));
        CHECK(static_cast<double>(vested) < work * static_cast<double>(kPool));
    }
}

// Half of a round owns the lower median of the norms, to which all others are clipped; more than
// half that point uphill would have the direction gate see too few enter, and gate nobody. Neither
// lasts longer than its members' audits leave them.
TEST_CASE("coalitions on the median of norms and on the gate end with their members",
          "[simulation]") {
    const SimulationReport alone = passing(seldom_audited({}, 5));
    for (const char* attack : {"veteran_dwarf", "veteran_ascent"}) {
        std::vector<std::string> clique(3, attack);
        clique.insert(clique.end(), attack == std::string("veteran_ascent") ? 1 : 0, attack);
        const SimulationReport report = passing(seldom_audited(clique, 5));
        check_honest_side(report);
        for (size_t i = 3; i < report.peers.size(); ++i) {
            const SimulatedPeer& cheat = report.peers[i];
            CAPTURE(attack, i, cheat.counted, cheat.vested, cheat.forfeited, cheat.verdict);
            CHECK(cheat.ejected);
            CHECK(cheat.forfeited > 0);
        }
        CAPTURE(attack, alone.loss_first, alone.loss_last, report.loss_last);
        CHECK(report.loss_last - alone.loss_last < 0.1F * (alone.loss_first - alone.loss_last));
    }
}

}  // namespace assay
