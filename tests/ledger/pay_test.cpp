// The formulas of pay: known values, and what must hold for any input.

#include "ledger/pay.h"

#include <catch2/catch.hpp>

#include "core/rng.h"
#include "tests/ledger/test_run.h"

namespace assay {
namespace {

int64_t sum_of(const std::vector<Earning>& earnings) {
    int64_t sum = 0;
    for (const Earning& earning : earnings) {
        sum += earning.amount;
    }
    return sum;
}

}  // namespace

TEST_CASE(
    "A pool is divided by tokens times quality, with the leftover to the largest remainders") {
    PaySettings pay;
    pay.pool_per_round = 100;
    const std::vector<PayShareLine> equal = {
        {test_peer(1), 50, 10}, {test_peer(2), 50, 10}, {test_peer(3), 50, 10}};
    const std::vector<Earning> thirds = settle_round(pay, equal);
    REQUIRE(thirds[0].amount == 34);
    REQUIRE(thirds[1].amount == 33);
    REQUIRE(thirds[2].amount == 33);
    REQUIRE(thirds[0].quality_ppm == kPpm);
    // Twice the tokens at the same worth a token: twice the pay.
    const std::vector<Earning> double_work = settle_round(
        pay, std::vector<PayShareLine>{{test_peer(1), 50, 10}, {test_peer(2), 100, 20}});
    REQUIRE(double_work[0].amount == 33);
    REQUIRE(double_work[1].amount == 67);
    REQUIRE(settle_round(pay, {}).empty());
}

TEST_CASE("Quality is the share a token over the lower median, between 0 and the cap") {
    PaySettings pay;
    const std::vector<PayShareLine> shares = {{test_peer(1), -500, 10},
                                              {test_peer(2), 500, 10},
                                              {test_peer(3), 1000, 10},
                                              {test_peer(4), 1100, 10},
                                              {test_peer(5), 9000, 10}};
    const std::vector<Earning> earned = settle_round(pay, shares);
    REQUIRE(earned[0].quality_ppm == 0);
    REQUIRE(earned[0].amount == 0);
    REQUIRE(earned[1].quality_ppm == 500000);
    REQUIRE(earned[2].quality_ppm == 1000000);
    REQUIRE(earned[3].quality_ppm == 1100000);
    REQUIRE(earned[4].quality_ppm == 1250000);
    REQUIRE(sum_of(earned) == pay.pool_per_round);
}

TEST_CASE("Where the median share is not positive, work alone is paid") {
    PaySettings pay;
    pay.pool_per_round = 1000;
    const std::vector<Earning> earned =
        settle_round(pay,
                     std::vector<PayShareLine>{
                         {test_peer(1), -5, 10}, {test_peer(2), 0, 30}, {test_peer(3), 70, 60}});
    REQUIRE(earned[0].amount == 100);
    REQUIRE(earned[1].amount == 300);
    REQUIRE(earned[2].amount == 600);
}

TEST_CASE("All of a pool is paid, nothing is negative, and more work never pays less") {
    CounterRng rng(test_digest("pay"));
    for (int round = 0; round < 500; ++round) {
        PaySettings pay;
        pay.pool_per_round = static_cast<int64_t>(rng.below(kPoolMax + 1));
        std::vector<PayShareLine> shares;
        const uint64_t count = 1 + rng.below(40);
        for (uint64_t i = 0; i < count; ++i) {
            const bool extreme = rng.below(8) == 0;
            const int64_t phi = extreme ? (rng.below(2) == 0 ? kPhiMax : -kPhiMax)
                                        : static_cast<int64_t>(rng.below(2000000)) - 500000;
            const uint64_t tokens = extreme ? kRoundTokensMax : 1 + rng.below(100000);
            shares.push_back({test_peer(static_cast<uint8_t>(i)), phi, tokens});
        }
        const std::vector<Earning> earned = settle_round(pay, shares);
        REQUIRE(sum_of(earned) == pay.pool_per_round);
        for (size_t i = 0; i < shares.size(); ++i) {
            REQUIRE(earned[i].amount >= 0);
            REQUIRE(earned[i].quality_ppm <= pay.quality_cap_ppm);
            for (size_t j = 0; j < i; ++j) {
                if (earned[i].quality_ppm == earned[j].quality_ppm &&
                    shares[i].tokens > shares[j].tokens) {
                    REQUIRE(earned[i].amount >= earned[j].amount);
                }
            }
        }
    }
}

TEST_CASE("The audit rate is the published schedule where cost equals reward") {
    const int64_t reward = 1000;
    const auto rate = [&](int64_t rounds) {
        return audit_ppm(30000, 200000, reward, reward, rounds * reward);
    };
    REQUIRE(rate(0) == 1000000);
    REQUIRE(rate(1) == 600000);
    REQUIRE(rate(2) == 400000);
    REQUIRE(rate(5) == 200000);
    REQUIRE(rate(10) == 109091);  // rounded up
    REQUIRE(rate(40) == 30000);
    REQUIRE(audit_ppm(0, 0, 0, 0, 0) == 1000000);
    REQUIRE(audit_ppm(0, 0, 0, 10, 0) == 0);
    REQUIRE(audit_ppm(0, 100000000, kAmountMax, 1, kAmountMax) == 1000000);
}

}  // namespace assay
