#include "ledger/escrow.h"

#include "ledger/pay.h"
#include "protocol/plan.h"

namespace assay {

Status Escrow::earn(RoundId round, int64_t amount) {
    if (amount < 0 || amount > kPoolMax || earned_ > kAmountMax - amount) {
        return fail("a reward of " + std::to_string(amount) + " is out of bounds");
    }
    if (round < next_round_) {
        return fail(in_words(round) + " was credited before");
    }
    ASSAY_CHECK(unvested_.empty() || unvested_.rbegin()->first < round);
    ASSAY_CHECK(deposit_ > 0 || unvested_.empty());  // the first reward is the deposit
    next_round_ = round.next();
    earned_ += amount;
    if (deposit_ == 0) {
        deposit_ = amount;
    } else if (amount > 0) {
        unvested_[round] = amount;
    }
    return {};
}

Status Escrow::vest(RoundId round) {
    const auto reward = unvested_.find(round);
    if (reward == unvested_.end()) {
        return fail("nothing of " + in_words(round) + " is unvested");
    }
    ASSAY_CHECK(reward->second > 0 && deposit_ > 0);
    vested_ += reward->second;
    ASSAY_CHECK_LE(vested_, earned_ - deposit_ - forfeited_);
    unvested_.erase(reward);
    return {};
}

Status Escrow::release_deposit() {
    if (deposit_ == 0) {
        return fail("there is no deposit");
    }
    if (!unvested_.empty()) {
        return fail("the deposit stays while rewards are unvested");
    }
    vested_ += deposit_;
    deposit_ = 0;
    ASSAY_CHECK(check().ok());
    return {};
}

Forfeiture Escrow::exposed(bool with_deposit) const {
    return {unvested_total(), with_deposit ? deposit_ : 0};
}

Forfeiture Escrow::forfeit(bool with_deposit) {
    const Forfeiture lost = exposed(with_deposit);
    unvested_.clear();
    deposit_ -= lost.deposit;
    forfeited_ += lost.unvested + lost.deposit;
    ASSAY_CHECK(lost.unvested >= 0 && lost.deposit >= 0 && check().ok());
    return lost;
}

int64_t Escrow::at_stake(RoundId round, int64_t vest_rounds, int64_t verdict_window) const {
    ASSAY_CHECK(vest_rounds >= 0 && verdict_window >= 0);
    int64_t sum = deposit_;
    const uint64_t horizon = round.value + static_cast<uint64_t>(verdict_window);
    for (const auto& [earned_in, amount] : unvested_) {
        if (earned_in.value + static_cast<uint64_t>(vest_rounds) > horizon) {
            sum += amount;
        }
    }
    return sum;
}

int64_t Escrow::unvested_total() const {
    int64_t sum = 0;
    for (const auto& [round, amount] : unvested_) {
        sum += amount;
    }
    ASSAY_CHECK_LE(sum, earned_);
    return sum;
}

Status Escrow::check() const {
    int64_t unvested = 0;
    for (const auto& [round, amount] : unvested_) {
        if (amount <= 0) {
            return fail("the reward of " + in_words(round) + " is not positive");
        }
        unvested += amount;
    }
    if (deposit_ < 0 || vested_ < 0 || forfeited_ < 0) {
        return fail("an amount is negative");
    }
    if (earned_ != deposit_ + unvested + vested_ + forfeited_) {
        return fail("earned " + std::to_string(earned_) + " is not deposit " +
                    std::to_string(deposit_) + " + unvested " + std::to_string(unvested) +
                    " + vested " + std::to_string(vested_) + " + forfeited " +
                    std::to_string(forfeited_));
    }
    return {};
}

}  // namespace assay
