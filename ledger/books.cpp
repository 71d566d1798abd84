#include "ledger/books.h"

#include <algorithm>

#include "ledger/consequences.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

static_assert(limits::kTokensMax <= UINT64_MAX / limits::kPeersMax, "a plan's tokens add up");
static_assert(kAmountMax <= INT64_MAX - kPoolMax,
              "a sum is held against its bound before it wraps");

bool PeerBook::awaits_audit() const {
    return std::any_of(commits.begin(), commits.end(), [](const auto& booked) {
        return booked.second.awaits_audit();
    });
}

std::optional<RoundId> PeerBook::owes_since() const {
    const auto oldest = std::find_if(
        commits.begin(), commits.end(), [](const auto& booked) { return booked.second.owed; });
    return oldest == commits.end() ? std::nullopt : std::optional(oldest->first);
}

int64_t clamp_phi(int64_t phi_nano_nats) {
    return std::clamp(phi_nano_nats, -kPhiMax, kPhiMax);
}

Status Books::apply(const EventHead& head, const LedgerEvent& event) {
    if (started_ == std::holds_alternative<RunStartEvent>(event)) {
        return fail(started_ ? "a run starts once" : "a ledger begins with run_start");
    }
    Status taken = std::visit([&](const auto& one) { return on(head, one); }, event);
    check_between_records();
    return taken;
}

// What holds whatever the records say, taken or refused: a round goes from COMMITs to shares to
// summary, and no run ends inside one.
void Books::check_between_records() const {
    ASSAY_CHECK(started_ || (peers_.empty() && !plan_));
    ASSAY_CHECK(plan_ || (e_after_.empty() && !settled_ && !summarised_));
    ASSAY_CHECK(!ended_ || !plan_ || summarised_);
    ASSAY_CHECK(!plan_ || e_after_.size() <= plan_->peers.size());
    ASSAY_CHECK_LE(pay_shares_.size(), e_after_.size());  // who has a share has sent a COMMIT
    ASSAY_CHECK_LE(owed_.size(), peers_.size());
    ASSAY_CHECK(handed_out_ >= 0 && handed_out_ <= kAmountMax);
    ASSAY_CHECK(fees_total_ >= 0 && fees_total_ <= kAmountMax);
}

// ---- reading ------------------------------------------------------------------------------------

const PeerBook* Books::find(const PeerId& peer) const {
    const auto found = peers_.find(peer);
    return found == peers_.end() ? nullptr : &found->second;
}

const BookedCommit* Books::find(RoundId round, const PeerId& peer) const {
    const PeerBook* book = find(peer);
    if (book == nullptr) {
        return nullptr;
    }
    const auto found = book->commits.find(round);
    return found == book->commits.end() ? nullptr : &found->second;
}

BookedCommit* Books::commit_of(RoundId round, const PeerId& peer) {
    const auto book = peers_.find(peer);
    if (book == peers_.end()) {
        return nullptr;
    }
    const auto found = book->second.commits.find(round);
    return found == book->second.commits.end() ? nullptr : &found->second;
}

StartState Books::start_of(const PeerId& peer, RoundId round) const {
    StartState zero;
    zero.m_root = zero.v_root = zero.e_root = zero_root_;
    const PeerBook* book = find(peer);
    if (book == nullptr || book->state.tenure_rounds == 0) {
        return zero;
    }
    ASSAY_CHECK(book->last_commit.has_value());  // what counted was committed to
    const auto absence = static_cast<uint64_t>(pay_.max_absence);
    if (book->last_commit && round.value > book->last_commit->value + 1 + absence) {
        zero.tenure_rounds = book->state.tenure_rounds;
        return zero;
    }
    return book->state;
}

bool Books::is_suspected(const PeerId& peer, RoundId round) const {
    const PeerBook* book = find(peer);
    return book != nullptr && book->suspected &&
           round.value <= book->suspected->value + kSuspicionRounds;
}

uint32_t Books::audit_rate(const PeerId& peer,
                           RoundId round,
                           uint64_t tokens,
                           uint64_t total_tokens) const {
    return is_suspected(peer, round) ? static_cast<uint32_t>(kPpm)
                                     : priced_rate(peer, round, tokens, total_tokens);
}

uint32_t Books::priced_rate(const PeerId& peer,
                            RoundId round,
                            uint64_t tokens,
                            uint64_t total_tokens) const {
    const PeerBook* book = find(peer);
    if (book != nullptr && book->rejected_in &&
        round.value <= book->rejected_in->value + kRejectionRounds) {
        return static_cast<uint32_t>(kPpm);
    }
    if (book != nullptr && book->owes()) {
        return static_cast<uint32_t>(kPpm);
    }
    const int64_t reward = expected_reward(pay_, tokens, total_tokens);
    const int64_t cost = declared_cost(pay_, reward);
    const int64_t at_stake =
        book == nullptr ? 0 : book->escrow.at_stake(round, pay_.vest_rounds, pay_.verdict_window);
    ASSAY_CHECK_LE(at_stake, handed_out_);
    return audit_ppm(pay_.audit_min_ppm, pay_.audit_margin_ppm, cost, reward, at_stake);
}

