#include "ledger/books.h"

#include <algorithm>

#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

ForfeitCause cause_of(Layer layer) {
    switch (layer) {
        case Layer::kCopies:
        case Layer::kTrace:
        case Layer::kGradientAudit:
        case Layer::kChunkChain:
        case Layer::kAppeal:
            return ForfeitCause::kCheat;
        case Layer::kRefusal:
            return ForfeitCause::kRefusal;
        case Layer::kIdentity:
        case Layer::kForm:
        case Layer::kDirection:
        case Layer::kAggregate:
            return ForfeitCause::kFault;
    }
    return ForfeitCause::kFault;
}

bool PeerBook::awaits_audit() const {
    return std::any_of(commits.begin(), commits.end(), [](const auto& booked) {
        return booked.second.awaits_audit();
    });
}

int64_t clamp_phi(int64_t phi_nano_nats) {
    return std::clamp(phi_nano_nats, -kPhiMax, kPhiMax);
}

Status Books::apply(const Record& record) {
    return apply(RecordDraft{record.kind, record.round, record.subject, record.body});
}

Status Books::apply(const RecordDraft& record) {
    if (started_ == (record.kind == RecordKind::kRunStart)) {
        return fail(started_ ? "a run starts once" : "a ledger begins with run_start");
    }
    switch (record.kind) {
        case RecordKind::kRunStart:
            return on_run_start(record);
        case RecordKind::kJoin:
            return on_join(record);
        case RecordKind::kPlan:
            return on_plan(record);
        case RecordKind::kCommit:
            return on_commit(record);
        case RecordKind::kVerdict:
            return on_verdict(record);
        case RecordKind::kAuditJob:
            return on_audit_job(record);
        case RecordKind::kPayShare:
            return on_share(record);
        case RecordKind::kSettlement:
            return on_settlement(record);
        case RecordKind::kVesting:
            return on_vesting(record);
        case RecordKind::kForfeit:
            return on_forfeit(record);
        case RecordKind::kRollback:
            return on_rollback(record);
        case RecordKind::kSummary:
            return on_summary(record);
        case RecordKind::kFee:
            return on_fee(record);
        case RecordKind::kRunEnd:
            return on_run_end(record);
        case RecordKind::kPayload:
        case RecordKind::kClose:
        case RecordKind::kBeacon:
        case RecordKind::kOpening:
        case RecordKind::kAuditReport:
        case RecordKind::kExtension:
        case RecordKind::kRoster:
            return {};  // evidence; moves no money
    }
    return fail("a record of no known kind");
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
    const auto absence = static_cast<uint64_t>(pay_.max_absence);
    if (book->last_commit && round.value > book->last_commit->value + 1 + absence) {
        zero.tenure_rounds = book->state.tenure_rounds;
        return zero;
    }
    return book->state;
}

uint32_t Books::audit_rate(const PeerId& peer,
                           RoundId round,
                           uint64_t tokens,
                           uint64_t total_tokens) const {
    const PeerBook* book = find(peer);
    const int64_t reward = expected_reward(pay_, tokens, total_tokens);
    const int64_t cost = declared_cost(pay_, reward);
    const int64_t at_stake =
        book == nullptr ? 0 : book->escrow.at_stake(round, pay_.vest_rounds, pay_.verdict_window);
    return audit_ppm(pay_.audit_min_ppm, pay_.audit_margin_ppm, cost, reward, at_stake);
}

std::vector<RecordDraft> Books::owed_forfeits() const {
    std::vector<RecordDraft> drafts;
    for (const auto& [peer, owed] : owed_) {
        drafts.push_back(make_draft(RecordKind::kForfeit, owed.round, peer, owed.body));
    }
    return drafts;
}

std::vector<PayShareLine> Books::pay_share_lines() const {
    std::vector<PayShareLine> lines;
    for (const auto& [peer, share] : shares_) {
        lines.push_back({peer, share.phi_nano_nats, share.tokens});
    }
    return lines;
}

RecordDraft Books::settlement() const {
    ASSAY_CHECK(plan_.has_value());
    const SettlementBody body{shares_.empty() ? 0 : pay_.pool_per_round,
                              settle_round(pay_, pay_share_lines())};
    return make_draft(RecordKind::kSettlement, plan_->round, PeerId{}, body);
}

