// RoundCheck, beacons: that of a round behind its CLOSE, and one of a history that was lost.

#include <algorithm>

#include "ledger/round_check.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

// Revealed in a history that was lost, and shown by who had seen it. Which one may be, the books
// say; that it is the run's, the chain.
Status RoundCheck::take_lost(const Place& at, const Beacon& beacon) {
    const bool revealed = current_ && rounds_.at(*current_).beacon;
    const uint64_t due = !current_ ? 0 : current_->value + (revealed ? 1 : 0);
    if (beacon.round != at.head.round || beacon.round.value < due ||
        beacon.round.value >= std::min(manifest_.beacon_length, due + kLostRoundsMax)) {
        return fail("a beacon comes once, after the CLOSE of its round");
    }
    Digest element = beacon.chain_element;
    for (uint64_t behind = beacon.round.value + 1; behind > due; --behind) {
        element = BeaconChain::before(element);
    }
    Status chain = mismatch(LedgerRule::kBeaconChain,
                            "the chain element of a lost round leads back to what",
                            chain_element_,
                            element);
    lost_until_ = beacon.round;
    for (auto& [id, round] : rounds_) {
        for (auto& [peer, facts] : round.commits) {
            facts.until.reset();  // no challenge is open any more
        }
    }
    return chain;
}

Status RoundCheck::on(const Place& at, const Beacon& beacon) {
    const bool due = current_ && at.head.round == *current_ && rounds_.at(*current_).close_root &&
                     !rounds_.at(*current_).beacon;
    if (!due) {
        return take_lost(at, beacon);
    }
    Result<RoundFacts*> round = open_round(at.head);
    if (!round) {
        return round.error();
    }
    if (beacon.round != at.head.round) {
        return fail("a beacon comes once, after the CLOSE of its round");
    }
    const struct {
        const char* name = nullptr;
        Digest expected;
        Digest found;
    } fields[] = {
        {"the chain element hashes to what",
         chain_element_,
         BeaconChain::before(beacon.chain_element)},
        {"the root of CLOSE", *(*round)->close_root, beacon.close_root},
        {"the beacon's value", beacon_value(beacon.chain_element, beacon.close_root), beacon.value},
    };
    for (const auto& field : fields) {
        Status same = mismatch(LedgerRule::kBeaconChain, field.name, field.expected, field.found);
        if (!same) {
            return same;
        }
    }
    chain_element_ = beacon.chain_element;
    (*round)->beacon = beacon_value_ = beacon.value;
    for (auto& [peer, facts] : (*round)->commits) {
        if (terms() != nullptr && facts.payload &&
            (*round)->plan.inner_steps == terms()->inner_steps) {
            facts.drawn =
                terms()->drawn_steps((*round)->plan, facts.line, beacon.value, facts.hash);
        }
    }
    return {};
}

}  // namespace assay
