// What a rejection costs, by the layer that proved it: the one table that books and rounds read.
//
// A cheat is a lie that a third party can recompute: it takes the deposit and ends the identity. A
// challenge that is never answered costs the same, or the price of a lie would depend on the form
// of an answer that is chosen once the draw is known. A fault (a wrong form, bound before anything
// was drawn) takes what is unvested; too many that stand take what a cheat takes.

#pragma once

#include <cstdint>

#include "ledger/bodies.h"
#include "protocol/messages.h"

namespace assay {

constexpr uint32_t kFaultsMax = 3;          // of one identity that stand: this one takes it
constexpr uint32_t kFaultDecayRounds = 10;  // counted one after the other, they clear a fault
constexpr uint64_t kRejectionRounds = 10;   // audited with certainty after a rejection

struct Consequence {
    ForfeitCause cause = ForfeitCause::kFault;
    bool takes_deposit = false;
    bool ejects = false;  // the identity is not let in again
};

// `faults`: those of the peer that stand, with this one if it is one.
constexpr Consequence consequence_of(Layer layer, uint32_t faults) {
    switch (layer) {
        case Layer::kCopies:
        case Layer::kTrace:  // its losses and norms are recomputed, as gradients are
        case Layer::kGradientAudit:
        case Layer::kChunkChain:
        case Layer::kAppeal:
            return {ForfeitCause::kCheat, true, true};
        case Layer::kRefusal:
            return {ForfeitCause::kRefusal, true, true};
        case Layer::kIdentity:
        case Layer::kForm:
        case Layer::kDirection:
        case Layer::kAggregate:
            return {ForfeitCause::kFault, faults >= kFaultsMax, faults >= kFaultsMax};
    }
    return {};
}

// Whether the table has a row for each layer, in which deposit and identity go together, and only a
// fault costs more when others stand.
constexpr bool consequences_fit() {
    for (int number = 0; number <= static_cast<int>(Layer::kRefusal); ++number) {
        const auto layer = static_cast<Layer>(number);
        for (uint32_t faults = 0; faults <= kFaultsMax; ++faults) {
            const Consequence follows = consequence_of(layer, faults);
            const bool all = follows.cause != ForfeitCause::kFault || faults == kFaultsMax;
            if (follows.takes_deposit != all || follows.ejects != all) {
                return false;
            }
        }
    }
    return consequence_of(Layer::kRefusal, 0).cause == ForfeitCause::kRefusal;
}
static_assert(consequences_fit());
static_assert(kFaultsMax > 1, "the first fault may be an accident");

}  // namespace assay
