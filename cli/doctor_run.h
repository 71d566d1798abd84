// `assay doctor` beside a run: whether its coordinator answers and lets this node in, how fast the
// link is, and what a round costs here.
//
// Takes no part in the run: it says Hello as somebody who does not know the run yet, which makes no
// member and no record, fetches what anybody may fetch, and leaves.

#pragma once

#include <string>
#include <vector>

#include "cli/compute_options.h"
#include "cli/finding.h"

namespace assay {

struct RunVisit {
    std::string coordinator;  // "": none is asked
    std::string coordinator_key;
    std::string config;  // run file, "": that of the coordinator's run
    std::string folder;  // of a peer, whose key is shown to the coordinator if it is there
    ComputeOptions compute;
};

// Nothing where neither a coordinator nor a run file is named.
std::vector<Finding> visit_run(const RunVisit& visit);

}  // namespace assay
