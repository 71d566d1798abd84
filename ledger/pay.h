// The formulas of pay, in integers: quality, the division of a pool, the audit rate.
//
// Pure functions; no state (ledger/escrow.h, ledger/books.h hold it), no clock, no chance.
// Amounts are int64 in the run's smallest unit; probabilities and ratios are parts per million.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/fields.h"
#include "core/ids.h"
#include "core/result.h"
#include "protocol/limits.h"

namespace assay {

constexpr int64_t kPpm = 1'000'000;
constexpr int64_t kPoolMax = 1'000'000'000'000;   // of a round
constexpr int64_t kAmountMax = int64_t{1} << 62;  // of a run
constexpr int64_t kPhiMax = 1'000'000'000'000;    // 1000 nat, in 1e-9 nat
constexpr uint64_t kRoundTokensMax = limits::kTokensMax;
constexpr int64_t kQualityMax = 10 * kPpm;

struct PaySettings {
    int64_t pool_per_round = 1'000'000;
    int64_t vest_rounds = 40;
    int64_t verdict_window = 8;
    int64_t max_absence = 20;
    int64_t quality_cap_ppm = 1'250'000;
    int64_t audit_min_ppm = 30'000;
    int64_t audit_margin_ppm = 200'000;
    int64_t declared_cost_ppm = 1'000'000;
    int64_t debt_seconds = 21'600;
    int64_t debt_rounds = 3;

    // All settings, in the order of the digest (core/fields.h).
    template <class V>
    void for_each(V& visit) {
        visit(Field{"pool_per_round",
                    "units",
                    0,
                    static_cast<double>(kPoolMax),
                    "what a round pays in all, divided by verified tokens times quality"},
              pool_per_round);
        visit(Field{"vest_rounds",
                    "rounds",
                    1,
                    100000,
                    "a round's reward vests this many rounds later, all at once"},
              vest_rounds);
        visit(Field{"verdict_window",
                    "rounds",
                    0,
                    100000,
                    "a verdict on a round may come this many rounds later"},
              verdict_window);
        visit(Field{"max_absence",
                    "rounds",
                    0,
                    1000000,
                    "a peer that missed more rounds in a row starts from zero moments again"},
              max_absence);
        visit(Field{"quality_cap_ppm",
                    "ppm",
                    1000000,
                    static_cast<double>(kQualityMax),
                    "upper bound of quality: share per token over the median of the round"},
              quality_cap_ppm);
        visit(Field{"audit_min_ppm",
                    "ppm",
                    0,
                    1000000,
                    "lowest probability of a gradient audit; 1000000 audits everybody"},
              audit_min_ppm);
        visit(Field{"audit_margin_ppm",
                    "ppm",
                    0,
                    100000000,
                    "how much more than the saved cost a cheat must lose in expectation"},
              audit_margin_ppm);
        visit(Field{"declared_cost_ppm",
                    "ppm",
                    1,
                    10000000,
                    "cost of a round's training as a part of its expected reward"},
              declared_cost_ppm);
        visit(Field{"debt_seconds",
                    "s",
                    1,
                    31'536'000,
                    "how long a challenge that was not answered in its round stays open; answered "
                    "later than that, it is lost like a proven cheat's"},
              debt_seconds);
        visit(Field{"debt_rounds",
                    "rounds",
                    0,
                    1000,
                    "rounds that a peer may go on with such a challenge open"},
              debt_rounds);
    }
    bool operator==(const PaySettings&) const = default;
};

// One counted peer of a round.
struct PayShareLine {
    PeerId peer;
    int64_t phi_nano_nats = 0;  // Aumann-Shapley share of the loss decrease, 1e-9 nat
    uint64_t tokens = 0;        // verified: assigned and not refuted
};

struct Earning {
    PeerId peer;
    int64_t quality_ppm = 0;
    int64_t amount = 0;
};

// quality_i = clip((phi_i / tokens_i) / median of the same, 0, cap), rounded down to 1 ppm; the
// median is the lower one, exact. A median <= 0 says that the round's measure is all noise: quality
// is then 1 for everybody. pay_i = pool * tokens_i quality_i / sum, rounded down; the units left
// over go one each to the largest remainders (ties: lower id). All of the pool is paid, or nothing
// if `shares` is empty. REQUIRES: order of peer id, 0 < tokens <= kRoundTokensMax, and
// |phi| <= kPhiMax.
std::vector<Earning> settle_round(const PaySettings& settings,
                                  std::span<const PayShareLine> shares);

// min(1, max(p_min, (1 + margin) cost / (reward + at_stake))), rounded up to 1 ppm; 1 where nothing
// is to lose. REQUIRES: no argument is negative.
uint32_t audit_ppm(int64_t p_min_ppm,
                   int64_t margin_ppm,
                   int64_t cost,
                   int64_t expected_reward,
                   int64_t unvested_plus_deposit);

// What `tokens` of a round's `total_tokens` earn at quality 1, rounded down. REQUIRES: they are a
// part of these.
int64_t expected_reward(const PaySettings& settings, uint64_t tokens, uint64_t total_tokens);
// The cost that is declared for work of that reward, rounded up. REQUIRES: it is not negative.
int64_t declared_cost(const PaySettings& settings, int64_t reward);

}  // namespace assay
