// The bonus account of one identity: deposit, unvested rewards by round, vested, forfeited.
//
// Every unit that was earned is in just one of these places. Knows no records and no verdicts:
// ledger/books.h decides when something moves. Not for fees, which are another book.

#pragma once

#include <cstdint>
#include <map>

#include "core/ids.h"
#include "core/result.h"

namespace assay {

struct Forfeiture {
    int64_t unvested = 0;
    int64_t deposit = 0;
    bool operator==(const Forfeiture&) const = default;
};

class Escrow {
public:
    // Credits what `round` earned. While there is no deposit, a reward becomes the deposit.
    // Fails on a negative or absurd amount and on a round that was credited before.
    Status earn(RoundId round, int64_t amount);

    // Moves the reward of `round` out, whole: cliff vesting. Fails if nothing of it is left.
    Status vest(RoundId round);
    // At the end of a run. Fails while rewards are unvested or if there is no deposit.
    Status release_deposit();

    // What forfeit(with_deposit) would take.
    [[nodiscard]] Forfeiture exposed(bool with_deposit) const;
    Forfeiture forfeit(bool with_deposit);

    // What is certain to be still here when the last verdict on `round` may come: the deposit and
    // the rewards that do not vest before round + verdict_window is over. REQUIRES: neither is
    // negative.
    [[nodiscard]] int64_t at_stake(RoundId round,
                                   int64_t vest_rounds,
                                   int64_t verdict_window) const;

    [[nodiscard]] const std::map<RoundId, int64_t>& unvested() const { return unvested_; }
    // The sum of unvested().
    [[nodiscard]] int64_t unvested_total() const;
    [[nodiscard]] int64_t deposit() const { return deposit_; }
    [[nodiscard]] int64_t vested() const { return vested_; }
    [[nodiscard]] int64_t forfeited() const { return forfeited_; }
    [[nodiscard]] int64_t earned() const { return earned_; }

    // earned = deposit + unvested + vested + forfeited, and nothing is negative.
    [[nodiscard]] Status check() const;

private:
    std::map<RoundId, int64_t> unvested_;  // positive amounts only
    RoundId next_round_;                   // first round that may still be credited
    int64_t deposit_ = 0;
    int64_t vested_ = 0;
    int64_t forfeited_ = 0;
    int64_t earned_ = 0;
};

}  // namespace assay
