// RoundMachine, challenges that stay open behind their round, and the operator's orders.
//
// A challenge is a debt: answered late and right it costs its round's pay, never answered what a
// proven cheat loses. What an answer says decides nothing but whether it is one.

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "protocol/codec.h"
#include "rounds/judge_orders.h"
#include "rounds/round_machine.h"
#include "verify/judge.h"

namespace assay {

namespace {

// What is no answer costs us a transfer and a judgement: more of them are not looked at.
constexpr uint32_t kWrongAnswersMax = 3;
constexpr DurationMs kTellAgain{30000};  // plans are large, and Hellos many
constexpr uint32_t kWholeExtensions = 3;

// How much time a challenge may have left behind an absence. When the coordinator went nobody
// knows, only when it wrote last; so one that dies again and again while a run's end waits for a
// debt alone would extend it for ever.
DurationMs longest_left(const PaySettings& pay, const Debt& debt) {
    const int64_t whole = pay.debt_seconds * 1000;
    return DurationMs{debt.extensions < kWholeExtensions ? whole : whole / 4};
}

}  // namespace

DebtNotice RoundMachine::debt_notice(const OpenDebt& debt, std::string reason) const {
    const CommitState& commit = state_.find(debt.round)->commits.at(debt.peer);
    return {
        debt.round, true, debt.until, commit.hash, commit.commit.payload_hash, std::move(reason)};
}

// All that this peer needs to answer, if it lost it with its process: where it just `came`, and
// seldom again.
void RoundMachine::tell_debts(const PeerId& peer, bool came, Instant now) {
    for (const OpenDebt& debt : state_.open_debts()) {
        if (debt.peer == peer) {
            const RoundState& round = *state_.find(debt.round);
            ASSAY_CHECK(round.beacon.has_value());  // who owes was challenged
            out_.push_back(Send{peer, debt_notice(debt, "not answered in its round")});
            LateOpening& late = late_[{debt.round, peer}];
            if (!came && late.told && now < *late.told + kTellAgain) {
                continue;
            }
            late.told = now;
            out_.push_back(Send{peer, round.plan});
            out_.push_back(Send{peer, close_notice(round, peer)});
            out_.push_back(Send{peer, *round.beacon});
        }
    }
}

void RoundMachine::take_late(const OpeningNoticed& event) {
    const DebtKey key{event.notice.round, event.peer};
    if (state_.debt(event.notice.round, event.peer) == nullptr) {
        DebtNotice none;
        none.round = event.notice.round;
        none.reason = "nothing is owed of " + in_words(event.notice.round);
        out_.push_back(Send{event.peer, std::move(none)});
        return;
    }
    const RoundState& round = *state_.find(event.notice.round);
    LateOpening& late = late_[key];
    if (late.progress) {
        return;  // on its way, or being judged
    }
    Status form = check_opening(round, event.peer, event.notice);
    if (form.ok() && late.wrong >= kWrongAnswersMax) {
        form = fail("what came " + std::to_string(late.wrong) + " times was no answer");
    }
    if (!form) {
        refuse(event.peer, RefusalCode::kOutOfBounds, form.reason());
        return;
    }
    late.progress = OpeningProgress{event.notice, {}};
    for (const auto& [purpose, blob] : blobs_of(event.notice)) {
        if (late.progress->missing.insert(blob.sha256).second) {
            out_.push_back(FetchBlob{event.peer, event.notice.round, purpose, blob});
        }
    }
}

// Whether it belongs to a late opening.
bool RoundMachine::store_late(const BlobStored& event) {
    const auto found = late_.find({event.round, event.peer});
    if (event.purpose == BlobPurpose::kPayload || found == late_.end()) {
        return false;
    }
    LateOpening& late = found->second;
    if (late.progress && !late.at_judge && late.progress->missing.erase(event.sha256) > 0 &&
        late.progress->missing.empty()) {
        judge_late(found->first, late);
    }
    return true;
}

void RoundMachine::judge_late(const DebtKey& key, LateOpening& late) {
    const auto& [id, peer] = key;
    const Debt* debt = state_.debt(id, peer);
    if (debt == nullptr || !is_active(peer)) {
        late_.erase(key);
        return;
    }
    const RoundState& round = *state_.find(id);
    ASSAY_CHECK(late.progress && late.progress->missing.empty());
    JudgeDebt order = judge_order(round, peer, late.progress->notice, debt->base_tiles);
    late.at_judge = true;
    out_.push_back(std::move(order));
}

// A rejection bars its peer from the round that is open, whose work of its may be accepted yet: so
// it comes between two rounds.
void RoundMachine::on(const DebtJudged& event, Instant) {
    const bool rejects = event.verdict.ruling == Ruling::kRejected;
    if (phase_ == RoundPhase::kJudging || (rejects && phase_ != RoundPhase::kClosed)) {
        waiting_debts_.push_back(event);
        return;
    }
    settle_debt(event);
}

// The summary is durable and the next plan is not made: nobody's work is being judged.
void RoundMachine::settle_between_rounds(Instant now) {
    ASSAY_CHECK(state_.current()->summary.has_value());
    for (const DebtJudged& judged : std::exchange(waiting_debts_, {})) {
        settle_debt(judged);
    }
    for (const OperatorOrder& order : std::exchange(waiting_orders_, {})) {
        obey(order, now);
    }
    if (const std::optional<Beacon> lost = std::exchange(waiting_lost_, {})) {
        take_lost(*lost);
    }
    lapse_debts(now);
}

void RoundMachine::settle_debt(const DebtJudged& judged) {
    const DebtKey key{judged.verdict.round, judged.verdict.peer};
    const auto& [id, peer] = key;
    const auto found = late_.find(key);
    if (found == late_.end() || !found->second.at_judge) {
        return;
    }
    LateOpening& late = found->second;
    const OpeningNotice notice = late.progress->notice;
    late.progress.reset();
    late.at_judge = false;
    const Debt* debt = state_.debt(id, peer);
    if (debt == nullptr) {
        late_.erase(found);
        return;
    }
    if (is_unanswered(judged.verdict)) {
        ++late.wrong;
        note(peer.brief() + " answered for " + in_words(id) +
             " with what is no answer: " + judged.verdict.reason);
        const OpenDebt open{id, peer, debt->until};
        out_.push_back(Send{peer, debt_notice(open, "no answer: " + judged.verdict.reason)});
        return;
    }
    late_.erase(found);
    Drafts drafts{
        make_draft(RecordKind::kOpening, id, peer, OpeningBody{true, encode_body(notice)}),
        {RecordKind::kVerdict, id, peer, encode_verdict(judged.verdict)}};
    for (const AuditJob& job : judged.audits) {
        drafts.push_back({RecordKind::kAuditJob, id, peer, encode_body(job)});
    }
    persist(std::move(drafts));
    persist(state_.books().owed_forfeits());
    acknowledge(id, peer, ReceiptKind::kOpening);
    for (const AuditJob& job : judged.audits) {
        out_.push_back(RunAudit{job, 1});
    }
    note(peer.brief() + ", " + in_words(id) + ": " + judged.verdict.reason);
    part_from_ejected();
    if (is_active(peer)) {
        DebtNotice settled;
        settled.round = id;
        settled.reason = judged.verdict.reason;
        out_.push_back(Send{peer, std::move(settled)});
    }
}

// While the coordinator is away nobody can answer: that time does not count. What it says of it is
// durable, so that the next restart does not take it back.
void RoundMachine::extend_debts(DurationMs away, Instant now) {
    Drafts drafts;
    for (const OpenDebt& open : state_.open_debts()) {
        const Debt& debt = *state_.debt(open.round, open.peer);
        const BlobRef& tiles = debt.base_tiles;
        const Instant until = std::min(open.until + away, now + longest_left(rules_.pay, debt));
        if (until > open.until) {
            const std::string why = "the coordinator was away for " + std::to_string(away.ms) +
                                    " ms, which do not count";
            const DebtBody longer{until, why, tiles.sha256, tiles.size_bytes};
            drafts.push_back(make_draft(RecordKind::kDebt, open.round, open.peer, longer));
        }
    }
    persist(std::move(drafts));
}

// REQUIRES: no round is being judged.
void RoundMachine::lapse_debts(Instant now) {
    ASSAY_CHECK(phase_ != RoundPhase::kJudging);
    for (const OpenDebt& open : state_.open_debts()) {
        const auto late = late_.find({open.round, open.peer});
        const bool at_judge = late != late_.end() && late->second.at_judge;
        if (now < open.until || at_judge || state_.debt(open.round, open.peer) == nullptr) {
            continue;
        }
        Verdict verdict;
        verdict.round = open.round;
        verdict.peer = open.peer;
        verdict.layer = Layer::kRefusal;
        verdict.reason = "the challenge of " + in_words(open.round) + " was not answered within " +
                         std::to_string(rules_.pay.debt_seconds) + " s";
        verdict.evidence = state_.find(open.round)->commits.at(open.peer).verdict->evidence;
        persist({make_draft(RecordKind::kOpening, open.round, open.peer, OpeningBody{false, {}}),
                 {RecordKind::kVerdict, open.round, open.peer, encode_verdict(verdict)}});
        persist(state_.books().owed_forfeits());
    }
    std::erase_if(late_, [this](const auto& late) {
        return state_.debt(late.first.first, late.first.second) == nullptr;
    });
}

// When the run's end waits for a debt alone.
std::optional<Instant> RoundMachine::next_lapse() const {
    std::optional<Instant> next;
    for (const OpenDebt& debt : state_.open_debts()) {
        const auto late = late_.find({debt.round, debt.peer});
        if (late == late_.end() || !late->second.at_judge) {
            next = next ? std::min(*next, debt.until) : debt.until;
        }
    }
    return next;
}

// ---- the operator --------------------------------------------------------------------------

// A peer whose COMMIT is still to be judged is dealt with once it is: no order takes what it earns.
void RoundMachine::on(const OperatorOrder& event, Instant now) {
    const RoundState* round = state_.current();
    if (round != nullptr && !round->summary && round->commits.count(event.peer) > 0) {
        waiting_orders_.push_back(event);
        return;
    }
    obey(event, now);
    part_from_ejected();
}

void RoundMachine::obey(const OperatorOrder& order, Instant now) {
    const PeerBook* book = state_.books().find(order.peer);
    const bool expels = order.kind == OrderKind::kExpel;
    if (book == nullptr ||
        (expels ? book->ejected : !book->ejected && book->faults_standing == 0)) {
        note("the order about " + order.peer.brief() + " changes nothing: " +
             (book == nullptr ? "it is no member"
              : expels        ? "it is not let in already"
                              : "there is nothing to be pardoned"));
        return;
    }
    persist({make_draft(
        RecordKind::kOrder, state_.round(), order.peer, OrderBody{now, order.kind, order.reason})});
    note(order.peer.brief() + (expels ? " is expelled: " : " is pardoned: ") + order.reason);
}

}  // namespace assay
