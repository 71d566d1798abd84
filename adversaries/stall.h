// Works honestly, announces its opening and does not have it: whoever fetches it is told so, and it
// announces it again, for as long as any opening might take. Then it sends it, as what it owes.
// That asking anew is no new time to answer decides.

#pragma once

#include "adversaries/seeing_trainer.h"

namespace assay {

class StallPeer : public SeeingTrainer {
public:
    using SeeingTrainer::SeeingTrainer;
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;
};

}  // namespace assay
