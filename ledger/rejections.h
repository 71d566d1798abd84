// Which layer of the checks found a peer out: read from the verdicts of a ledger, never from their
// words.

#pragma once

#include <map>
#include <set>

#include "core/result.h"
#include "protocol/messages.h"

namespace assay {

class Ledger;

// Of each peer that was ever rejected, the last verdict that says why. Verdicts that only repeat
// that somebody was ejected before (Layer::kIdentity) are passed over.
Result<std::map<PeerId, Verdict>> last_rejections(const Ledger& ledger);

// Of each peer that was ever rejected, the rounds of which its COMMIT was, those verdicts aside.
Result<std::map<PeerId, std::set<RoundId>>> rejected_rounds(const Ledger& ledger);

}  // namespace assay
