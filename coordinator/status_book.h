// Gathers what people want to see of a run from the machine's state and from what became durable.
//
// Decides nothing and may be wrong without harm. Owned by the event loop.

#pragma once

#include <functional>
#include <map>

#include "coordinator/judge_jobs.h"
#include "ledger/event.h"
#include "rounds/round_machine.h"
#include "status/run_status.h"

namespace assay {

class StatusBook {
public:
    using OnStatus = std::function<void(const CoordinatorStatus&)>;
    using OnRound = std::function<void(const RoundStatus&)>;

    // `start` says what does not change: the endpoint, the key, the unigram entropy.
    StatusBook(const RoundMachine& machine,
               const RunConfig& config,
               CoordinatorStatus start,
               OnStatus on_status,
               OnRound on_round);

    // What happened, as the event loop sees it.
    void changed() { changed_ = true; }
    void recorded(const Persist& durable, Instant now);
    void judged(const JudgeTimes& times);
    void audited(const AuditTime& time) { audit_seconds_ += time.seconds; }
    void received(const PeerId& peer, uint64_t bytes) { bytes_up_[peer] += bytes; }
    void refused(uint64_t count) {
        changed_ = changed_ || count != refused_;
        refused_ = count;
    }
    void finished(bool complete) { finished_ = complete; }

    // Calls on_status if something changed and the last call is long enough ago, or if it must.
    void publish(Instant now, bool must = false);

private:
    // Of the newest judged round of a peer.
    struct Newest {
        std::string verdict;
        std::string reason;
        int64_t pay_share_nano = 0;
        int64_t earned = 0;
        uint64_t payload_bytes = 0;
        uint64_t uploaded_bytes = 0;
    };

    void on(const EventHead& head, const Verdict& verdict);
    void on(const EventHead& head, const PayShareBody& share);
    void on(const EventHead& head, const SettlementBody& settlement);
    void on(const EventHead& head, const RoundSummary& summary);
    // What the machine's state tells better, or nobody watches.
    void on(const EventHead&, const RunStartEvent&) {}
    void on(const EventHead&, const JoinBody&) {}
    void on(const EventHead&, const RosterBody&) {}
    void on(const EventHead&, const RoundPlan&) {}
    void on(const EventHead&, const CommitEvent&) {}
    void on(const EventHead&, const PayloadBody&) {}
    void on(const EventHead&, const CloseEvent&) {}
    void on(const EventHead&, const Beacon&) {}
    void on(const EventHead&, const OpeningEvent&) {}
    void on(const EventHead&, const DebtBody&) {}
    void on(const EventHead&, const OrderBody&) {}
    void on(const EventHead&, const AuditJob&) {}
    void on(const EventHead&, const AuditReportEvent&) {}
    void on(const EventHead&, const VestingBody&) {}
    void on(const EventHead&, const ForfeitBody&) {}
    void on(const EventHead&, const RollbackBody&) {}
    void on(const EventHead&, const FeeBody&) {}
    void on(const EventHead&, const RunEndBody&) {}
    [[nodiscard]] std::vector<PeerStatus> peers() const;
    [[nodiscard]] std::string doing(const PeerId& peer) const;

    const RoundMachine& machine_;
    CoordinatorStatus status_;
    OnStatus on_status_;
    OnRound on_round_;
    uint32_t inner_steps_;
    std::map<PeerId, Newest> newest_;
    std::map<PeerId, uint64_t> bytes_up_;  // of the round that runs
    JudgeTimes judged_;
    double audit_seconds_ = 0;
    int64_t shares_sum_ = 0;  // of the batch that ends a round
    Instant recorded_at_;     // of the batch that is read
    uint64_t refused_ = 0;
    bool finished_ = false;
    bool changed_ = true;
    Instant published_;
};

}  // namespace assay
