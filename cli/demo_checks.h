// Whether a demo kept what it promises: one line a promise, with the figures. Pure.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/demo_plan.h"
#include "ledger/audit_tally.h"
#include "protocol/messages.h"
#include "status/status_json.h"

namespace assay {

struct DemoOutcome {
    CoordinatorStatus status;
    std::vector<RoundStatus> rounds;
    std::vector<PeerReport> reports;       // in order of DemoPlan::peers
    std::map<PeerId, Verdict> rejections;  // by the ledger
    AuditTally audits;                     // by the ledger
    bool ledger_ok = false;
    std::string ledger_text;
    bool answered = false;
    std::string answer;
    double seconds = 0;
};

struct DemoCheck {
    bool ok = false;
    std::string text;
};

// One a promise, kept or not, in the order in which people read them.
std::vector<DemoCheck> check_demo(const DemoPlan& plan, const DemoOutcome& outcome);
// What `assay demo --json` prints; for scripts, which ask "ok" first.
std::string demo_json(const DemoPlan& plan,
                      const DemoOutcome& outcome,
                      const std::vector<DemoCheck>& checks);

}  // namespace assay
