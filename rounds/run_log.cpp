#include "rounds/run_log.h"

#include <algorithm>

#include "core/check.h"
#include "core/printable.h"
#include "protocol/codec.h"

namespace assay {

namespace {

// A peer whose link comes and goes, or who plays with it, fills no log.
constexpr DurationMs kPresenceEvery{30000};

std::string who(const PeerId& peer) {
    return "peer " + peer.brief();
}

std::string outcome_words(CommitOutcome outcome) {
    switch (outcome) {
        case CommitOutcome::kLate:
            return "late";
        case CommitOutcome::kGated:
            return "gated";
        case CommitOutcome::kOwed:
            return "owed";
        case CommitOutcome::kRejected:
            return "rejected";
        case CommitOutcome::kCounted:
        case CommitOutcome::kVoided:
            break;
    }
    return "";
}

}  // namespace

RunLog::RunLog(const RoundMachine& machine, size_t peers_wanted, Say inform, Say warn)
    : machine_(machine),
      peers_wanted_(peers_wanted),
      inform_(std::move(inform)),
      warn_(std::move(warn)) {
    ASSAY_CHECK(inform_ && warn_);
}

void RunLog::recorded(const Persist& durable) {
    ASSAY_CHECK_EQ(durable.drafts.size(), durable.events.size());
    for (size_t i = 0; i < durable.events.size(); ++i) {
        const EventHead head = head_of(durable.drafts[i]);
        std::visit([&](const auto& one) { on(head, one); }, durable.events[i]);
    }
}

// ---- who is there -------------------------------------------------------------------------

void RunLog::look(Instant now) {
    const auto& connected = machine_.connected();
    for (const auto& [peer, hello] : connected) {
        tell_presence(peer, true, now);
    }
    for (const auto& [peer, presence] : seen_) {
        if (presence.here && connected.count(peer) == 0) {
            tell_presence(peer, false, now);
        }
    }
    ASSAY_CHECK_LE(connected.size(), seen_.size());
    tell_waiting();
}

void RunLog::tell_presence(const PeerId& peer, bool here, Instant now) {
    Presence& presence = seen_[peer];
    const bool lately = presence.told && now - *presence.told < kPresenceEvery;
    if (presence.here == here || (here && lately)) {
        return;
    }
    // That somebody is gone is told of whoever was told to be here.
    presence.here = here;
    presence.told = here ? now : presence.told;
    inform_(who(peer) + (here ? " is here" : " is gone"));
}

void RunLog::tell_waiting() {
    std::string words;
    if (machine_.phase() == RoundPhase::kWaiting) {
        words = "waiting for " + std::to_string(machine_.connected().size()) + " of " +
                std::to_string(peers_wanted_) + " peers";
    }
    if (words != waiting_ && !words.empty()) {
        inform_(words);
    }
    waiting_ = words;
}

// ---- what became durable ------------------------------------------------------------------

void RunLog::on(const EventHead& head, const JoinBody& join) {
    inform_(who(head.subject) + " joined, class " + class_name(join.numeric_class) + ", key " +
            head.subject.hex());
}

// Slow peers: whoever was dealt data, and is not in CLOSE.
void RunLog::on(const EventHead& head, const CloseEvent& close) {
    const RoundState* round = machine_.state().find(head.round);
    if (round == nullptr) {
        return;
    }
    for (const PlanPeer& peer : round->plan.peers) {
        const bool closed = std::any_of(
            close.entries.begin(), close.entries.end(), [&peer](const CloseEntry& entry) {
                return entry.peer == peer.id;
            });
        if (!closed && machine_.is_connected(peer.id)) {
            const bool committed = round->commits.count(peer.id) > 0;
            warn_(who(peer.id) + " is too slow for " + in_words(head.round) +
                  (committed ? ": its payload did not come in time"
                             : ": its COMMIT did not come in time"));
        }
    }
}

void RunLog::on(const EventHead& head, const DebtBody& debt) {
    warn_(who(head.subject) + " has not answered the challenge of " + in_words(head.round) + " (" +
          printable(debt.reason) + "): it stays open, and nothing of this peer vests until then");
}

void RunLog::on(const EventHead& head, const OrderBody& order) {
    warn_(who(head.subject) + (order.kind == OrderKind::kExpel ? " is expelled" : " is pardoned") +
          " by the operator: " + printable(order.reason));
}

// Of a round that is settled: an audit, or what was proven later.
void RunLog::on(const EventHead& head, const Verdict& verdict) {
    const RoundState* round = machine_.state().find(head.round);
    if (verdict.ruling == Ruling::kRejected && round != nullptr && head.round < machine_.round()) {
        warn_(in_words(head.round) + ": " + who(head.subject) +
              " is rejected afterwards: " + printable(verdict.reason));
    }
}

void RunLog::on(const EventHead& head, const ForfeitBody& forfeit) {
    warn_(who(head.subject) + " forfeits " + std::to_string(forfeit.unvested) + " unvested and " +
          std::to_string(forfeit.deposit) + " of its deposit for " + in_words(head.round) + ": " +
          printable(forfeit.reason));
}

void RunLog::on(const EventHead& head, const RollbackBody&) {
    inform_("what " + who(head.subject) + " added in " + in_words(head.round) +
            " is taken out of the model again");
}

void RunLog::on(const EventHead& head, const RoundSummary& summary) {
    if (summary.voided) {
        warn_(in_words(head.round) + " is voided: " + printable(summary.reason));
        return;
    }
    for (const SummaryEntry& entry : summary.entries) {
        if (entry.outcome != CommitOutcome::kCounted) {
            warn_(in_words(head.round) + ": " + who(entry.peer) + " does not count, " +
                  outcome_words(entry.outcome) + ": " + printable(entry.reason));
        }
    }
}

}  // namespace assay
