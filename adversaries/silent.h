// Commits and submits, and never opens. The refusal decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class SilentPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;
};

}  // namespace assay
