// Evidence of all layers in, verdicts with their reasons in words out. Pure.
//
// The order of layers decides what a refusal is called; later layers are not needed once an earlier
// one has refused. A layer that was not run leaves its evidence empty and decides nothing.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/messages.h"
#include "verify/chunk_audit.h"
#include "verify/direction_gate.h"
#include "verify/overlap.h"
#include "verify/tripwire.h"

namespace assay {

struct Evidence {
    RoundId round;
    PeerId peer;
    Digest beacon;  // with the two hashes: what a third party needs to check again
    Digest commit_hash;
    Digest opening_hash;  // plain SHA-256; zero if none came

    std::optional<Status> form;               // L1 of COMMIT and payload
    std::string unanswered;                   // why the challenge is not answered; "": it is
    std::string store_fault;                  // why the judge's own store cannot show what came
    std::optional<Status> opening;            // decoding, and L1 of the opening
    std::vector<PairFinding> copies;          // L2, all pairs of the round
    std::vector<Likeness> likenesses;         // of its payload and the others'
    std::optional<ChunkAuditReport> chain;    // L6
    std::optional<TripwireReport> tripwire;   // L6t
    std::optional<DirectionScore> direction;  // L3
    double gate_t = 0;
    std::vector<AuditReport> audits;  // L5 reports that are already here
};

// Whether its chain was opened and passed L1 and L6. Only such a chain is evidence against another
// peer: what is merely committed or sent anybody may have made of somebody else's work.
bool speaks(const Evidence& evidence);

// kRejected: form, copies (with proof of who), chunk chain, gradient audit. kGated: a challenge
// that is not answered (kRefusal), what came is lost at the judge's own, an unresolved copy of an
// earlier round's payload, a direction that does not help. Else kAccepted; `suspicious` then says
// that L2 or L6t fired, and that the peer's next rounds are audited with certainty. silent: peers
// of the round that say nothing about another one: what pairs them with this peer does not count.
Verdict judge(const Evidence& evidence, std::span<const PeerId> silent = {});

// Whether the verdict leaves the challenge open: it may still be answered.
bool is_unanswered(const Verdict& verdict);

// One verdict for each peer of a round, in the order given. Of a pair with equal roots the one
// whose chain does not open for its own assignment is the cheat, and the other is as if it had
// never been paired. Where both open, the drawn audits decide, and nobody is held back: both are
// suspicious. REQUIRES: evidence of one round, each peer once.
std::vector<Verdict> judge_round(std::span<const Evidence> round);

// The verdict of the audits of one peer in one round, in the round or later. Where auditors
// disagree about a step, or none could recompute it (not_audited), nobody is blamed, and the peer
// stays suspicious: its next rounds are audited with certainty.
Verdict judge_audits(RoundId round,
                     const PeerId& peer,
                     const Digest& evidence,
                     std::span<const AuditReport> reports,
                     bool answered_in_time);

// H("evidence" | beacon | commit hash | opening hash).
Digest evidence_digest(const Evidence& evidence);

}  // namespace assay
