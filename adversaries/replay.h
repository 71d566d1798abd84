// Sends the payload of its first round again and again. L2 finds it among those of before.

#pragma once

#include <optional>

#include "peer/trainer.h"

namespace assay {

class ReplayPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;

private:
    std::optional<PeerPayload> first_;
};

}  // namespace assay
