// What outer steps are made of: who entered, what is taken back, and a step to be taken again.
// Plain values.

#pragma once

#include <vector>

#include "core/digest.h"
#include "core/ids.h"
#include "protocol/messages.h"

namespace assay {

struct ContributionRef {
    PeerId peer;
    BlobRef payload;
    double weight = 0;
};
// A late rejection: -D_i of that round goes into E.
struct TakeBack {
    RoundId round;
    PeerId peer;
    std::vector<ContributionRef> entered;  // all of that round's aggregate, in order of id
};
// An outer step that the ledger says was taken, and what it must lead to.
struct OuterStepAgain {
    RoundId round;
    std::vector<ContributionRef> entered;  // in order of id
    std::vector<TakeBack> take_backs;
    Digest theta_root;
    Digest accumulator_root;
    Digest momentum_root;
};

}  // namespace assay
