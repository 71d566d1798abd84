// Books: verdicts, audits, and what a rejection takes.

#include <algorithm>

#include "ledger/books.h"
#include "ledger/consequences.h"
#include "protocol/plan.h"

namespace assay {

namespace {

bool decides_audit(Layer layer) {
    return layer == Layer::kGradientAudit || layer == Layer::kAppeal;
}

}  // namespace

// ---- verdicts -----------------------------------------------------------------------------------

Status Books::on(const EventHead& head, const AuditJob&) {
    BookedCommit* booked = commit_of(head.round, head.subject);
    if (booked == nullptr) {
        return fail("an audit of peer " + head.subject.hex() + " in " + in_words(head.round) +
                    ", which is not open");
    }
    booked->audited = true;
    return {};
}

Status Books::on(const EventHead& head, const Verdict& verdict) {
    BookedCommit* booked = commit_of(head.round, head.subject);
    if (booked == nullptr) {
        return fail("no COMMIT of peer " + head.subject.hex() + " in " + in_words(head.round) +
                    " is open to a verdict");
    }
    ASSAY_CHECK(verdict.peer == head.subject && verdict.round == head.round);
    ASSAY_CHECK(plan_ && head.round <= plan_->round);  // what is booked was planned
    const bool audit = decides_audit(verdict.layer);
    if (verdict.layer == Layer::kRefusal && verdict.ruling == Ruling::kAccepted) {
        if (!booked->owed) {
            return fail("peer " + head.subject.hex() + " owes nothing of " + in_words(head.round));
        }
        booked->owed = false;
        return {};
    }
    if (booked->rejected) {  // an audit may still end: nothing more follows from it
        return audit ? Status()
                     : fail("peer " + head.subject.hex() + " was rejected before in " +
                            in_words(head.round));
    }
    const bool late = summarised_ || plan_->round != head.round;
    if (verdict.layer == Layer::kRefusal && verdict.ruling == Ruling::kRejected && !booked->owed) {
        return fail("peer " + head.subject.hex() + " is said never to have answered for " +
                    in_words(head.round) + ", where nothing is owed");
    }
    if (late && !audit && verdict.ruling != Ruling::kRejected) {
        return fail("the summary of " + in_words(head.round) +
                    " is out: only an audit or a "
                    "rejection can follow");
    }
    if (verdict.suspicious) {  // raises later rates; no reward waits for it
        peers_.at(head.subject).suspected = plan_->round;
    }
    if (!late && verdict.ruling == Ruling::kAccepted) {
        figures_.push_back(verdict.figures);
    }
    switch (verdict.ruling) {
        case Ruling::kAccepted:
            (audit ? booked->decided : booked->accepted) = true;
            break;
        case Ruling::kGated:
            booked->gated = true;
            break;
        case Ruling::kRejected:
            reject(peers_.at(head.subject), *booked, verdict);
            break;
    }
    return {};
}

void Books::reject(PeerBook& book, BookedCommit& booked, const Verdict& verdict) {
    ASSAY_CHECK(!booked.rejected && !booked.rolled_back);
    booked.rejected = true;
    booked.owed = false;
    book.rejected_in = plan_->round;
    book.state = {};
    book.sequences_most = 0;
    const ForfeitCause cause = consequence_of(verdict.layer, 0).cause;
    book.cheats += cause == ForfeitCause::kCheat ? 1 : 0;
    book.refusals += cause == ForfeitCause::kRefusal ? 1 : 0;
    book.faults += cause == ForfeitCause::kFault ? 1 : 0;
    book.faults_standing += cause == ForfeitCause::kFault ? 1 : 0;
    const Consequence follows = consequence_of(verdict.layer, book.faults_standing);
    if (follows.ejects || book.ejected) {
        eject(book);
    }
    // A COMMIT is rejected once, for one cause.
    ASSAY_CHECK_LE(uint64_t{book.refusals} + book.cheats + book.faults, plan_->round.value + 1);
    const Forfeiture lost = book.escrow.exposed(follows.takes_deposit);
    ForfeitBody body;
    body.cause = follows.cause;
    body.unvested = lost.unvested;
    body.deposit = lost.deposit;
    body.reason = verdict.reason;
    const auto owed = owed_.find(verdict.peer);
    if (owed != owed_.end()) {  // a second rejection before the forfeit of the first
        body.deposit = std::max(body.deposit, owed->second.body.deposit);
    }
    owed_[verdict.peer] = {verdict.round, std::move(body)};
}

// What it owes has no more to take.
void Books::eject(PeerBook& book) {
    book.ejected = true;
    for (auto& [round, booked] : book.commits) {
        booked.owed = false;
    }
}

// ---- debts, orders ------------------------------------------------------------------------------

Status Books::on(const EventHead& head, const DebtBody& debt) {
    BookedCommit* booked = commit_of(head.round, head.subject);
    if (booked != nullptr && booked->owed) {
        return {};  // open for longer: RoundCheck says whether it may be
    }
    if (booked == nullptr || summarised_ || head.round != plan_->round || !booked->gated) {
        return fail("peer " + head.subject.hex() + " has no challenge of " + in_words(head.round) +
                    " that a verdict left open");
    }
    const Instant soonest = plan_->opened_at + DurationMs{pay_.debt_seconds * 1000};
    if (debt.until < soonest) {
        return fail("the challenge of peer " + head.subject.hex() +
                    " is open for less than debt_seconds");
    }
    booked->owed = true;
    return {};
}

Status Books::on(const EventHead& head, const OrderBody& order) {
    const auto found = peers_.find(head.subject);
    if (found == peers_.end()) {
        return fail("an order about peer " + head.subject.hex() + ", which has not joined");
    }
    PeerBook& book = found->second;
    if (order.kind == OrderKind::kExpel) {
        if (book.ejected) {
            return fail("peer " + head.subject.hex() + " is not let in already");
        }
        book.ejected = true;
        return {};
    }
    if (!book.ejected && book.faults_standing == 0) {
        return fail("peer " + head.subject.hex() + " has nothing to be pardoned");
    }
    book.ejected = false;
    book.faults_standing = 0;
    return {};
}

Status Books::on(const EventHead& head, const ForfeitBody& forfeit) {
    const auto owed = owed_.find(head.subject);
    if (owed == owed_.end() || owed->second.round != head.round) {
        return fail("no verdict of " + in_words(head.round) + " takes anything from peer " +
                    head.subject.hex());
    }
    const ForfeitBody& due = owed->second.body;
    if (forfeit.cause != due.cause || forfeit.unvested != due.unvested ||
        forfeit.deposit != due.deposit) {
        return fail("peer " + head.subject.hex() + " forfeits " + std::to_string(due.unvested) +
                    " unvested and " + std::to_string(due.deposit) + " deposit, the record says " +
                    std::to_string(forfeit.unvested) + " and " + std::to_string(forfeit.deposit));
    }
    const Forfeiture lost = peers_.at(head.subject).escrow.forfeit(forfeit.deposit > 0);
    // Nothing was settled between the verdict and its forfeit.
    ASSAY_CHECK(lost == (Forfeiture{forfeit.unvested, forfeit.deposit}));
    owed_.erase(owed);
    return {};
}

Status Books::on(const EventHead& head, const RollbackBody& rollback) {
    BookedCommit* booked = commit_of(head.round, head.subject);
    if (booked == nullptr || !booked->counted || !booked->rejected || booked->rolled_back) {
        return fail("peer " + head.subject.hex() + " has no late rejection in " +
                    in_words(head.round) + " to take out");
    }
    if (!plan_ || rollback.taken_out_in != plan_->round || summarised_) {
        return fail("a share is taken out in the round that is open");
    }
    booked->rolled_back = true;
    return {};
}

}  // namespace assay
