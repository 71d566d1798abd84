// Answers each challenge as the beacon of the round before asked for it, the first one as that of
// no round at all: an opening of what was committed, and of other steps and chunks than were drawn.
// The refusal decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class OldOpeningPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;

private:
    Digest old_;   // the beacon of before
    Digest last_;  // the newest one
};

}  // namespace assay