std::vector<RecordDraft> Books::owed_forfeits() const {
    std::vector<RecordDraft> drafts;
    for (const auto& [peer, owed] : owed_) {
        ASSAY_CHECK(find(peer) != nullptr && find(peer)->rejected_in);  // a verdict owes it
        drafts.push_back(make_draft(RecordKind::kForfeit, owed.round, peer, owed.body));
    }
    return drafts;
}

std::vector<PayShareLine> Books::pay_share_lines() const {
    std::vector<PayShareLine> lines;
    for (const auto& [peer, share] : pay_shares_) {
        lines.push_back({peer, share.phi_nano_nats, share.tokens});
    }
    return lines;
}

RecordDraft Books::settlement() const {
    ASSAY_CHECK(plan_.has_value());
    const SettlementBody body{pay_shares_.empty() ? 0 : pay_.pool_per_round,
                              settle_round(pay_, pay_share_lines())};
    return make_draft(RecordKind::kSettlement, plan_->round, PeerId{}, body);
}

bool Books::may_vest(const PeerBook& book, RoundId earned_in) const {
    const auto found = book.commits.find(earned_in);
    if (!plan_ || found == book.commits.end() || found->second.rejected || book.owes()) {
        return false;
    }
    const BookedCommit& booked = found->second;
    const uint64_t due = earned_in.value + static_cast<uint64_t>(pay_.vest_rounds);
    // What an open challenge held back until the end is due as it would have been before.
    return (ended_ && booked.decided) || (due <= plan_->round.value && !booked.awaits_audit());
}

std::vector<RecordDraft> Books::due_vestings() const {
    std::vector<RecordDraft> drafts;
    for (const auto& [peer, book] : peers_) {
        size_t left = book.escrow.unvested().size();
        for (const auto& [round, amount] : book.escrow.unvested()) {
            if (may_vest(book, round)) {
                const VestingBody body{VestingSource::kReward, amount};
                drafts.push_back(make_draft(RecordKind::kVesting, round, peer, body));
                --left;
            }
        }
        if (ended_ && left == 0 && book.escrow.deposit() > 0 && !book.awaits_audit() &&
            !book.owes()) {
            ASSAY_CHECK(plan_.has_value());  // a deposit was earned in some round
            const VestingBody body{VestingSource::kDeposit, book.escrow.deposit()};
            drafts.push_back(make_draft(RecordKind::kVesting, plan_->round, peer, body));
        }
    }
    return drafts;
}

Status Books::nothing_owed() const {
    if (owed_.empty()) {
        return {};
    }
    return fail("the forfeit of peer " + owed_.begin()->first.hex() + " for " +
                in_words(owed_.begin()->second.round) + " is missing before this record");
}

// ---- run, members, plan -------------------------------------------------------------------------

Status Books::on(const EventHead&, const RunStartEvent& start) {
    ASSAY_CHECK(start.body.pay.pool_per_round >= 0 && start.body.pay.pool_per_round <= kPoolMax);
    ASSAY_CHECK(start.body.pay.vest_rounds > 0 && start.body.pay.verdict_window >= 0);
    started_ = true;
    pay_ = start.body.pay;
    zero_root_ = zero_tiles_root(start.manifest.parameter_tiles);
    return {};
}

Status Books::on(const EventHead& head, const JoinBody&) {
    peers_.try_emplace(head.subject);
    return {};
}

Status Books::check_plan_peer(const PlanPeer& peer,
                              const RoundPlan& plan,
                              uint64_t total_tokens) const {
    const PeerBook* book = find(peer.id);  // null: it joins with its first COMMIT
    const StartState start = start_of(peer.id, plan.round);
    ASSAY_CHECK_LE(uint64_t{start.tenure_rounds}, plan.round.value);  // a round counts once
    const bool carried = peer.optimiser_steps == start.optimiser_steps &&
                         peer.m_root == start.m_root && peer.v_root == start.v_root;
    // inner_state = "reset" zeroes the moments at every start and keeps e.
    const bool reset =
        peer.optimiser_steps == 0 && peer.m_root == zero_root_ && peer.v_root == zero_root_;
    if (!(carried || reset) || peer.e_root != start.e_root) {
        return fail("does not start from its last counted round");
    }
    if (peer.tenure_rounds != start.tenure_rounds) {
        return fail("has a tenure of " + std::to_string(start.tenure_rounds) +
                    " counted rounds, the plan says " + std::to_string(peer.tenure_rounds));
    }
    if (book != nullptr && book->sequences_most > 0 &&
        peer.sequences_per_step > uint64_t{2} * book->sequences_most) {
        return fail("gets more than twice the work that it has done in a counted round");
    }
    const uint32_t lowest =
        audit_rate(peer.id, plan.round, assigned_tokens(plan, peer), total_tokens);
    if (peer.audit_ppm < lowest) {
        return fail("is audited at " + std::to_string(peer.audit_ppm) + " ppm, at least " +
                    std::to_string(lowest) + " follow from its stake and from what is suspected");
    }
    return {};
}

