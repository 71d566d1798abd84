// Works honestly and keeps everybody waiting: says each COMMIT and opening as late as it is waited
// for, sends its blobs no faster than it must, and connects anew meanwhile. How long a round may be
// held decides, not how many hold it: longest_round.

#pragma once

#include "adversaries/seeing_trainer.h"

namespace assay {

class TricklePeer : public SeeingTrainer {
public:
    TricklePeer(TrainerSettings settings,
                TrainerPorts ports,
                GradientModel& model,
                const AdversaryPorts& seen);
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;
};

}  // namespace assay
