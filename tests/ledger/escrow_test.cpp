// The account of one identity under random use, and what a cheat can expect.

#include "ledger/escrow.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "ledger/pay.h"
#include "tests/ledger/test_run.h"

namespace assay {

TEST_CASE("The first reward is the deposit, later ones vest whole and once") {
    Escrow account;
    REQUIRE(account.earn(RoundId{0}, 0).ok());  // nothing earned: no deposit yet
    REQUIRE(account.earn(RoundId{1}, 70).ok());
    REQUIRE(account.deposit() == 70);
    REQUIRE(account.earn(RoundId{2}, 30).ok());
    REQUIRE_FALSE(account.earn(RoundId{2}, 30).ok());
    REQUIRE_FALSE(account.earn(RoundId{3}, -1).ok());
    REQUIRE_FALSE(account.earn(RoundId{3}, kPoolMax + 1).ok());
    REQUIRE(account.unvested_total() == 30);
    REQUIRE_FALSE(account.vest(RoundId{1}).ok());  // the deposit is no reward
    REQUIRE_FALSE(account.release_deposit().ok());
    REQUIRE(account.vest(RoundId{2}).ok());
    REQUIRE_FALSE(account.vest(RoundId{2}).ok());
    REQUIRE(account.vested() == 30);
    REQUIRE(account.release_deposit().ok());
    REQUIRE_FALSE(account.release_deposit().ok());
    REQUIRE(account.vested() == 100);
    REQUIRE(account.check().ok());
}

TEST_CASE("A forfeit takes what is unvested, and the deposit where it is said") {
    Escrow account;
    for (uint64_t round = 0; round < 4; ++round) {
        REQUIRE(account.earn(RoundId{round}, 100).ok());
    }
    REQUIRE(account.vest(RoundId{1}).ok());
    REQUIRE(account.forfeit(false) == Forfeiture{200, 0});
    REQUIRE(account.deposit() == 100);
    REQUIRE(account.forfeit(true) == Forfeiture{0, 100});
    REQUIRE(account.forfeited() == 300);
    REQUIRE(account.vested() == 100);
    REQUIRE(account.earn(RoundId{4}, 50).ok());  // builds a deposit again
    REQUIRE(account.deposit() == 50);
    REQUIRE(account.check().ok());
}

TEST_CASE("What is at stake counts only what no verdict can come too late for") {
    Escrow account;
    for (uint64_t round = 0; round <= 10; ++round) {
        REQUIRE(account.earn(RoundId{round}, 10).ok());
    }
    // Deposit 10; of rounds 1 .. 10 those with round + 5 > 11 + 2 are left: 9 and 10.
    REQUIRE(account.at_stake(RoundId{11}, 5, 2) == 30);
    REQUIRE(account.at_stake(RoundId{11}, 5, 100) == 10);
    REQUIRE(account.at_stake(RoundId{11}, 100, 0) == 110);
}

TEST_CASE("An account adds up after any sequence of events") {
    CounterRng rng(test_digest("escrow"));
    for (int trial = 0; trial < 300; ++trial) {
        Escrow account;
        int64_t earned = 0;
        int64_t vested_before = 0;
        for (uint64_t round = 0; round < 60; ++round) {
            const auto amount = static_cast<int64_t>(rng.below(4) == 0 ? 0 : rng.below(1000000));
            REQUIRE(account.earn(RoundId{round}, amount).ok());
            earned += amount;
            switch (rng.below(6)) {
                case 0:
                    account.forfeit(rng.below(2) == 0);
                    break;
                case 1:
                    (void)account.release_deposit();
                    break;
                default:
                    (void)account.vest(RoundId{rng.below(round + 1)});
                    break;
            }
            const Status sound = account.check();
            REQUIRE(sound.ok());
            REQUIRE(account.earned() == earned);
            REQUIRE(account.vested() >= vested_before);  // what is paid is never taken back
            vested_before = account.vested();
            REQUIRE(account.exposed(true).unvested + account.exposed(true).deposit ==
                    account.unvested_total() + account.deposit());
        }
    }
}

namespace {

struct Market {
    PaySettings pay;
    int64_t reward = 100000;  // of a round of this peer
    int64_t cost = 80000;     // what its work costs it: less than it earns, or nobody would come
};

// Wealth of a peer over `rounds`: what vested, deposit back at the end, less what its work cost.
// From round `turn` on it skips a fraction `skip_ppm` of each round's steps until it is caught; the
// audit recomputes one uniformly drawn step, and its verdict comes `delay` rounds later.
int64_t wealth(const Market& market,
               uint64_t rounds,
               uint64_t turn,
               int64_t skip_ppm,
               uint64_t delay,
               CounterRng& rng) {
    Escrow account;
    int64_t spent = 0;
    std::optional<uint64_t> verdict_at;
    const auto vest = static_cast<uint64_t>(market.pay.vest_rounds);
    for (uint64_t round = 0; round < rounds; ++round) {
        const int64_t stake =
            account.at_stake(RoundId{round}, market.pay.vest_rounds, market.pay.verdict_window);
        const uint32_t rate = audit_ppm(market.pay.audit_min_ppm,
                                        market.pay.audit_margin_ppm,
                                        declared_cost(market.pay, market.reward),
                                        market.reward,
                                        stake);
        const int64_t skipped = round >= turn ? skip_ppm : 0;
        spent += market.cost * (kPpm - skipped) / kPpm;
        const bool last = round + vest >= rounds;  // a last audit before it may vest
        const bool audited = last || rng.below(kPpm) < rate;
        if (!verdict_at && audited && rng.below(kPpm) < static_cast<uint64_t>(skipped)) {
            verdict_at = round + delay;
        }
        if (Status earned = account.earn(RoundId{round}, market.reward); !earned) {
            FAIL(earned.reason());
        }
        if (verdict_at == round) {
            account.forfeit(true);
            return account.vested() - spent;
        }
        if (round >= vest && account.unvested().count(RoundId{round - vest}) > 0) {
            (void)account.vest(RoundId{round - vest});
        }
    }
    if (verdict_at) {
        account.forfeit(true);
    }
    return account.vested() + account.unvested_total() + account.deposit() - spent;
}

struct Gain {
    double mean = 0;
    double error = 0;  // standard error of the mean
};

// Of ONE round's skip at tenure `turn`, over having been honest in it; then the peer leaves.
Gain gain_of_one_skip(const Market& market, uint64_t turn, int64_t skip_ppm, CounterRng& rng) {
    Escrow account;
    for (uint64_t round = 0; round < turn; ++round) {
        (void)account.earn(RoundId{round}, market.reward);
        const auto vest = static_cast<uint64_t>(market.pay.vest_rounds);
        if (round >= vest && round - vest > 0) {
            (void)account.vest(RoundId{round - vest});
        }
    }
    const int64_t stake =
        account.at_stake(RoundId{turn}, market.pay.vest_rounds, market.pay.verdict_window);
    const uint32_t rate = audit_ppm(market.pay.audit_min_ppm,
                                    market.pay.audit_margin_ppm,
                                    declared_cost(market.pay, market.reward),
                                    market.reward,
                                    stake);
    constexpr int kTrials = 100000;
    double sum = 0;
    double squares = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
        const bool caught = rng.below(kPpm * kPpm) < rate * static_cast<uint64_t>(skip_ppm);
        const int64_t saved = market.cost * skip_ppm / kPpm;
        const int64_t gain = caught ? saved - market.reward - stake : saved;
        sum += static_cast<double>(gain);
        squares += static_cast<double>(gain) * static_cast<double>(gain);
    }
    const double mean = sum / kTrials;
    return {mean, std::sqrt((squares / kTrials - mean * mean) / kTrials)};
}

}  // namespace

