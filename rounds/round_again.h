// A closed round as the ledger tells it: what was ordered of its judge, and what the coordinator
// wrote down of the answers. Pure; whoever has the ledger reads the same.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "ledger/ledger.h"
#include "rounds/run_state.h"
#include "verify/judge_order.h"
#include "verify/recollection.h"
#include "verify/settings.h"

namespace assay {

// An audit job of the round, and the reports on it, in order.
struct RecordedAudit {
    AuditJob job;
    std::vector<AuditReport> reports;
};

// A challenge that was answered behind its round, and what the ledger says came of it.
struct RecordedAnswer {
    OpeningNotice notice;
    std::optional<Verdict> verdict;
};

struct RoundAgain {
    // Reads the ledger up to its end. Fails where it leads to no state, or where the round is not
    // in it or not closed yet.
    static Result<RoundAgain> read(const Ledger& ledger,
                                   const RunManifest& manifest,
                                   const PaySettings& pay,
                                   const VerifySettings& verify,
                                   RoundId round);

    // All records before the verdicts: nothing of it was known to the judge later than that.
    std::unique_ptr<RunState> before;
    JudgeRound order;   // without submissions: nobody was judged
    Recollection past;  // points into `before`
    std::map<PeerId, Verdict> verdicts;
    std::map<PeerId, DebtBody> debts;
    std::map<PeerId, PayShareBody> shares;   // of the zero id: of the encoding
    std::set<TakenShare> taken_back;         // with this round's step
    std::map<Digest, RecordedAudit> audits;  // by digest of the job
    std::map<PeerId, Verdict> audited;       // verdicts of the gradient audits
    std::map<PeerId, RecordedAnswer> late;
    RoundSummary summary;

private:
    void take(const EventHead& head, const LedgerEvent& event);
    void take_late(const EventHead& head, const LedgerEvent& event);
    bool closed_ = false;
};

}  // namespace assay
