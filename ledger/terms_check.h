// Whether a roster and a plan are what the run file makes of the records below them. Pure.
//
// What only the coordinator could know (who was connected, how fast a link was) has bounds here,
// everything else one value. Part of ledger_verify.

#pragma once

#include "ledger/bodies.h"
#include "ledger/books.h"
#include "ledger/ledger_checks.h"

namespace assay {

Status check_roster_terms(const RunTerms& terms,
                          const RosterBody& roster,
                          const Books& books,
                          const RuleBook& rules);

// All of a plan but where it stands in the stream. REQUIRES: its peers are those of its roster.
Status check_plan_terms(const RunTerms& terms,
                        const RoundPlan& plan,
                        const Books& books,
                        const RuleBook& rules);

// Where the stream stands when a plan is made.
struct StreamPlace {
    uint64_t position = 0;
    std::vector<SampleRange> pool;
};
// Behind the round that `deal` was for; `returned`: ranges of what did not count, and of shares
// that were taken out since.
StreamPlace place_behind(const RunTerms& terms,
                         const Deal& deal,
                         std::vector<SampleRange> returned);

// The deal, unless it is larger than any verifier would look up.
Result<Deal> deal_of(const RunTerms& terms, const RoundPlan& plan);

}  // namespace assay
