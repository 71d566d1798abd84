// Judges a closed round again, with the product's own judge, and says where the ledger says
// something else: verdicts, shares, aggregate, parameters, audits. Pure but for the judge's ports.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rounds/round_again.h"
#include "verify/round_judge.h"

namespace assay {

struct Recomputed {
    std::vector<std::string> same;     // what was compared and found equal, in words
    std::vector<std::string> differs;  // by peer and field: the ledger's, and what comes out
    std::vector<std::string> missing;  // what cannot be recomputed, and for want of what

    [[nodiscard]] bool ok() const { return differs.empty() && missing.empty(); }
    // A line each, and one that says how it ended; no last newline.
    [[nodiscard]] std::string text(RoundId round) const;
};

// Brings the judge from a state before the round to where the round starts, by the steps that the
// ledger holds in between. Fails, naming what is gone.
Status lead_to(const RoundAgain& again, RoundJudge& judge);

// `get` is the judge's own port. REQUIRES: lead_to succeeded.
Recomputed recompute(const RoundAgain& again,
                     RoundJudge& judge,
                     const std::function<Result<Bytes>(const BlobRef& blob)>& get);

}  // namespace assay