TEST_CASE("Skipping any fraction of a round loses money in expectation, at every tenure",
          "[repeats]") {
    Market market;
    CounterRng rng(test_digest("one skip"));
    for (const int64_t window : {0, 8}) {
        market.pay.verdict_window = window;
        for (const int tenure : {0, 1, 2, 3, 5, 8, 13, 20, 40, 41, 60, 100}) {
            for (const int64_t skip : {50000, 250000, 500000, 1000000}) {
                const Gain gain =
                    gain_of_one_skip(market, static_cast<uint64_t>(tenure), skip, rng);
                INFO("tenure " << tenure << ", skips " << skip << " ppm, window " << window
                               << ": gain " << gain.mean << " +- " << gain.error);
                REQUIRE(gain.mean + 3 * gain.error < 0);
            }
        }
    }
}

TEST_CASE(
    "A cheat ends poorer than an honest peer, and a full cheat poorer than one who stays away",
    "[repeats]") {
    Market market;
    market.pay.vest_rounds = 10;
    market.pay.verdict_window = 3;
    constexpr uint64_t kRounds = 60;
    constexpr int kTrials = 1500;
    CounterRng rng(test_digest("long con"));
    const int64_t honest = wealth(market, kRounds, kRounds, 0, 0, rng);
    REQUIRE(honest == static_cast<int64_t>(kRounds) * (market.reward - market.cost));
    for (const uint64_t turn : {0U, 1U, 5U, 12U, 30U, 55U}) {
        for (const int64_t skip : {100000, 500000, 1000000}) {
            for (const uint64_t delay : {0U, 3U}) {
                double sum = 0;
                for (int trial = 0; trial < kTrials; ++trial) {
                    sum += static_cast<double>(wealth(market, kRounds, turn, skip, delay, rng));
                }
                const double mean = sum / kTrials;
                INFO("turns in round " << turn << ", skips " << skip << " ppm, verdicts after "
                                       << delay << ": " << mean << " against " << honest);
                REQUIRE(mean < static_cast<double>(honest));
                if (turn == 0 && skip == kPpm) {
                    REQUIRE(mean <= 0);
                }
            }
        }
    }
}

}  // namespace assay
