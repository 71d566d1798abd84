// Hands in a colluder's chain, with every third value of the payload at another place so that no
// comparison of payloads pairs them. Its opening decides.

#pragma once

#include "adversaries/copycat.h"

namespace assay {

class DisguisedPeer : public CopycatPeer {
public:
    using CopycatPeer::CopycatPeer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
