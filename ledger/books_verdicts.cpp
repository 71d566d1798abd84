// Books: verdicts, audits, and what a rejection takes.

#include <algorithm>

#include "ledger/books.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

namespace {

bool decides_audit(Layer layer) {
    return layer == Layer::kGradientAudit || layer == Layer::kAppeal;
}

}  // namespace

// ---- verdicts -----------------------------------------------------------------------------------

Status Books::on_audit_job(const RecordDraft& record) {
    BookedCommit* booked = commit_of(record.round, record.subject);
    if (booked == nullptr) {
        return fail("an audit of peer " + record.subject.hex() + " in " + in_words(record.round) +
                    ", which is not open");
    }
    booked->audited = true;
    return {};
}

Status Books::on_verdict(const RecordDraft& record) {
    Result<Verdict> verdict = decode_verdict(record.body);
    if (!verdict) {
        return verdict.error();
    }
    if (verdict->peer != record.subject || verdict->round != record.round) {
        return fail("the record names another peer or round than the verdict");
    }
    BookedCommit* booked = commit_of(record.round, record.subject);
    if (booked == nullptr) {
        return fail("no COMMIT of peer " + record.subject.hex() + " in " + in_words(record.round) +
                    " is open to a verdict");
    }
    const bool audit = decides_audit(verdict->layer);
    if (booked->rejected) {  // an audit may still end: nothing more follows from it
        return audit ? Status()
                     : fail("peer " + record.subject.hex() + " was rejected before in " +
                            in_words(record.round));
    }
    const bool late = summarised_ || plan_->round != record.round;
    if (late && !audit && verdict->ruling != Ruling::kRejected && !verdict->suspicious) {
        return fail("the summary of " + in_words(record.round) +
                    " is out: only an audit or a "
                    "rejection can follow");
    }
    if (verdict->suspicious && !booked->decided) {
        booked->audited = true;
    }
    switch (verdict->ruling) {
        case Ruling::kAccepted:
            (audit ? booked->decided : booked->accepted) = true;
            break;
        case Ruling::kGated:
            booked->gated = true;
            break;
        case Ruling::kRejected:
            reject(peers_.at(record.subject), *booked, *verdict);
            break;
    }
    return {};
}

void Books::reject(PeerBook& book, BookedCommit& booked, const Verdict& verdict) {
    booked.rejected = true;
    book.rejected_in = plan_->round;
    book.state = {};
    book.sequences_most = 0;
    ForfeitBody body;
    body.cause = cause_of(verdict.layer);
    switch (body.cause) {
        case ForfeitCause::kCheat:
            ++book.cheats;
            break;
        case ForfeitCause::kRefusal:
            ++book.refusals;
            break;
        case ForfeitCause::kFault:
            ++book.faults;
            break;
    }
    const bool with_deposit = body.cause == ForfeitCause::kCheat ||
                              (body.cause == ForfeitCause::kRefusal && book.refusals > 1);
    const Forfeiture lost = book.escrow.exposed(with_deposit);
    body.unvested = lost.unvested;
    body.deposit = lost.deposit;
    body.reason = verdict.reason;
    const auto owed = owed_.find(verdict.peer);
    if (owed != owed_.end()) {  // a second rejection before the forfeit of the first
        body.deposit = std::max(body.deposit, owed->second.body.deposit);
    }
    owed_[verdict.peer] = {verdict.round, std::move(body)};
}

Status Books::on_forfeit(const RecordDraft& record) {
    Result<ForfeitBody> body = ForfeitBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    const auto owed = owed_.find(record.subject);
    if (owed == owed_.end() || owed->second.round != record.round) {
        return fail("no verdict of " + in_words(record.round) + " takes anything from peer " +
                    record.subject.hex());
    }
    const ForfeitBody& due = owed->second.body;
    if (body->cause != due.cause || body->unvested != due.unvested ||
        body->deposit != due.deposit) {
        return fail("peer " + record.subject.hex() + " forfeits " + std::to_string(due.unvested) +
                    " unvested and " + std::to_string(due.deposit) + " deposit, the record says " +
                    std::to_string(body->unvested) + " and " + std::to_string(body->deposit));
    }
    peers_.at(record.subject).escrow.forfeit(body->deposit > 0);
    owed_.erase(owed);
    return {};
}

Status Books::on_rollback(const RecordDraft& record) {
    Result<RollbackBody> body = RollbackBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    BookedCommit* booked = commit_of(record.round, record.subject);
    if (booked == nullptr || !booked->counted || !booked->rejected || booked->rolled_back) {
        return fail("peer " + record.subject.hex() + " has no late rejection in " +
                    in_words(record.round) + " to take out");
    }
    if (!plan_ || body->taken_out_in != plan_->round || summarised_) {
        return fail("a share is taken out in the round that is open");
    }
    booked->rolled_back = true;
    return {};
}

}  // namespace assay
