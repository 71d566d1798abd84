#include "coordinator/status_book.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace assay {

namespace {

constexpr DurationMs kPublishEvery{150};

const char* outcome_name(CommitOutcome outcome) {
    switch (outcome) {
        case CommitOutcome::kCounted:
            return "counted";
        case CommitOutcome::kLate:
            return "late";
        case CommitOutcome::kGated:
            return "gated";
        case CommitOutcome::kRejected:
            return "rejected";
        case CommitOutcome::kOwed:
            return "owed";
        case CommitOutcome::kVoided:
            break;
    }
    return "voided";
}

}  // namespace

StatusBook::StatusBook(const RoundMachine& machine,
                       const RunConfig& config,
                       CoordinatorStatus start,
                       OnStatus on_status,
                       OnRound on_round)
    : machine_(machine),
      status_(std::move(start)),
      on_status_(std::move(on_status)),
      on_round_(std::move(on_round)),
      inner_steps_(static_cast<uint32_t>(config.inner.inner_steps)) {
    ASSAY_CHECK(on_status_ && on_round_);
    ASSAY_CHECK(inner_steps_ > 0);
    status_.rounds_total = static_cast<uint64_t>(config.rounds.rounds);
}

void StatusBook::judged(const JudgeTimes& times) {
    judged_ = times;
}

void StatusBook::recorded(const Persist& durable, Instant now) {
    ASSAY_CHECK_EQ(durable.drafts.size(), durable.events.size());
    changed_ = true;
    recorded_at_ = now;
    for (size_t i = 0; i < durable.events.size(); ++i) {
        const EventHead head = head_of(durable.drafts[i]);
        std::visit([&](const auto& one) { on(head, one); }, durable.events[i]);
    }
}

void StatusBook::on(const EventHead& head, const Verdict& verdict) {
    if (verdict.ruling == Ruling::kRejected) {
        newest_[head.subject].verdict = "rejected";
        newest_[head.subject].reason = verdict.reason;
    }
}

void StatusBook::on(const EventHead& head, const PayShareBody& share) {
    newest_[head.subject].pay_share_nano = share.phi_nano_nats;
    shares_sum_ += share.phi_nano_nats;
}

void StatusBook::on(const EventHead&, const SettlementBody& settlement) {
    for (const Earning& line : settlement.lines) {
        newest_[line.peer].earned = line.amount;
    }
}

void StatusBook::on(const EventHead&, const RoundSummary& summary) {
    for (const SummaryEntry& entry : summary.entries) {
        Newest& newest = newest_[entry.peer];
        newest.verdict = outcome_name(entry.outcome);
        newest.reason = entry.outcome == CommitOutcome::kCounted ? "" : entry.reason;
        newest.uploaded_bytes = bytes_up_[entry.peer];
    }
    ASSAY_CHECK_LE(summary.round, machine_.round());
    status_.theta_root = summary.theta_root.hex();
    RoundStatus round;
    round.round = summary.round;
    round.voided = summary.voided;
    round.loss_before = summary.loss_before;
    round.loss_after = summary.loss_after;
    round.aggregate_bytes = summary.aggregate.size_bytes;
    round.theta_root = status_.theta_root;
    if (judged_.round == summary.round) {
        round.judge_seconds = judged_.seconds;
        round.bits_per_kept_value = judged_.bits_per_kept_value;
    }
    round.audit_seconds = audit_seconds_;
    const double decrease = 1e9 * (double{summary.loss_before} - double{summary.loss_after});
    if (decrease != 0 && !summary.voided) {
        round.closure_error = std::abs(static_cast<double>(shares_sum_) / decrease - 1);
    }
    if (const RoundState* state = machine_.state().find(summary.round)) {
        round.seconds = static_cast<double>((recorded_at_ - state->plan.opened_at).ms) / 1e3;
        for (const SummaryEntry& entry : summary.entries) {
            const auto commit = state->commits.find(entry.peer);
            if (commit == state->commits.end()) {
                continue;
            }
            newest_[entry.peer].payload_bytes = commit->second.commit.payload_bytes;
            if (entry.outcome == CommitOutcome::kCounted) {
                round.tokens += commit->second.commit.tokens;
            }
        }
    }
    for (PeerStatus& peer : peers()) {
        const bool submitted = std::any_of(
            summary.entries.begin(), summary.entries.end(), [&peer](const SummaryEntry& entry) {
                return entry.peer == peer.id;
            });
        if (submitted) {
            round.peers.push_back(std::move(peer));
        }
    }
    audit_seconds_ = 0;
    shares_sum_ = 0;
    bytes_up_.clear();
    on_round_(round);
}

std::string StatusBook::doing(const PeerId& peer) const {
    const Member* member = machine_.state().member(peer);
    if (member != nullptr && member->ejected) {
        return "ejected";
    }
    if (!machine_.is_connected(peer)) {
        return "away";
    }
    const RoundState* round = machine_.state().current();
    if (round == nullptr) {
        return "waiting";
    }
    const auto commit = round->commits.find(peer);
    if (commit != round->commits.end()) {
        return commit->second.opening ? "opened" : commit->second.payload ? "sent" : "committed";
    }
    const auto progress = machine_.progress().find(peer);
    if (progress != machine_.progress().end()) {
        return "step " + std::to_string(progress->second.step + 1) + " of " +
               std::to_string(inner_steps_);
    }
    return "waiting";
}

std::vector<PeerStatus> StatusBook::peers() const {
    std::vector<PeerStatus> all;
    for (const auto& [id, member] : machine_.state().members()) {
        PeerStatus peer;
        peer.id = id;
        peer.connected = machine_.is_connected(id);
        peer.doing = doing(id);
        peer.tokens_per_second = static_cast<uint32_t>(member.tokens_per_second);
        if (const PeerBook* book = machine_.state().books().find(id)) {
            peer.tenure_rounds = book->state.tenure_rounds;
            peer.unvested = book->escrow.unvested_total();
            peer.vested = book->escrow.vested();
            peer.deposit = book->escrow.deposit();
            peer.forfeited = book->escrow.forfeited();
        }
        const auto newest = newest_.find(id);
        if (newest != newest_.end()) {
            peer.verdict = newest->second.verdict;
            peer.reason = newest->second.reason;
            peer.pay_share_nano_nats = newest->second.pay_share_nano;
            peer.earned = newest->second.earned;
            peer.payload_bytes = newest->second.payload_bytes;
            peer.uploaded_bytes = newest->second.uploaded_bytes;
        }
        const auto progress = machine_.progress().find(id);
        if (progress != machine_.progress().end()) {
            peer.loss = progress->second.loss;
        }
        all.push_back(std::move(peer));
    }
    for (const auto& [id, hello] : machine_.connected()) {
        if (machine_.state().member(id) == nullptr) {
            PeerStatus newcomer;
            newcomer.id = id;
            newcomer.connected = true;
            newcomer.doing = doing(id);
            all.push_back(std::move(newcomer));
        }
    }
    return all;
}

void StatusBook::publish(Instant now, bool must) {
    if (!must && (!changed_ || now - published_ < kPublishEvery)) {
        return;
    }
    changed_ = false;
    published_ = now;
    status_.phase = phase_name(machine_.phase());
    status_.round = machine_.round();
    status_.finished = finished_;
    status_.refused_messages = refused_;
    status_.peers = peers();
    on_status_(status_);
}

}  // namespace assay
