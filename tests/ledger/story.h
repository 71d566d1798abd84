// One run with every kind of record, for the tests of this folder.

#pragma once

#include "ledger/memory_ledger.h"
#include "tests/ledger/test_run.h"

namespace assay {

inline PaySettings short_pay() {
    PaySettings pay;
    pay.pool_per_round = 1000003;
    pay.vest_rounds = 2;
    pay.verdict_window = 2;
    pay.max_absence = 3;
    pay.debt_seconds = 5;
    pay.debt_rounds = 100;
    return pay;
}

// Four peers: 0 honest, 1 audited every round, 2 falls to each lesser fault, 3 cheats and is found
// by a late audit. Every kind of record occurs.
struct Story {
    Story() : ledger(Identity::from_seed(test_digest("coordinator"))), run(ledger, 5, short_pay()) {
        using C = Conduct;
        run.planned_rounds = 7;
        run.round({{1, C::kAudited}, {3, C::kAudited}});
        run.audit(RoundId{0}, 1, true);
        run.audit(RoundId{0}, 3, true);
        run.round({{1, C::kAudited}, {2, C::kGated}, {3, C::kAudited}});
        run.round({{1, C::kAudited}, {2, C::kLate}, {3, C::kAudited}});
        run.audit(RoundId{1}, 1, true);
        run.audit(RoundId{1}, 3, true);
        run.audit(RoundId{2}, 1, true);
        run.audit(RoundId{2}, 3, false);  // late: round 2 is summarised
        run.write({make_draft(RecordKind::kFee,
                              RoundId{},
                              test_peer(200),
                              FeeBody{250, 1000, test_digest("receipt")})});
        run.round({}, true);
        run.round({{1, C::kAudited}, {2, C::kSilent}, {4, C::kStale}});
        run.audit(RoundId{4}, 1, true);
        run.write({make_draft(RecordKind::kOrder,
                              RoundId{4},
                              run.id(4),
                              OrderBody{Instant{46000}, OrderKind::kPardon, "a bad cable"})});
        rolled_back_round();
        run.answer(RoundId{4}, 2, true);
        run.round({{1, C::kAudited}, {2, C::kCheat}});
        run.audit(RoundId{6}, 1, true);
        run.end();
    }
    // Round 5: takes the share of the late rejection out.
    void rolled_back_round() {
        run.before_summary = [this] {
            run.write({make_draft(RecordKind::kRollback,
                                  RoundId{2},
                                  run.id(3),
                                  RollbackBody{RoundId{5}, "rejected late"})});
        };
        run.round({{1, Conduct::kAudited}, {0, Conduct::kAway}});
        run.before_summary = nullptr;
        run.audit(RoundId{5}, 1, true);
    }

    MemoryLedger ledger;
    TestRun run;
};

}  // namespace assay
