// What the books hold of one peer: its money, its open COMMITs, and what its next one starts from.

#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/digest.h"
#include "core/ids.h"
#include "ledger/escrow.h"

namespace assay {

// One COMMIT, kept while something can still become of it.
struct BookedCommit {
    bool accepted = false;  // by the layers that gate
    bool gated = false;
    bool rejected = false;
    bool counted = false;
    bool audited = false;  // an audit job was recorded: pay waits for its verdict
    bool decided = false;  // the gradient audit (or appeal) accepted it
    bool rolled_back = false;
    bool owed = false;  // its challenge was not answered in its round, and is open

    [[nodiscard]] bool awaits_audit() const { return audited && !decided && !rejected; }
};

// The inner state that a peer's next COMMIT must start from.
struct StartState {
    uint32_t tenure_rounds = 0;
    uint64_t optimiser_steps = 0;  // 0: all three roots are those of zeros
    Digest m_root;
    Digest v_root;
    Digest e_root;
};

struct PeerBook {
    Escrow escrow;
    StartState state;  // after the last counted round
    std::map<RoundId, BookedCommit> commits;
    std::optional<RoundId> last_commit;
    std::optional<RoundId> rejected_in;  // the open round when the last rejection came
    std::optional<RoundId> suspected;    // the open round when the last suspicion came
    uint32_t sequences_most = 0;         // largest B_i that counted since the last rejection
    uint64_t tokens_counted = 0;         // verified, of all rounds
    uint32_t refusals = 0;               // challenges never answered
    uint32_t cheats = 0;                 // proven
    uint32_t faults = 0;                 // other rejections
    uint32_t faults_standing = 0;        // of these: neither cleared by counted rounds nor pardoned
    bool ejected = false;                // by a rejection or by the operator, and not pardoned

    // Whether any of its COMMITs does: no deposit goes back before.
    [[nodiscard]] bool awaits_audit() const;
    // The oldest round whose challenge is open: nothing of this peer vests meanwhile.
    [[nodiscard]] std::optional<RoundId> owes_since() const;
    [[nodiscard]] bool owes() const { return owes_since().has_value(); }
};

}  // namespace assay
