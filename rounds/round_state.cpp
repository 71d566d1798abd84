#include "rounds/round_state.h"

#include <algorithm>

#include "protocol/plan.h"

namespace assay {

bool AuditState::decided() const {
    return reports.size() >= 2 ||
           std::any_of(reports.begin(), reports.end(), [](const AuditReport& report) {
               return report.pass;
           });
}

bool RoundState::audit_pending(const PeerId& peer) const {
    return std::any_of(audits.begin(), audits.end(), [&](const auto& entry) {
        return entry.second.job.peer == peer && !entry.second.decided();
    });
}

bool RoundState::any_audit_pending() const {
    return std::any_of(
        audits.begin(), audits.end(), [](const auto& entry) { return !entry.second.decided(); });
}

bool RoundState::entered(const PeerId& peer) const {
    return summary && is_counted(*summary, peer);
}

}  // namespace assay
