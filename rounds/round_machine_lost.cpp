// RoundMachine, rounds that were run in a history that was lost: the folder is an older copy.
//
// Whoever knows the next elements of the beacon's chain has them from us. What these rounds draw is
// known then, so they pass without work, and no challenge of the copy is open any more: what would
// answer it has gone with the rounds that settled it.

#include <algorithm>

#include "core/check.h"
#include "ledger/round_check.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"
#include "rounds/round_machine.h"

namespace assay {

// Whether we have revealed this beacon and our ledger does not hold it.
bool RoundMachine::is_lost(const Beacon& beacon) const {
    const RoundState* round = state_.current();
    const RoundId next = round == nullptr ? RoundId{0}
                         : round->beacon  ? state_.round().next()
                                          : state_.round();
    const std::optional<RoundId> known = state_.books().lost_until();
    const uint64_t end = std::min(rules_.rounds, next.value + kLostRoundsMax);
    return beacon.round >= next && beacon.round.value < end && (!known || *known < beacon.round) &&
           beacon.chain_element == element_(beacon.round.value + 1) &&
           beacon.value == beacon_value(beacon.chain_element, beacon.close_root);
}

void RoundMachine::on(const BeaconShown& event, Instant) {
    const bool waits = waiting_lost_ && event.beacon.round <= waiting_lost_->round;
    if (waits || !is_lost(event.beacon)) {
        return;
    }
    note("peer " + event.peer.brief() + " knows the beacon of " + in_words(event.beacon.round) +
         ", which this ledger does not hold: the folder is an older copy, behind head " +
         state_.head().hex() +
         ". The rounds up to that one pass without work, challenges that "
         "were open take nothing, and what the lost rounds paid is lost");
    if (phase_ == RoundPhase::kJudging) {  // what is judged was ordered by what its peers held then
        waiting_lost_ = event.beacon;
    } else {
        take_lost(event.beacon);
    }
}

void RoundMachine::take_lost(const Beacon& beacon) {
    ASSAY_CHECK(phase_ != RoundPhase::kJudging);
    const std::vector<OpenDebt> debts = state_.open_debts();
    persist({{RecordKind::kBeacon, beacon.round, {}, encode_body(beacon)}});
    ASSAY_CHECK(state_.open_debts().empty());
    late_.clear();
    for (const OpenDebt& debt : debts) {
        if (is_connected(debt.peer)) {
            DebtNotice settled;
            settled.round = debt.round;
            settled.reason = "the coordinator lost the rounds behind it: nothing is owed";
            out_.push_back(Send{debt.peer, std::move(settled)});
        }
    }
    if (phase_ == RoundPhase::kGathering && state_.draws_known()) {
        deadline_.reset();  // it waits for peers to come back, not for their work
    }
}

}  // namespace assay
