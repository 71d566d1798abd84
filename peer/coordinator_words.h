// What the coordinator has signed to this peer lately, so that it cannot say otherwise afterwards.
//
// Keeps the newest plans, CLOSEs, summaries and receipts, and holds each new one against them. Part
// of PeerMachine.

#pragma once

#include <deque>
#include <optional>
#include <string>

#include "protocol/messages.h"

namespace assay {

struct Contradiction {
    Envelope first;
    Envelope second;
    std::string what;
};

class CoordinatorWords {
public:
    // The first thing that was signed before and cannot stand beside it; each such thing is told
    // once. What contradicts is not kept.
    std::optional<Contradiction> take(const Message& message, const Envelope& envelope);

private:
    struct Word {
        Message message;
        Envelope envelope;
        bool told = false;
    };
    std::deque<Word> words_;  // the newest last
};

}  // namespace assay