bool Books::may_vest(const PeerBook& book, RoundId earned_in) const {
    const auto found = book.commits.find(earned_in);
    if (!plan_ || found == book.commits.end() || found->second.rejected) {
        return false;
    }
    const BookedCommit& booked = found->second;
    if (ended_) {
        return booked.decided;
    }
    const uint64_t due = earned_in.value + static_cast<uint64_t>(pay_.vest_rounds);
    return due <= plan_->round.value && !booked.awaits_audit();
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
        if (ended_ && left == 0 && book.escrow.deposit() > 0 && !book.awaits_audit()) {
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

Status Books::on_run_start(const RecordDraft& record) {
    Result<RunStartBody> body = RunStartBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    Result<RunManifest> manifest = decode_manifest(body->manifest);
    if (!manifest) {
        return manifest.error();
    }
    started_ = true;
    pay_ = body->pay;
    zero_root_ = zero_tiles_root(manifest->parameter_tiles);
    return {};
}

Status Books::on_join(const RecordDraft& record) {
    Result<JoinBody> body = JoinBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    peers_.try_emplace(record.subject);
    return {};
}

Status Books::check_plan_peer(const PlanPeer& peer,
                              const RoundPlan& plan,
                              uint64_t total_tokens) const {
    const PeerBook* book = find(peer.id);
    if (book == nullptr) {
        return fail("has not joined");
    }
    const StartState start = start_of(peer.id, plan.round);
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
    if (book->sequences_most > 0 && peer.sequences_per_step > uint64_t{2} * book->sequences_most) {
        return fail("gets more than twice the work that it has done in a counted round");
    }
    const uint32_t lowest =
        audit_rate(peer.id, plan.round, assigned_tokens(plan, peer), total_tokens);
    if (peer.audit_ppm < lowest) {
        return fail("is audited at " + std::to_string(peer.audit_ppm) + " ppm, at least " +
                    std::to_string(lowest) + " follow from what it has at stake");
    }
    return {};
}

Status Books::on_plan(const RecordDraft& record) {
    Result<RoundPlan> plan = decode_body<RoundPlan>(record.body);
    if (!plan) {
        return plan.error();
    }
    if (ended_) {
        return fail("the run is over");
    }
    if (plan_ && !summarised_) {
        return fail(in_words(plan_->round) + " has no summary yet");
    }
    const uint64_t expected = plan_ ? plan_->round.value + 1 : 0;
    if (plan->round.value != expected || record.round != plan->round) {
        return fail("a plan of " + in_words(plan->round) + " where round " +
                    std::to_string(expected) + " is due");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    uint64_t total = 0;
    for (const PlanPeer& peer : plan->peers) {
        total += assigned_tokens(*plan, peer);
    }
    for (const PlanPeer& peer : plan->peers) {
        if (Status status = check_plan_peer(peer, *plan, total); !status) {
            return fail("peer " + peer.id.hex() + " " + status.reason());
        }
    }
    plan_ = std::move(*plan);
    e_after_.clear();
    shares_.clear();
    encoding_share_ = settled_ = summarised_ = false;
    return {};
}

Status Books::on_commit(const RecordDraft& record) {
    Result<Envelope> envelope = unseal(record.body);
    if (!envelope) {
        return envelope.error();
    }
    if (envelope->kind != message_kind(Message(Commit{}))) {
        return fail("the envelope holds no COMMIT");
    }
    Result<Commit> commit = decode_body<Commit>(envelope->body);
    if (!commit) {
        return commit.error();
    }
    if (envelope->signer != record.subject || commit->round != record.round) {
        return fail("the record names another peer or round than the COMMIT");
    }
    if (!plan_ || summarised_ || commit->round != plan_->round) {
        return fail(in_words(commit->round) + " is not open");
    }
    if (find_peer(*plan_, record.subject) == nullptr) {
        return fail("peer " + record.subject.hex() + " is not in the plan");
    }
    PeerBook& book = peers_.at(record.subject);
    if (!book.commits.try_emplace(record.round).second) {
        return fail("a second COMMIT of peer " + record.subject.hex());
    }
    book.last_commit = record.round;
    e_after_[record.subject] = commit->e_after_root;
    return {};
}

// ---- fees, end ----------------------------------------------------------------------------------

Status Books::on_fee(const RecordDraft& record) {
    Result<FeeBody> body = FeeBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    if (fees_total_ > kAmountMax - body->amount) {
        return fail("the sum of fees is out of bounds");
    }
    fees_[record.subject] += body->amount;
    fees_total_ += body->amount;
    return {};
}

Status Books::on_run_end(const RecordDraft& record) {
    Result<RunEndBody> body = RunEndBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    if (ended_ || (plan_ && !summarised_)) {
        return fail(ended_ ? "the run is over" : "a round is open");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    ended_ = true;
    return {};
}

// ---- invariants ---------------------------------------------------------------------------------

Status check_books(const Books& books) {
    int64_t earned = 0;
    for (const auto& [peer, book] : books.peers()) {
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
