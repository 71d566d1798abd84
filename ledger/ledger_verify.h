// Checks a whole ledger offline and names the first record that is wrong, and the rule that it
// breaks (ledger/ledger_rule.h).
//
// Recomputes what follows from the records, from the run file in the manifest, and from what the
// caller knows. What lies outside the ledger (payloads, openings) is not looked at: what a layer
// found in them is the coordinator's word until somebody judges the round again.

#pragma once

#include "ledger/ledger.h"
#include "ledger/ledger_checks.h"
#include "ledger/verify_report.h"

namespace assay {

// Stops at the first bad record. The report says what was good before it.
VerifyReport verify_ledger(const Ledger& ledger, const LedgerChecks& checks = {});

// The manifest in the first record: the terms of a run follow from its settings.
Result<RunManifest> ledger_manifest(const Ledger& ledger);

}  // namespace assay
