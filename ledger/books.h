// Books: who has earned what, and what the next plan must start from. A fold of the records.
//
// The same fold runs live, after a restart and offline, and it refuses a record that does not
// follow from those before: pay that the pay shares do not give, a reward that vests early or
// twice, a forfeit of another amount. Two books, never mixed: bonus (Escrow accounts) and fees. No
// file, no clock. Owned by whoever folds; copying is cheap enough for trying a batch out.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ledger/bodies.h"
#include "ledger/escrow.h"
#include "ledger/event.h"
#include "ledger/pay.h"
#include "ledger/peer_book.h"
#include "ledger/record.h"
#include "ledger/tripwire_history.h"
#include "protocol/messages.h"

namespace assay {

// Audited with certainty behind a suspicious verdict. Suspicion costs no more than that: no reward
// waits for an audit that was not drawn, and what fires by chance costs an honest peer a few
// openings.
constexpr uint64_t kSuspicionRounds = 5;

class Books {
public:
    // Takes the next event in, or fails with the reason and changes nothing: no copy is needed
    // for trying one. REQUIRES: decode_record read the event, of that head.
    Status apply(const EventHead& head, const LedgerEvent& event);

    [[nodiscard]] bool started() const { return started_; }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] const PaySettings& pay() const { return pay_; }
    // Of the last plan; null before the first.
    [[nodiscard]] const RoundPlan* plan() const { return plan_ ? &*plan_ : nullptr; }
    [[nodiscard]] const std::map<PeerId, PeerBook>& peers() const { return peers_; }
    [[nodiscard]] const PeerBook* find(const PeerId& peer) const;
    [[nodiscard]] const BookedCommit* find(RoundId round, const PeerId& peer) const;
    // Root of parameter_tiles tiles of zeros: m, v and e of a newcomer.
    [[nodiscard]] const Digest& zero_root() const { return zero_root_; }

    // ---- what the next records must or may say
    // Zero roots for a newcomer, after a rejection, after more than max_absence missed rounds, and
    // where the rounds that led on were lost.
    [[nodiscard]] StartState start_of(const PeerId& peer, RoundId round) const;
    // Lowest audit rate that a plan may give to a peer with `tokens` of the round's total_tokens:
    // certainty while it is suspected, else what follows from its stake.
    [[nodiscard]] uint32_t audit_rate(const PeerId& peer,
                                      RoundId round,
                                      uint64_t tokens,
                                      uint64_t total_tokens) const;
    // What follows from its stake, suspected or not.
    [[nodiscard]] uint32_t priced_rate(const PeerId& peer,
                                       RoundId round,
                                       uint64_t tokens,
                                       uint64_t total_tokens) const;
    // The newest round whose beacon was revealed in a history that was lost: the folder was an
    // older copy. Rounds up to it draw what is known, so nobody works in them and nobody answers
    // for them.
    [[nodiscard]] std::optional<RoundId> lost_until() const { return lost_until_; }
    // Whether the plan of `round` audits it with certainty for an earlier suspicion.
    [[nodiscard]] bool is_suspected(const PeerId& peer, RoundId round) const;
    // Of all closed rounds: what the next verdicts' figures are held against.
    [[nodiscard]] const TripwireHistory& tripwire() const { return tripwire_; }
    // Forfeits that follow from the rejecting verdicts; must stand in the ledger before anything
    // else is settled.
    [[nodiscard]] std::vector<RecordDraft> owed_forfeits() const;
    // What the pay shares recorded in this round earn; to be recorded before its summary.
    [[nodiscard]] RecordDraft settlement() const;
    // Rewards whose time has come in the round of the last plan; to be recorded before its summary.
    // After the run's end: all that passed a last audit, then the deposits.
    [[nodiscard]] std::vector<RecordDraft> due_vestings() const;

