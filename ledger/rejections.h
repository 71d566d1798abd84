// Which layer of the checks found a peer out: read from the verdicts of a ledger, never from their
// words.

#pragma once

#include <map>

#include "core/result.h"
#include "protocol/messages.h"

namespace assay {

class Ledger;

// Of each peer that was ever rejected, the last verdict that says why. Verdicts that only repeat
// that somebody was ejected before (Layer::kIdentity) are passed over.
Result<std::map<PeerId, Verdict>> last_rejections(const Ledger& ledger);

}  // namespace assay
