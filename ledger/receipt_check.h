// Judges what a coordinator signed to a peer (receipts, CLOSE, summary) against its ledger: whether
// the ledger says what the signature says. Pure; what is handed in is a stranger's.

#pragma once

#include <string>
#include <vector>

#include "ledger/ledger.h"
#include "protocol/messages.h"

namespace assay {

struct ReceiptReport {
    std::vector<std::string> held;  // what the ledger says too
    std::vector<std::string>
        contradicted;                    // what the ledger denies: proofs against the coordinator
    std::vector<std::string> worthless;  // what proves nothing: forged, of another run, no receipt

    [[nodiscard]] bool ok() const { return contradicted.empty() && worthless.empty(); }
    // A line each; no last newline.
    [[nodiscard]] std::string text() const;
};

// `text`: as `assay peer dispute` writes it (protocol/signed_lines.h). Fails where it is no such
// text, or holds nothing, or the ledger does not begin with a run.
Result<ReceiptReport> judge_receipts(const Ledger& ledger, const std::string& text);

}  // namespace assay
