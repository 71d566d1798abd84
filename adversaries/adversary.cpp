#include "adversaries/adversary.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "adversaries/adaptive.h"
#include "adversaries/ascent.h"
#include "adversaries/backdoor.h"
#include "adversaries/copycat.h"
#include "adversaries/denormal.h"
#include "adversaries/disguised.h"
#include "adversaries/dwarf.h"
#include "adversaries/farthest.h"
#include "adversaries/few_chunks.h"
#include "adversaries/forgetful.h"
#include "adversaries/forward_only.h"
#include "adversaries/framer.h"
#include "adversaries/half_batch.h"
#include "adversaries/held_out.h"
#include "adversaries/huge.h"
#include "adversaries/idle.h"
#include "adversaries/index_poison.h"
#include "adversaries/inner_product.h"
#include "adversaries/label_flip.h"
#include "adversaries/lazy.h"
#include "adversaries/little.h"
#include "adversaries/long_con.h"
#include "adversaries/low_precision.h"
#include "adversaries/nan.h"
#include "adversaries/nan_chain.h"
#include "adversaries/old_commit.h"
#include "adversaries/old_opening.h"
#include "adversaries/other_data.h"
#include "adversaries/parasite.h"
#include "adversaries/poison.h"
#include "adversaries/random.h"
#include "adversaries/replay.h"
#include "adversaries/scaled.h"
#include "adversaries/second_commit.h"
#include "adversaries/sign_flip.h"
#include "adversaries/silent.h"
#include "adversaries/split.h"
#include "adversaries/spread_fake.h"
#include "adversaries/squatter.h"
#include "adversaries/stale.h"
#include "adversaries/stall.h"
#include "adversaries/surfer.h"
#include "adversaries/sybil.h"
#include "adversaries/tampered.h"
#include "adversaries/trickle.h"
#include "adversaries/veteran.h"
#include "adversaries/withhold.h"
#include "adversaries/zero.h"

namespace assay {

namespace {

template <typename Adversary>
std::unique_ptr<Trainer> make(TrainerSettings settings,
                              TrainerPorts ports,
                              GradientModel& model,
                              const AdversaryPorts& seen) {
    if constexpr (std::is_constructible_v<Adversary,
                                          TrainerSettings,
                                          TrainerPorts,
                                          GradientModel&,
                                          const AdversaryPorts&>) {
        return std::make_unique<Adversary>(std::move(settings), std::move(ports), model, seen);
    } else {
        return std::make_unique<Adversary>(std::move(settings), std::move(ports), model);
    }
}

using Make = std::unique_ptr<Trainer> (*)(TrainerSettings,
                                          TrainerPorts,
                                          GradientModel&,
                                          const AdversaryPorts&);

struct Attack {
    std::string_view name;
    std::optional<Layer> layer;  // none: it chooses by what is drawn, and does so for long
    Make make;
    Make make_veteran;
};

template <typename Adversary>
constexpr Attack attack(std::string_view name, std::optional<Layer> layer) {
    return {name, layer, make<Adversary>, make<Veteran<Adversary>>};
}

constexpr Attack kAttacks[] = {
    // What comes behind honest training: payload, chain, opening.
    attack<RandomPeer>("random", Layer::kChunkChain),
    attack<SignFlipPeer>("sign_flip", Layer::kChunkChain),
    attack<ScaledPeer>("scaled", Layer::kChunkChain),
    attack<ZeroPeer>("zero", Layer::kChunkChain),
    attack<PoisonPeer>("poison", Layer::kChunkChain),
    attack<IndexPoisonPeer>("index_poison", Layer::kChunkChain),
    attack<InnerProductPeer>("inner_product", Layer::kChunkChain),
    attack<NanPeer>("nan", Layer::kForm),
    attack<NanChainPeer>("nan_chain", Layer::kChunkChain),
    attack<ReplayPeer>("replay", Layer::kCopies),
    // What a round starts from, and by which optimiser.
    attack<StalePeer>("stale", Layer::kForm),
    attack<ForgetfulPeer>("forgetful", Layer::kForm),
    attack<TamperedPeer>("tampered", Layer::kChunkChain),
    // Work that is not done.
    attack<LazyPeer>("lazy", Layer::kGradientAudit),
    attack<IdlePeer>("idle", Layer::kGradientAudit),
    attack<ForwardOnlyPeer>("forward_only", Layer::kGradientAudit),
    attack<HalfBatchPeer>("half_batch", Layer::kGradientAudit),
    attack<LowPrecisionPeer>("low_precision", Layer::kGradientAudit),
    // Other work than was dealt.
    attack<OtherDataPeer>("other_data", Layer::kGradientAudit),
    attack<HeldOutPeer>("held_out", Layer::kGradientAudit),
    attack<LabelFlipPeer>("label_flip", Layer::kGradientAudit),
    attack<BackdoorPeer>("backdoor", Layer::kGradientAudit),
    // Gradients that no batch gives.
    attack<AscentPeer>("ascent", Layer::kGradientAudit),
    attack<SpreadFakePeer>("spread_fake", Layer::kGradientAudit),
    attack<LittlePeer>("little", Layer::kGradientAudit),
    attack<FarthestPeer>("farthest", Layer::kGradientAudit),
    attack<SurferPeer>("surfer", Layer::kGradientAudit),
    attack<DwarfPeer>("dwarf", Layer::kGradientAudit),
    attack<DenormalPeer>("denormal", Layer::kGradientAudit),
    attack<HugePeer>("huge", Layer::kGradientAudit),
    // One machine's work under many keys.
    attack<CopycatPeer>("copycat", Layer::kRefusal),
    attack<DisguisedPeer>("disguised", Layer::kRefusal),
    attack<SybilPeer>("sybil", Layer::kCopies),
    attack<FramerPeer>("framer", Layer::kForm),
    attack<SilentPeer>("silent", Layer::kRefusal),
    attack<OldOpeningPeer>("old_opening", Layer::kRefusal),
    // Those that choose, or that nothing convicts because they take nothing.
    attack<ParasitePeer>("parasite", std::nullopt),
    attack<AdaptivePeer>("adaptive", std::nullopt),
    attack<LongConPeer>("long_con", std::nullopt),
    attack<FewChunksPeer>("few_chunks", std::nullopt),
    attack<SquatterPeer>("squatter", std::nullopt),
    attack<WithholdPeer>("withhold", std::nullopt),
    attack<SplitPeer>("split", std::nullopt),
    attack<SecondCommitPeer>("second_commit", std::nullopt),
    attack<OldCommitPeer>("old_commit", std::nullopt),
    attack<TricklePeer>("trickle", std::nullopt),
    attack<StallPeer>("stall", std::nullopt),
};

constexpr std::string_view kVeteran = "veteran_";

const Attack* find(std::string_view name) {
    const auto row = std::find_if(std::begin(kAttacks),
                                  std::end(kAttacks),
                                  [name](const Attack& one) { return one.name == name; });
    return row == std::end(kAttacks) ? nullptr : &*row;
}

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
    const Attack* found = find(name);
    return found == nullptr ? std::nullopt : found->layer;
}

std::unique_ptr<Trainer> make_adversary(std::string_view name,
                                        TrainerSettings settings,
                                        TrainerPorts ports,
                                        GradientModel& model,
                                        const AdversaryPorts& seen) {
    const bool veteran = name.starts_with(kVeteran);
    const Attack* found = find(veteran ? name.substr(kVeteran.size()) : name);
    if (found == nullptr) {
        return nullptr;
    }
    const Make make = veteran ? found->make_veteran : found->make;
    return make(std::move(settings), std::move(ports), model, seen);
}

}  // namespace assay
