#include "adversaries/adversary.h"

#include <utility>

#include "adversaries/copycat.h"
#include "adversaries/framer.h"
#include "adversaries/lazy.h"
#include "adversaries/other_data.h"
#include "adversaries/parasite.h"
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
    std::optional<Layer> layer;  // none: it chooses by what is drawn, and does so for long
    std::unique_ptr<Trainer> (*make)(TrainerSettings, TrainerPorts, GradientModel&);
};

constexpr Attack kAttacks[] = {
    {"random", Layer::kChunkChain, make<RandomPeer>},
    {"sign_flip", Layer::kChunkChain, make<SignFlipPeer>},
    {"scaled", Layer::kChunkChain, make<ScaledPeer>},
    {"lazy", Layer::kGradientAudit, make<LazyPeer>},
    {"other_data", Layer::kGradientAudit, make<OtherDataPeer>},
    {"copycat", Layer::kRefusal, make<CopycatPeer>},
    {"stale", Layer::kForm, make<StalePeer>},
    {"framer", Layer::kForm, make<FramerPeer>},
    {"silent", Layer::kRefusal, make<SilentPeer>},
    {"parasite", std::nullopt, make<ParasitePeer>},
};

}  // namespace

const std::vector<std::string>& adversary_names() {
    static const std::vector<std::string> kNames = [] {
        std::vector<std::string> all;
        for (const Attack& attack : kAttacks) {
            if (attack.layer) {
                all.emplace_back(attack.name);
            }
        }
        return all;
    }();
    return kNames;
}

const std::vector<std::string>& strategy_names() {
    static const std::vector<std::string> kNames = [] {
        std::vector<std::string> all;
        for (const Attack& attack : kAttacks) {
            if (!attack.layer) {
                all.emplace_back(attack.name);
            }
        }
        return all;
    }();
    return kNames;
}

std::optional<Layer> deciding_layer(std::string_view name) {
    for (const Attack& attack : kAttacks) {
        if (attack.name == name) {
            return attack.layer;
        }
    }
    return std::nullopt;
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
