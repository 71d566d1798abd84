// Two honest rounds; then no work. What it says instead is old or of elsewhere: its COMMIT of
// before, the same under the number of this round, one to another run, the notices of its payload
// and of its opening of before. That each names its run, its round and its plan decides.

#pragma once

#include <optional>

#include "adversaries/adversary_ports.h"
#include "peer/trainer.h"

namespace assay {

class OldCommitPeer : public Trainer {
public:
    OldCommitPeer(TrainerSettings settings,
                  TrainerPorts ports,
                  GradientModel& model,
                  const AdversaryPorts& seen);
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;

private:
    void say_old(const RoundPlan& plan) const;

    AdversaryPorts seen_;
    uint32_t honest_ = 0;  // rounds trained
    std::optional<TrainedRound> last_;
    std::optional<OpeningNotice> opened_;
};

}  // namespace assay
