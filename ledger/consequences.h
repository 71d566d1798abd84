// What a rejection costs, by the layer that proved it: the one table that books and rounds read.
//
// A cheat is a lie that a third party can recompute: it takes the deposit and ends the identity. A
// refusal leaves a peer without what is unvested; the second one in a run takes what a cheat takes.
// A fault (a wrong form, a weak direction) takes what is unvested alone.

#pragma once

#include <cstdint>

#include "ledger/bodies.h"
#include "protocol/messages.h"

namespace assay {

constexpr uint32_t kRefusalsMax = 2;  // of one identity in a run: this one takes it

struct Consequence {
    ForfeitCause cause = ForfeitCause::kFault;
    bool takes_deposit = false;
    bool ejects = false;  // the identity is not let in again
};

// `refusals`: those of the peer so far, with this one if it is one.
constexpr Consequence consequence_of(Layer layer, uint32_t refusals) {
    switch (layer) {
        case Layer::kCopies:
        case Layer::kTrace:  // its losses and norms are recomputed, as gradients are
        case Layer::kGradientAudit:
        case Layer::kChunkChain:
        case Layer::kAppeal:
            return {ForfeitCause::kCheat, true, true};
        case Layer::kRefusal:
            return {ForfeitCause::kRefusal, refusals >= kRefusalsMax, refusals >= kRefusalsMax};
        case Layer::kIdentity:
        case Layer::kForm:
        case Layer::kDirection:
        case Layer::kAggregate:
            return {ForfeitCause::kFault, false, false};
    }
    return {};
}

// Whether the table has a row for each layer, in which deposit and identity go together, and only a
// refusal costs more when it is said again.
constexpr bool consequences_fit() {
    for (int number = 0; number <= static_cast<int>(Layer::kRefusal); ++number) {
        const auto layer = static_cast<Layer>(number);
        for (uint32_t refusals = 1; refusals <= kRefusalsMax; ++refusals) {
            const Consequence follows = consequence_of(layer, refusals);
            const bool refusal = follows.cause == ForfeitCause::kRefusal;
            const bool all =
                follows.cause == ForfeitCause::kCheat || (refusal && refusals == kRefusalsMax);
            if (refusal != (layer == Layer::kRefusal) || follows.takes_deposit != all ||
                follows.ejects != all) {
                return false;
            }
        }
    }
    return true;
}
static_assert(consequences_fit());
static_assert(kRefusalsMax > 1, "the first refusal may be an accident");

}  // namespace assay
