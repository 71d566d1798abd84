// A run's folder as readers see it: its ledger, and what is needed to recompute it.

#pragma once

#include <filesystem>
#include <memory>

#include "ledger/ledger_verify.h"
#include "ledger/sqlite_ledger.h"

namespace assay {

// Read-only; works while a coordinator writes, and on a copy.
Result<std::unique_ptr<SqliteLedger>> open_ledger(const std::filesystem::path& folder);

// Callbacks that recompute assignments and audit draws from the manifest and the run's data.
Result<LedgerChecks> ledger_checks(const std::filesystem::path& folder, const Ledger& ledger);

}  // namespace assay
