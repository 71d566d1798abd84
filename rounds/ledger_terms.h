// What a verifier of a ledger knows of the run's settings: the rules that a coordinator goes by, as
// terms that its records are held against. Pure.

#pragma once

#include "ledger/ledger_checks.h"
#include "rounds/round_rules.h"

namespace assay {

// data_known: rules.sample_count is that of the run's data; otherwise deals hold no samples.
RunTerms ledger_terms(const RoundRules& rules, const Digest& run_seed, bool data_known);

}  // namespace assay
