// Sends its values in the first places of every chunk, as all of its clique do: there the clique
// outvotes whoever is alone with an entry. L6 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class IndexPoisonPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
