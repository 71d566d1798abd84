// Books: shares, pay, vesting and the summary that ends a round.

#include <algorithm>

#include "ledger/books.h"
#include "ledger/consequences.h"
#include "protocol/plan.h"

namespace assay {

// ---- CLOSE, beacon ------------------------------------------------------------------------------

Status Books::on(const EventHead& head, const CloseEvent&) {
    closed_ = closed_ || (plan_ && head.round == plan_->round);
    return {};
}

// That of the open round behind its CLOSE, or one of a history that was lost: then what its peers
// hold belongs to that, so no challenge is open any more and all of them start from zeros.
Status Books::on(const EventHead& head, const Beacon& beacon) {
    if (plan_ && !summarised_ && closed_ && !revealed_ && beacon.round == plan_->round) {
        revealed_ = true;
        return {};
    }
    const RoundId next = !plan_ ? RoundId{0} : revealed_ ? plan_->round.next() : plan_->round;
    if (beacon.round < next || head.round != beacon.round ||
        (lost_until_ && beacon.round <= *lost_until_)) {
        return fail("a beacon of " + in_words(beacon.round) + ", which is out already");
    }
    lost_until_ = beacon.round;
    for (auto& [id, book] : peers_) {
        for (auto& [round, booked] : book.commits) {
            booked.owed = false;
        }
        book.state.optimiser_steps = 0;
        book.state.m_root = book.state.v_root = book.state.e_root = zero_root_;
    }
    return {};
}

// ---- shares, pay, summary -----------------------------------------------------------------------

Status Books::on(const EventHead& head, const PayShareBody& share) {
    if (!plan_ || summarised_ || settled_ || head.round != plan_->round) {
        return fail("shares of " + in_words(head.round) + " are not open");
    }
    if (head.subject == PeerId{}) {
        if (encoding_pay_share_ || share.tokens != 0) {
            return fail("a second share of the encoding, or one with tokens");
        }
        encoding_pay_share_ = true;
        return {};
    }
    const BookedCommit* booked = find(head.round, head.subject);
    if (booked == nullptr || !booked->accepted || booked->gated || is_barred(head.subject)) {
        return fail("a share for peer " + head.subject.hex() + ", whose work was not accepted");
    }
    const uint64_t assigned = assigned_tokens(*plan_, *find_peer(*plan_, head.subject));
    if (share.tokens != assigned || assigned == 0) {
        return fail("peer " + head.subject.hex() + " was assigned " + std::to_string(assigned) +
                    " tokens, its share counts " + std::to_string(share.tokens));
    }
    if (share.e_root != e_after_.at(head.subject)) {
        return fail("the share of peer " + head.subject.hex() +
                    " ends in another e than its COMMIT");
    }
    if (!pay_shares_.try_emplace(head.subject, share).second) {
        return fail("a second share of peer " + head.subject.hex());
    }
    return {};
}

Status Books::on(const EventHead& head, const SettlementBody& pay) {
    if (!plan_ || summarised_ || settled_ || head.round != plan_->round) {
        return fail(in_words(head.round) + " is not open to settlement");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    for (const auto& [peer, share] : pay_shares_) {
        if (is_barred(peer)) {
            return fail("peer " + peer.hex() + " was rejected after its share");
        }
    }
    if (pay.encode() != settlement().body) {
        return fail("the pay does not follow from the recorded shares");
    }
    if (handed_out_ > kAmountMax - pay.pool) {
        return fail("the sum of pools is out of bounds");
    }
    for (const Earning& line : pay.lines) {
        if (Status earned = peers_.at(line.peer).escrow.earn(head.round, line.amount); !earned) {
            return fail("peer " + line.peer.hex() + ": " + earned.reason());
        }
    }
    handed_out_ += pay.pool;
    settled_ = true;
    ASSAY_CHECK(check_books(*this).ok());  // all of the pool is in the accounts, and no more
    return {};
}

Status Books::on(const EventHead& head, const VestingBody& vesting) {
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    const auto found = peers_.find(head.subject);
    if (found == peers_.end()) {
        return fail("peer " + head.subject.hex() + " has not joined");
    }
    PeerBook& book = found->second;
    if (vesting.source == VestingSource::kDeposit) {
        if (!ended_ || book.awaits_audit() || book.owes() ||
            vesting.amount != book.escrow.deposit()) {
            return fail("a deposit is given back whole, after the run's end and its last audit");
        }
        return book.escrow.release_deposit();
    }
    const auto reward = book.escrow.unvested().find(head.round);
    if (reward == book.escrow.unvested().end() || reward->second != vesting.amount) {
        return fail("peer " + head.subject.hex() + " has no unvested reward of " +
                    std::to_string(vesting.amount) + " from " + in_words(head.round));
    }
    if (!may_vest(book, head.round)) {
        return fail("the reward of peer " + head.subject.hex() + " from " + in_words(head.round) +
                    " may not vest yet");
    }
    return book.escrow.vest(head.round);
}

// Rejected, in this round or for an earlier one, since the plan of this round.
bool Books::is_barred(const PeerId& peer) const {
    ASSAY_CHECK(plan_ && find(peer) != nullptr);  // asked of who has a COMMIT
    return find(peer)->rejected_in == plan_->round;
}

Status Books::check_entry(const SummaryEntry& entry, bool voided) const {
    const BookedCommit& booked = *find(plan_->round, entry.peer);
    const bool has_share = pay_shares_.count(entry.peer) > 0;
    const bool rejected = entry.outcome == CommitOutcome::kRejected;
    ASSAY_CHECK(!has_share || booked.accepted);
    if (rejected ? !is_barred(entry.peer) : booked.rejected) {
        return fail(rejected ? "was rejected by no verdict" : "was rejected by a verdict");
    }
    if (entry.outcome == CommitOutcome::kCounted && (voided || !has_share || !settled_)) {
        return fail("counts without a share and a settlement of the round");
    }
    if (entry.outcome == CommitOutcome::kCounted && booked.gated) {
        return fail("counts and was gated by a verdict");
    }
    if (entry.outcome != CommitOutcome::kCounted && has_share) {
        return fail("has a share and does not count");
    }
    if ((entry.outcome == CommitOutcome::kOwed) != booked.owed) {
        return fail(booked.owed ? "owes an answer" : "owes no answer");
    }
    if (entry.outcome == CommitOutcome::kGated && !booked.gated) {
        return fail("was gated by no verdict");
    }
    if (entry.outcome == CommitOutcome::kVoided && !voided) {
        return fail("is voided in a round that was not");
    }
    return {};
}

Status Books::on(const EventHead& head, const RoundSummary& summary) {
    if (!plan_ || summarised_ || summary.round != plan_->round || head.round != plan_->round) {
        return fail("a summary of " + in_words(summary.round) + ", which is not open");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    if (const std::vector<RecordDraft> due = due_vestings(); !due.empty()) {
        return fail("the reward of peer " + due.front().subject.hex() + " from " +
                    in_words(due.front().round) + " should have vested before this summary");
    }
    const bool same_peers = std::equal(
        summary.entries.begin(),
        summary.entries.end(),
        e_after_.begin(),
        e_after_.end(),
        [](const SummaryEntry& entry, const auto& commit) { return entry.peer == commit.first; });
    if (!same_peers) {
        return fail("the entries are not the COMMITs of the round, in order of id");
    }
    for (const SummaryEntry& entry : summary.entries) {
        if (Status status = check_entry(entry, summary.voided); !status) {
            return fail("peer " + entry.peer.hex() + " " + status.reason());
        }
    }
    ASSAY_CHECK(pay_shares_.empty() || (settled_ && !summary.voided));  // nothing counts unpaid
    for (const auto& [peer, share] : pay_shares_) {
        count(peer, share);
    }
    for (const TripwireFigures& figures : figures_) {
        tripwire_.add(figures);
    }
    summarised_ = true;
    forget_old_commits(plan_->round);
    return {};
}

void Books::count(const PeerId& peer, const PayShareBody& share) {
    PeerBook& book = peers_.at(peer);
    const PlanPeer& line = *find_peer(*plan_, peer);
    const BookedCommit& booked = book.commits.at(plan_->round);
    ASSAY_CHECK(booked.accepted && !booked.gated && !booked.rejected && !booked.counted);
    book.commits.at(plan_->round).counted = true;
    book.state = {book.state.tenure_rounds + 1,
                  line.optimiser_steps + plan_->inner_steps,
                  share.m_root,
                  share.v_root,
                  share.e_root};
    book.sequences_most = std::max(book.sequences_most, line.sequences_per_step);
    book.tokens_counted += share.tokens;
    if (book.faults_standing > 0 && book.state.tenure_rounds % kFaultDecayRounds == 0) {
        --book.faults_standing;
    }
    ASSAY_CHECK_LE(uint64_t{book.state.tenure_rounds}, plan_->round.value + 1);
}

// A booked COMMIT is kept while it can vest, be judged, or must still be taken out.
void Books::forget_old_commits(RoundId now) {
    const auto window = static_cast<uint64_t>(std::max(pay_.vest_rounds, pay_.verdict_window));
    ASSAY_CHECK(owed_.empty());
    for (auto& [peer, book] : peers_) {
        for (auto booked = book.commits.begin(); booked != book.commits.end();) {
            const BookedCommit& one = booked->second;
            ASSAY_CHECK(!one.rolled_back || (one.counted && one.rejected));
            const bool open = one.awaits_audit() || one.owed ||
                              (one.counted && one.rejected && !one.rolled_back) ||
                              book.escrow.unvested().count(booked->first) > 0 ||
                              booked->first.value + window >= now.value;
            booked = open ? std::next(booked) : book.commits.erase(booked);
        }
        // What may yet vest is asked for by its COMMIT.
        ASSAY_CHECK_LE(book.escrow.unvested().size(), book.commits.size());
    }
}

}  // namespace assay
