// L2: who submitted somebody else's work, or his own of an earlier round.
//
// Equal roots prove a copy; much overlap of indices, a high cosine or mirrored signs are only
// suspicious. Says which pairs, never who of a pair is to blame: verify/judge.h decides that. Not
// thread-safe; owned by the coordinator's model thread.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/ids.h"
#include "protocol/messages.h"
#include "verify/peer_payload.h"
#include "verify/settings.h"

namespace assay {

enum class CopySign { kEqualStates, kEqualTrace, kEqualPayload, kOverlap, kCosine, kMirrored };

struct PairFinding {
    PeerId peer;  // of this round
    PeerId other;
    RoundId round;
    RoundId other_round;  // this round, or an earlier one
    CopySign sign = CopySign::kOverlap;
    double overlap = 0;         // shared indices / kept indices
    double sign_agreement = 0;  // of the shared ones
    double cosine = 0;
    std::string reason;

    // Equal roots or payloads: at most one of the two can be work done for its own assignment.
    [[nodiscard]] bool proves_copy() const {
        return sign == CopySign::kEqualStates || sign == CopySign::kEqualTrace ||
               sign == CopySign::kEqualPayload;
    }
    [[nodiscard]] bool concerns(const PeerId& id) const {
        return peer == id || (other == id && round == other_round);
    }
};

struct PairFigures {
    double overlap = 0;
    double sign_agreement = 0;
    double cosine = 0;
};
PairFigures compare_entries(const PayloadEntries& a, const PayloadEntries& b);

// How alike two payloads of one round are.
struct Likeness {
    PeerId peer;
    PeerId other;
    PairFigures figures;

    [[nodiscard]] bool concerns(const PeerId& id) const { return peer == id || other == id; }
    // REQUIRES: concerns(id).
    [[nodiscard]] const PeerId& other_than(const PeerId& id) const {
        return peer == id ? other : peer;
    }
};

// 128 minima of hashed indices: 512 bytes that estimate how much two index sets share.
class MinHash {
public:
    static constexpr size_t kSlots = 128;
    explicit MinHash(const PayloadEntries& entries);
    // Estimated Jaccard similarity, standard deviation about 0.04; 0 for empty sets.
    [[nodiscard]] double similarity(const MinHash& other) const;

private:
    std::array<uint32_t, kSlots> slots_{};
    bool empty_ = true;
};

// What L2 looks at. Entries may be empty (dense payloads) or null (a payload that was refused):
// then only roots and hashes count.
struct SubmissionView {
    PeerId peer;
    RoundId round;
    Digest states_root;
    Digest trace_root;
    Digest payload_hash;
    const PayloadEntries* entries = nullptr;
};

// Fetches an old payload again; nothing if it is gone.
using EntriesLoader = std::function<std::optional<PayloadEntries>(const PeerId&, RoundId)>;

// Of every pair of the round, in its order; of a round of more than 64 those whose sketches are
// near.
std::vector<Likeness> compare_payloads(std::span<const SubmissionView> round);

class PayloadHistory {
public:
    // Every suspicious pair of `alike`, which is compare_payloads(round), and between the round and
    // those kept. How alike two honest payloads are depends on model and data: suspicious is what
    // lies beyond `limits`. That a peer's payload is like its own of before is no sign: the task is
    // the same. Equal it may not be.
    [[nodiscard]] std::vector<PairFinding> find_copies(std::span<const SubmissionView> round,
                                                       std::span<const Likeness> alike,
                                                       const VerifySettings& settings,
                                                       const TripwireFigures& limits,
                                                       const EntriesLoader& load) const;
    // Keeps sketches of these, all of `round`, and forgets what is overlap_rounds old by then.
    void keep(RoundId round,
              std::span<const SubmissionView> submitted,
              const VerifySettings& settings);
    [[nodiscard]] size_t size() const { return kept_.size(); }

private:
    struct Kept {
        PeerId peer;
        RoundId round;
        Digest payload_hash;
        MinHash sketch;
    };
    [[nodiscard]] std::vector<PairFinding> find_old_copies(const SubmissionView& view,
                                                           const VerifySettings& settings,
                                                           const TripwireFigures& limits,
                                                           const EntriesLoader& load) const;

    std::vector<Kept> kept_;
};

}  // namespace assay
