// What an operator reads of a run while it goes on: who came and went, how many are waited for,
// whose work did not count and why, and who lost how much.
//
// Tells what is durable, and only once. Decides nothing, and is given whom to tell. Owned by the
// event loop.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/clock.h"
#include "ledger/event.h"
#include "rounds/round_machine.h"

namespace assay {

class RunLog {
public:
    using Say = std::function<void(const std::string&)>;

    // peers_wanted: how many a first round waits for. `inform` and `warn` get one line each time.
    RunLog(const RoundMachine& machine, size_t peers_wanted, Say inform, Say warn);

    // These records are durable.
    void recorded(const Persist& durable);
    // Whoever is connected may be another: to be called now and then.
    void look(Instant now);

private:
    void on(const EventHead& head, const JoinBody& join);
    void on(const EventHead& head, const CloseEvent& close);
    void on(const EventHead& head, const DebtBody& debt);
    void on(const EventHead& head, const OrderBody& order);
    void on(const EventHead& head, const Verdict& verdict);
    void on(const EventHead& head, const ForfeitBody& forfeit);
    void on(const EventHead& head, const RollbackBody& rollback);
    void on(const EventHead& head, const RoundSummary& summary);
    // Every round has these, and nobody wonders.
    void on(const EventHead&, const RunStartEvent&) {}
    void on(const EventHead&, const RosterBody&) {}
    void on(const EventHead&, const RoundPlan&) {}
    void on(const EventHead&, const CommitEvent&) {}
    void on(const EventHead&, const PayloadBody&) {}
    void on(const EventHead&, const Beacon&) {}
    void on(const EventHead&, const OpeningEvent&) {}
    void on(const EventHead&, const AuditJob&) {}
    void on(const EventHead&, const AuditReportEvent&) {}
    void on(const EventHead&, const PayShareBody&) {}
    void on(const EventHead&, const SettlementBody&) {}
    void on(const EventHead&, const VestingBody&) {}
    void on(const EventHead&, const FeeBody&) {}
    void on(const EventHead&, const RunEndBody&) {}

    void tell_presence(const PeerId& peer, bool here, Instant now);
    void tell_waiting();

    // Of a peer that was told of.
    struct Presence {
        bool here = false;
        std::optional<Instant> told;  // when it was last said to be here
    };

    const RoundMachine& machine_;
    size_t peers_wanted_;
    Say inform_;
    Say warn_;
    std::map<PeerId, Presence> seen_;
    std::string waiting_;  // as it was told last
};

}  // namespace assay
