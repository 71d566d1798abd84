// A run's folder as readers see it: its ledger, and what is needed to recompute it.

#pragma once

#include <filesystem>
#include <memory>

#include "ledger/ledger_verify.h"
#include "ledger/sqlite_ledger.h"

namespace assay {

// A coordinator's folder or the file of a ledger. Read-only; works while a coordinator writes, and
// on a copy.
Result<std::unique_ptr<SqliteLedger>> open_ledger(const std::filesystem::path& path);

// The terms of the run, from the settings in its manifest and, if they are there, from the list of
// its data; what is lacking stands in the reasons. data_folder: of the prepared data.
LedgerChecks ledger_checks(const std::filesystem::path& data_folder, const Ledger& ledger);

// Of a coordinator's folder, or of the file in it.
std::filesystem::path data_folder_of(const std::filesystem::path& path);

}  // namespace assay
