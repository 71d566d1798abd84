#include "protocol/plan.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr double kRampRounds = 10;  // of tenure, until a peer has its full weight

// Sums over a whole round fit their types, whatever passes the bounds of single fields.
static_assert(limits::kInnerStepsMax * limits::kSequencesPerStepMax <=
              UINT64_MAX / limits::kSequenceTokensMax / limits::kPeersMax);
static_assert(limits::kTokensMax <= INT64_MAX / limits::kPeersMax);
static_assert(limits::kSamplePositionMax <= INT64_MAX - limits::kInnerStepsMax *
                                                            limits::kSequencesPerStepMax *
                                                            limits::kPeersMax);
static_assert(limits::kTimeMsMax <= INT64_MAX / 4, "an instant and some durations add up");
static_assert(limits::kTilesMax * 4096 * sizeof(float) <= limits::kBlobBytesMax,
              "the parameters of the largest model are a blob");

}  // namespace

const PlanPeer* find_peer(const RoundPlan& plan, const PeerId& id) {
    const auto found = std::find_if(
        plan.peers.begin(), plan.peers.end(), [&](const PlanPeer& peer) { return peer.id == id; });
    return found == plan.peers.end() ? nullptr : &*found;
}

uint64_t assigned_tokens(const RoundPlan& plan, const PlanPeer& peer) {
    return uint64_t{plan.inner_steps} * peer.sequences_per_step * plan.sequence_tokens;
}

double plan_weight(const RoundPlan& plan, const PlanPeer& peer) {
    uint32_t largest = 1;
    for (const PlanPeer& other : plan.peers) {
        largest = std::max(largest, other.sequences_per_step);
    }
    const double ramp =
        std::min(1.0, (static_cast<double>(peer.tenure_rounds) + 1.0) / kRampRounds);
    ASSAY_CHECK(peer.sequences_per_step > 0 && peer.sequences_per_step <= largest);
    const double weight =
        ramp * static_cast<double>(peer.sequences_per_step) / static_cast<double>(largest);
    ASSAY_CHECK(weight > 0 && weight <= 1);
    return weight;
}

const SummaryEntry* find_entry(const RoundSummary& summary, const PeerId& id) {
    const auto found = std::find_if(summary.entries.begin(),
                                    summary.entries.end(),
                                    [&](const SummaryEntry& entry) { return entry.peer == id; });
    return found == summary.entries.end() ? nullptr : &*found;
}

bool is_counted(const RoundSummary& summary, const PeerId& id) {
    const SummaryEntry* entry = find_entry(summary, id);
    return entry != nullptr && entry->outcome == CommitOutcome::kCounted;
}

std::string in_words(RoundId round) {
    return "round " + std::to_string(round.value);
}

}  // namespace assay
