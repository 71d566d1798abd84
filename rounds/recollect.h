// Reads a Recollection out of the ledger's fold: after a restart the judge knows the same as if it
// had never died. Pure; the blobs that it names are kept for it (rounds/retention.h).

#pragma once

#include "rounds/run_state.h"
#include "verify/recollection.h"
#include "verify/settings.h"

namespace assay {

// The state must outlive what is returned.
Recollection recollect(const RunState& state, const VerifySettings& settings);

}  // namespace assay
