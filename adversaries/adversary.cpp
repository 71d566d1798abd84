#include "adversaries/adversary.h"

#include <utility>

#include "adversaries/copycat.h"
#include "adversaries/lazy.h"
#include "adversaries/other_data.h"
#include "adversaries/random.h"
#include "adversaries/scaled.h"
#include "adversaries/sign_flip.h"
#include "adversaries/silent.h"
#include "adversaries/stale.h"

namespace assay {

namespace {

template <typename Adversary>
std::unique_ptr<Trainer> make(TrainerSettings settings, TrainerPorts ports, GradientModel& model) {
    return std::make_unique<Adversary>(std::move(settings), std::move(ports), model);
}

struct Attack {
    std::string_view name;
    std::string_view words;  // of verify/, in the layer that docs/verification.md names
    std::unique_ptr<Trainer> (*make)(TrainerSettings, TrainerPorts, GradientModel&);
};

constexpr Attack kAttacks[] = {
    {"random", "of the payload", make<RandomPeer>},
    {"sign_flip", "codes of the payload differ", make<SignFlipPeer>},
    {"scaled", "scales of the payload", make<ScaledPeer>},
    {"lazy", "gradient audit of step", make<LazyPeer>},
    {"other_data", "gradient audit of step", make<OtherDataPeer>},
    {"copycat", "does not open for its own assignment", make<CopycatPeer>},
    {"stale", "base root", make<StalePeer>},
    {"silent", "the opening did not come in time", make<SilentPeer>},
};

}  // namespace

const std::vector<std::string>& adversary_names() {
    static const std::vector<std::string> kNames = [] {
        std::vector<std::string> all;
        for (const Attack& attack : kAttacks) {
            all.emplace_back(attack.name);
        }
        return all;
    }();
    return kNames;
}

std::string_view deciding_words(std::string_view name) {
    for (const Attack& attack : kAttacks) {
        if (attack.name == name) {
            return attack.words;
        }
    }
    return {};
}

std::unique_ptr<Trainer> make_adversary(std::string_view name,
                                        TrainerSettings settings,
                                        TrainerPorts ports,
                                        GradientModel& model) {
    for (const Attack& attack : kAttacks) {
        if (attack.name == name) {
            return attack.make(std::move(settings), std::move(ports), model);
        }
    }
    return nullptr;
}

}  // namespace assay
