// PeerMachine, challenges that were not answered in their round: they stay open, and cost their
// round's pay if they are answered in time, all that is at stake if they never are.

#include <algorithm>

#include "core/check.h"
#include "peer/peer_machine.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

// Before theta moves on: what the round started from is kept.
void PeerMachine::mark_owed() {
    ASSAY_CHECK(own_.has_value());
    if (!own_->owed) {
        own_->owed = true;
        out_.push_back(OweRound{own_->plan.round});
    }
}

void PeerMachine::keep_owed(const OwnRound& round) {
    PeerDebt& debt = debts_[round.plan.round];
    debt.known = round.owed;
    debt.plan = round.plan;
    debt.close = round.close;
    debt.beacon = round.beacon;
    debt.opening = round.opening;
    debt.opening_asked = round.opening_asked;
    if (round.debt) {
        debt.commit_hash = round.debt->commit_hash;
        debt.payload_hash = round.debt->payload_hash;
    } else if (round.commit) {
        debt.commit_hash = round.commit_hash;
        debt.payload_hash = round.commit->payload_hash;
    }
    answer_if_ready(round.plan.round, debt);
}

// Theta and the triple are about to move on from what a round of before a restart started from, and
// the word that this round is owed may still be on its way.
void PeerMachine::keep_undecided() {
    ASSAY_CHECK(own_.has_value());
    if (undecided_ && *undecided_ < own_->plan.round) {
        debts_.try_emplace(*undecided_);
        out_.push_back(OweRound{*undecided_});
        undecided_.reset();
    }
}

void PeerMachine::receive(const DebtNotice& notice, const Envelope&, Instant now) {
    const auto known = debts_.find(notice.round);
    if (!notice.open) {
        if (known != debts_.end()) {
            note(notice.round, ": its challenge is settled: " + notice.reason);
            release(notice.round);
        }
        if (draining_ && !owes()) {
            out_.push_back(Say{Goodbye{"stopped"}});
            finish(true, "stopped");
        }
        return;
    }
    if (own_ && own_->plan.round == notice.round) {
        mark_owed();  // its summary is still to come, or to be applied
        own_->debt = notice;
        if (!own_->commit && phase_ == PeerPhase::kTraining) {
            out_.push_back(
                AbandonRound{notice.round});  // its pay is gone: what is owed comes first
        }
        return;
    }
    PeerDebt& debt = debts_[notice.round];
    if (debt.told != notice.reason) {
        const int64_t seconds = std::max<int64_t>((notice.until - now).ms / 1000, 0);
        note(notice.round,
             ": " + notice.reason + "; its challenge is open for " + std::to_string(seconds) +
                 " s: answered by then it costs this peer that round's pay, never answered all "
                 "that is unvested and the deposit");
    }
    debt.told = notice.reason;
    debt.known = true;
    debt.commit_hash = notice.commit_hash;
    debt.payload_hash = notice.payload_hash;
    answer_if_ready(notice.round, debt);
    say_debts(now);
}

// As for a round that runs: only what a signed CLOSE binds is opened, once, for its beacon.
void PeerMachine::answer_if_ready(RoundId round, PeerDebt& debt) {
    if (debt.opening_asked || !debt.plan || !debt.close || !debt.beacon || !debt.known ||
        debt.beacon->close_root != debt.close->close.entries_root ||
        debt.close->close.plan_digest != plan_digest(*debt.plan) ||
        !includes(*debt.close, debt.commit_hash, debt.payload_hash)) {
        return;
    }
    ASSAY_CHECK_EQ(debt.plan->round, round);
    debt.opening_asked = true;
    Commit commit;
    commit.round = round;
    commit.plan_digest = plan_digest(*debt.plan);
    commit.payload_hash = debt.payload_hash;
    out_.push_back(BuildOpening{*debt.plan, commit, debt.commit_hash, debt.beacon->value});
}

// Said again until the coordinator says that it is settled.
void PeerMachine::say_debts(Instant now) {
    say_debts_at_.reset();
    for (const auto& [round, debt] : debts_) {
        if (debt.opening) {
            out_.push_back(Say{*debt.opening});
            say_debts_at_ = now + rules_.retry;
        }
    }
}

// A round without a summary that nobody called owed by the time a later one is done.
void PeerMachine::forget_unknown_debts(RoundId done) {
    std::vector<RoundId> settled;
    for (const auto& [round, debt] : debts_) {
        if (!debt.known && round < done) {
            settled.push_back(round);
        }
    }
    for (const RoundId round : settled) {
        release(round);
    }
}

void PeerMachine::release(RoundId round) {
    debts_.erase(round);
    out_.push_back(ReleaseRound{round});
}

// An answer that is on its way, or will be asked for: of a challenge that is known to be open the
// rest may not have been told yet.
bool PeerMachine::owes() const {
    const bool submitted = own_ && own_->commit && !own_->silent && phase_ != PeerPhase::kApplying;
    const bool owed = own_ && own_->owed;
    return submitted || owed || std::any_of(debts_.begin(), debts_.end(), [](const auto& debt) {
               return debt.second.known && !debt.second.failed;
           });
}

std::string PeerMachine::cost_of_leaving() const {
    return "a challenge that is not answered in its round costs that round's pay, and one that is "
           "never answered the deposit and all that is unvested; start this peer again before "
           "pay.debt_seconds of the run file are over";
}

}  // namespace assay