    // ---- totals
    [[nodiscard]] int64_t handed_out() const { return handed_out_; }  // all pools that were paid
    [[nodiscard]] const std::map<PeerId, int64_t>& fees() const { return fees_; }
    [[nodiscard]] int64_t fees_total() const { return fees_total_; }

private:
    Status on(const EventHead& head, const RunStartEvent& start);
    Status on(const EventHead& head, const JoinBody& join);
    Status on(const EventHead& head, const RoundPlan& plan);
    Status on(const EventHead& head, const CommitEvent& event);
    Status on(const EventHead& head, const CloseEvent& event);
    Status on(const EventHead& head, const Beacon& beacon);
    Status on(const EventHead& head, const Verdict& verdict);
    Status on(const EventHead& head, const AuditJob& job);
    Status on(const EventHead& head, const DebtBody& debt);
    Status on(const EventHead& head, const OrderBody& order);
    Status on(const EventHead& head, const PayShareBody& share);
    Status on(const EventHead& head, const SettlementBody& pay);
    Status on(const EventHead& head, const VestingBody& vesting);
    Status on(const EventHead& head, const ForfeitBody& forfeit);
    Status on(const EventHead& head, const RollbackBody& rollback);
    Status on(const EventHead& head, const RoundSummary& summary);
    Status on(const EventHead& head, const FeeBody& fee);
    Status on(const EventHead& head, const RunEndBody& end);
    // Evidence: moves no money.
    Status on(const EventHead&, const PayloadBody&) { return {}; }
    Status on(const EventHead&, const OpeningEvent&) { return {}; }
    Status on(const EventHead&, const AuditReportEvent&) { return {}; }
    Status on(const EventHead&, const RosterBody&) { return {}; }

    [[nodiscard]] Status check_plan_peer(const PlanPeer& peer,
                                         const RoundPlan& plan,
                                         uint64_t total_tokens) const;
    [[nodiscard]] Status check_entry(const SummaryEntry& entry, bool voided) const;
    void count(const PeerId& peer, const PayShareBody& share);
    [[nodiscard]] bool is_barred(const PeerId& peer) const;
    [[nodiscard]] Status nothing_owed() const;
    [[nodiscard]] Status nothing_awaits() const;
    [[nodiscard]] bool may_vest(const PeerBook& book, RoundId earned_in) const;
    [[nodiscard]] std::vector<PayShareLine> pay_share_lines() const;
    void reject(PeerBook& book, BookedCommit& booked, const Verdict& verdict);
    static void eject(PeerBook& book);
    void forget_old_commits(RoundId now);
    BookedCommit* commit_of(RoundId round, const PeerId& peer);
    void check_between_records() const;

    struct OwedForfeit {
        RoundId round;
        ForfeitBody body;  // amounts as of the verdict
    };

    bool started_ = false;
    bool ended_ = false;
    PaySettings pay_;
    Digest zero_root_;
    std::map<PeerId, PeerBook> peers_;
    std::map<PeerId, OwedForfeit> owed_;
    TripwireHistory tripwire_;
    int64_t handed_out_ = 0;
    std::map<PeerId, int64_t> fees_;
    int64_t fees_total_ = 0;

    // Of the round of the last plan.
    std::optional<RoundPlan> plan_;
    std::map<PeerId, Digest> e_after_;  // from the COMMITs
    std::map<PeerId, PayShareBody> pay_shares_;
    std::vector<TripwireFigures> figures_;  // of its accepting verdicts
    bool encoding_pay_share_ = false;
    bool settled_ = false;
    bool summarised_ = false;
    bool closed_ = false;    // its CLOSE stands
    bool revealed_ = false;  // and its beacon
    std::optional<RoundId> lost_until_;
};

// earned = vested + unvested + deposits + forfeited in every account and in all, equal to the pools
// handed out; nothing negative; fees add up by themselves; after the run's end nothing awaits an
// audit, for none can end any more.
Status check_books(const Books& books);

// Brings phi into the bounds of a share record.
int64_t clamp_phi(int64_t phi_nano_nats);

}  // namespace assay
