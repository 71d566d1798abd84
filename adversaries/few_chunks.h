// Trains honestly, then turns the signs of the one chunk that has most energy. L6 finds it where
// that chunk is drawn, as half of the draws by energy soon do; each draw that misses it is one
// poisoned round.

#pragma once

#include "peer/trainer.h"

namespace assay {

class FewChunksPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