Status Books::on(const EventHead& head, const RoundPlan& plan) {
    if (ended_) {
        return fail("the run is over");
    }
    if (plan_ && !summarised_) {
        return fail(in_words(plan_->round) + " has no summary yet");
    }
    const uint64_t expected = plan_ ? plan_->round.value + 1 : 0;
    if (plan.round.value != expected || head.round != plan.round) {
        return fail("a plan of " + in_words(plan.round) + " where round " +
                    std::to_string(expected) + " is due");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    uint64_t total = 0;
    for (const PlanPeer& peer : plan.peers) {
        total += assigned_tokens(plan, peer);
    }
    for (const PlanPeer& peer : plan.peers) {
        if (Status status = check_plan_peer(peer, plan, total); !status) {
            return fail("peer " + peer.id.hex() + " " + status.reason());
        }
    }
    plan_ = plan;
    e_after_.clear();
    pay_shares_.clear();
    figures_.clear();
    encoding_pay_share_ = settled_ = summarised_ = closed_ = revealed_ = false;
    return {};
}

Status Books::on(const EventHead& head, const CommitEvent& event) {
    if (!plan_ || summarised_ || head.round != plan_->round) {
        return fail(in_words(head.round) + " is not open");
    }
    if (find_peer(*plan_, head.subject) == nullptr) {
        return fail("peer " + head.subject.hex() + " is not in the plan");
    }
    ASSAY_CHECK(event.commit.round == head.round && event.envelope->signer == head.subject);
    const auto account = peers_.find(head.subject);
    if (account == peers_.end()) {
        return fail("peer " + head.subject.hex() + " has not joined");
    }
    PeerBook& book = account->second;
    if (!book.commits.try_emplace(head.round).second) {
        return fail("a second COMMIT of peer " + head.subject.hex());
    }
    ASSAY_CHECK(!book.last_commit || *book.last_commit < head.round);
    ASSAY_CHECK_EQ(e_after_.count(head.subject), size_t{0});
    book.last_commit = head.round;
    e_after_[head.subject] = event.commit.e_after_root;
    return {};
}

// ---- fees, end ----------------------------------------------------------------------------------

Status Books::on(const EventHead& head, const FeeBody& fee) {
    ASSAY_CHECK(fee.amount > 0 && fee.amount <= kPoolMax);
    if (fees_total_ > kAmountMax - fee.amount) {
        return fail("the sum of fees is out of bounds");
    }
    fees_[head.subject] += fee.amount;
    fees_total_ += fee.amount;
    ASSAY_CHECK_LE(fees_[head.subject], fees_total_);
    return {};
}

Status Books::on(const EventHead&, const RunEndBody&) {
    if (ended_ || (plan_ && !summarised_)) {
        return fail(ended_ ? "the run is over" : "a round is open");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    if (Status awaits = nothing_awaits(); !awaits) {
        return awaits;
    }
    ended_ = true;
    return {};
}

Status Books::nothing_awaits() const {
    for (const auto& [peer, book] : peers_) {
        if (book.owes()) {
            return fail("a challenge of peer " + peer.hex() + " is open");
        }
        for (const auto& [round, booked] : book.commits) {
            if (booked.awaits_audit()) {
                return fail("peer " + peer.hex() + " awaits the verdict of an audit of " +
                            in_words(round) + ", and the run ends");
            }
        }
    }
    return {};
}

// ---- invariants ---------------------------------------------------------------------------------

Status check_books(const Books& books) {
    int64_t earned = 0;
    for (const auto& [peer, book] : books.peers()) {
        if (books.ended() && book.awaits_audit()) {
            return fail("peer " + peer.hex() + " awaits an audit after the run's end");
        }
        if (Status status = book.escrow.check(); !status) {
            return fail("peer " + peer.hex() + ": " + status.reason());
        }
        earned += book.escrow.earned();
    }
    if (earned != books.handed_out()) {
        return fail("pools of " + std::to_string(books.handed_out()) + " were handed out, " +
                    std::to_string(earned) + " were earned");
    }
    int64_t fees = 0;
    for (const auto& [account, amount] : books.fees()) {
        fees += amount;
    }
    if (fees != books.fees_total()) {
        return fail("the fees do not add up");
    }
    return {};
}

}  // namespace assay
