#include "ledger/settlement.h"

#include <algorithm>

#include "ledger/ledger.h"
#include "protocol/codec.h"

namespace assay {

namespace {

uint64_t tokens_of(const RoundPlan& plan, const PlanPeer& peer) {
    return uint64_t{plan.inner_steps} * peer.sequences_per_step * plan.sequence_tokens;
}

const PlanPeer* planned(const RoundPlan& plan, const PeerId& id) {
    const auto found = std::find_if(plan.peers.begin(), plan.peers.end(),
                                    [&](const PlanPeer& peer) { return peer.id == id; });
    return found == plan.peers.end() ? nullptr : &*found;
}

std::string round_text(RoundId round) { return "round " + std::to_string(round.value); }

bool awaits_audit(const RoundWork& work) {
    return work.audited && !work.decided && !work.rejected;
}

bool awaits_audit(const PeerBook& book) {
    return std::any_of(book.works.begin(), book.works.end(),
                       [](const auto& work) { return awaits_audit(work.second); });
}

bool decides_audit(Layer layer) {
    return layer == Layer::kGradientAudit || layer == Layer::kAppeal;
}

}  // namespace

int64_t clamp_phi(int64_t phi_nano_nats) { return std::clamp(phi_nano_nats, -kPhiMax, kPhiMax); }

Status Books::apply(const Record& record) {
    return apply(RecordDraft{record.kind, record.round, record.subject, record.body});
}

Status Books::apply(const RecordDraft& record) {
    if (started_ == (record.kind == RecordKind::kRunStart)) {
        return fail(started_ ? "a run starts once" : "a ledger begins with run_start");
    }
    switch (record.kind) {
        case RecordKind::kRunStart: return on_run_start(record);
        case RecordKind::kJoin: return on_join(record);
        case RecordKind::kPlan: return on_plan(record);
        case RecordKind::kCommit: return on_commit(record);
        case RecordKind::kVerdict: return on_verdict(record);
        case RecordKind::kAuditJob: return on_audit_job(record);
        case RecordKind::kShare: return on_share(record);
        case RecordKind::kSettlement: return on_settlement(record);
        case RecordKind::kVesting: return on_vesting(record);
        case RecordKind::kForfeit: return on_forfeit(record);
        case RecordKind::kRollback: return on_rollback(record);
        case RecordKind::kSummary: return on_summary(record);
        case RecordKind::kFee: return on_fee(record);
        case RecordKind::kRunEnd: return on_run_end(record);
        case RecordKind::kPayload:
        case RecordKind::kClose:
        case RecordKind::kBeacon:
        case RecordKind::kOpening:
        case RecordKind::kAuditReport:
        case RecordKind::kExtension:
        case RecordKind::kRoster: return {};  // evidence; moves no money
    }
    return fail("a record of no known kind");
}

// ---- reading -------------------------------------------------------------------------------------

const PeerBook* Books::find(const PeerId& peer) const {
    const auto found = peers_.find(peer);
    return found == peers_.end() ? nullptr : &found->second;
}

const RoundWork* Books::find(RoundId round, const PeerId& peer) const {
    const PeerBook* book = find(peer);
    if (book == nullptr) {
        return nullptr;
    }
    const auto found = book->works.find(round);
    return found == book->works.end() ? nullptr : &found->second;
}

RoundWork* Books::work_of(RoundId round, const PeerId& peer) {
    const auto book = peers_.find(peer);
    if (book == peers_.end()) {
        return nullptr;
    }
    const auto found = book->second.works.find(round);
    return found == book->second.works.end() ? nullptr : &found->second;
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

uint32_t Books::audit_rate(const PeerId& peer, RoundId round, uint64_t tokens,
                           uint64_t total_tokens) const {
    const PeerBook* book = find(peer);
    const int64_t reward = expected_reward(pay_, tokens, total_tokens);
    const int64_t cost = declared_cost(pay_, reward);
    const int64_t at_stake =
        book == nullptr ? 0
                        : book->escrow.at_stake(round, pay_.vest_rounds, pay_.verdict_window);
    return audit_ppm(pay_.audit_min_ppm, pay_.audit_margin_ppm, cost, reward, at_stake);
}

std::vector<RecordDraft> Books::owed_forfeits() const {
    std::vector<RecordDraft> drafts;
    for (const auto& [peer, owed] : owed_) {
        drafts.push_back(make_draft(RecordKind::kForfeit, owed.round, peer, owed.body));
    }
    return drafts;
}

std::vector<ShareLine> Books::share_lines() const {
    std::vector<ShareLine> lines;
    for (const auto& [peer, share] : shares_) {
        lines.push_back({peer, share.phi_nano_nats, share.tokens});
    }
    return lines;
}

RecordDraft Books::settlement() const {
    ASSAY_CHECK(plan_.has_value());
    const SettlementBody body{shares_.empty() ? 0 : pay_.pool_per_round,
                              settle_round(pay_, share_lines())};
    return make_draft(RecordKind::kSettlement, plan_->round, PeerId{}, body);
}

bool Books::may_vest(const PeerBook& book, RoundId earned_in) const {
    const auto found = book.works.find(earned_in);
    if (!plan_ || found == book.works.end() || found->second.rejected) {
        return false;
    }
    const RoundWork& work = found->second;
    if (ended_) {
        return work.decided;
    }
    const uint64_t due = earned_in.value + static_cast<uint64_t>(pay_.vest_rounds);
    return due <= plan_->round.value && !awaits_audit(work);
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
        if (ended_ && left == 0 && book.escrow.deposit() > 0 && !awaits_audit(book)) {
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
                round_text(owed_.begin()->second.round) + " is missing before this record");
}

// ---- run, members, plan --------------------------------------------------------------------------

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

Status Books::check_plan_peer(const PlanPeer& peer, const RoundPlan& plan,
                              uint64_t total_tokens) const {
    const PeerBook* book = find(peer.id);
    if (book == nullptr) {
        return fail("has not joined");
    }
    const StartState start = start_of(peer.id, plan.round);
    const bool carried = peer.optimiser_steps == start.optimiser_steps &&
                         peer.m_root == start.m_root && peer.v_root == start.v_root;
    // inner_state = "reset" zeroes the moments at every start and keeps e.
    const bool reset = peer.optimiser_steps == 0 && peer.m_root == zero_root_ &&
                       peer.v_root == zero_root_;
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
    const uint32_t lowest = audit_rate(peer.id, plan.round, tokens_of(plan, peer), total_tokens);
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
        return fail(round_text(plan_->round) + " has no summary yet");
    }
    const uint64_t expected = plan_ ? plan_->round.value + 1 : 0;
    if (plan->round.value != expected || record.round != plan->round) {
        return fail("a plan of " + round_text(plan->round) + " where round " +
                    std::to_string(expected) + " is due");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    uint64_t total = 0;
    for (const PlanPeer& peer : plan->peers) {
        total += tokens_of(*plan, peer);
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
    Result<Envelope> envelope = open_envelope(record.body);
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
        return fail(round_text(commit->round) + " is not open");
    }
    if (planned(*plan_, record.subject) == nullptr) {
        return fail("peer " + record.subject.hex() + " is not in the plan");
    }
    PeerBook& book = peers_.at(record.subject);
    if (!book.works.try_emplace(record.round).second) {
        return fail("a second COMMIT of peer " + record.subject.hex());
    }
    book.last_commit = record.round;
    e_after_[record.subject] = commit->e_after_root;
    return {};
}

// ---- verdicts ------------------------------------------------------------------------------------

Status Books::on_audit_job(const RecordDraft& record) {
    RoundWork* work = work_of(record.round, record.subject);
    if (work == nullptr) {
        return fail("an audit of peer " + record.subject.hex() + " in " +
                    round_text(record.round) + ", which is not open");
    }
    work->audited = true;
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
    RoundWork* work = work_of(record.round, record.subject);
    if (work == nullptr) {
        return fail("no COMMIT of peer " + record.subject.hex() + " in " +
                    round_text(record.round) + " is open to a verdict");
    }
    if (work->rejected) {
        return fail("peer " + record.subject.hex() + " was rejected before in " +
                    round_text(record.round));
    }
    const bool late = summarised_ || plan_->round != record.round;
    const bool audit = decides_audit(verdict->layer);
    if (late && !audit && verdict->ruling != Ruling::kRejected && !verdict->suspicious) {
        return fail("the summary of " + round_text(record.round) + " is out: only an audit or a "
                    "rejection can follow");
    }
    if (verdict->suspicious && !work->decided) {
        work->audited = true;
    }
    switch (verdict->ruling) {
        case Ruling::kAccepted: (audit ? work->decided : work->accepted) = true; break;
        case Ruling::kGated: work->gated = true; break;
        case Ruling::kRejected: reject(peers_.at(record.subject), *work, *verdict); break;
    }
    return {};
}

void Books::reject(PeerBook& book, RoundWork& work, const Verdict& verdict) {
    work.rejected = true;
    book.rejected_in = plan_->round;
    book.state = {};
    book.sequences_most = 0;
    const bool refusal = verdict.layer == Layer::kRefusal;
    ++(refusal ? book.refusals : book.cheats);
    const Forfeiture lost = book.escrow.exposed(!refusal || book.refusals > 1);
    ForfeitBody body;
    body.cause = refusal ? ForfeitCause::kRefusal : ForfeitCause::kCheat;
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
        return fail("no verdict of " + round_text(record.round) + " takes anything from peer " +
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
    RoundWork* work = work_of(record.round, record.subject);
    if (work == nullptr || !work->counted || !work->rejected || work->rolled_back) {
        return fail("peer " + record.subject.hex() + " has no late rejection in " +
                    round_text(record.round) + " to take out");
    }
    if (!plan_ || body->taken_out_in != plan_->round || summarised_) {
        return fail("a share is taken out in the round that is open");
    }
    work->rolled_back = true;
    return {};
}

// ---- shares, pay, summary ------------------------------------------------------------------------

Status Books::on_share(const RecordDraft& record) {
    Result<ShareBody> body = ShareBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    if (!plan_ || summarised_ || settled_ || record.round != plan_->round) {
        return fail("shares of " + round_text(record.round) + " are not open");
    }
    if (record.subject == PeerId{}) {
        if (encoding_share_ || body->tokens != 0) {
            return fail("a second share of the encoding, or one with tokens");
        }
        encoding_share_ = true;
        return {};
    }
    const RoundWork* work = find(record.round, record.subject);
    if (work == nullptr || !work->accepted || work->gated || is_barred(record.subject)) {
        return fail("a share for peer " + record.subject.hex() + ", whose work was not accepted");
    }
    const uint64_t assigned = tokens_of(*plan_, *planned(*plan_, record.subject));
    if (body->tokens != assigned || assigned == 0) {
        return fail("peer " + record.subject.hex() + " was assigned " + std::to_string(assigned) +
                    " tokens, its share counts " + std::to_string(body->tokens));
    }
    if (body->e_root != e_after_.at(record.subject)) {
        return fail("the share of peer " + record.subject.hex() +
                    " ends in another e than its COMMIT");
    }
    if (!shares_.try_emplace(record.subject, *body).second) {
        return fail("a second share of peer " + record.subject.hex());
    }
    return {};
}

Status Books::on_settlement(const RecordDraft& record) {
    Result<SettlementBody> body = SettlementBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    if (!plan_ || summarised_ || settled_ || record.round != plan_->round) {
        return fail(round_text(record.round) + " is not open to settlement");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    for (const auto& [peer, share] : shares_) {
        if (is_barred(peer)) {
            return fail("peer " + peer.hex() + " was rejected after its share");
        }
    }
    const RecordDraft expected = settlement();
    if (record.body != expected.body) {
        return fail("the pay does not follow from the recorded shares");
    }
    for (const Earning& line : body->lines) {
        if (Status earned = peers_.at(line.peer).escrow.earn(record.round, line.amount); !earned) {
            return fail("peer " + line.peer.hex() + ": " + earned.reason());
        }
    }
    handed_out_ += body->pool;
    settled_ = true;
    return {};
}

Status Books::on_vesting(const RecordDraft& record) {
    Result<VestingBody> body = VestingBody::decode(record.body);
    if (!body) {
        return body.error();
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    const auto found = peers_.find(record.subject);
    if (found == peers_.end()) {
        return fail("peer " + record.subject.hex() + " has not joined");
    }
    PeerBook& book = found->second;
    if (body->source == VestingSource::kDeposit) {
        if (!ended_ || awaits_audit(book) || body->amount != book.escrow.deposit()) {
            return fail("a deposit is given back whole, after the run's end and its last audit");
        }
        return book.escrow.release_deposit();
    }
    const auto reward = book.escrow.unvested().find(record.round);
    if (reward == book.escrow.unvested().end() || reward->second != body->amount) {
        return fail("peer " + record.subject.hex() + " has no unvested reward of " +
                    std::to_string(body->amount) + " from " + round_text(record.round));
    }
    if (!may_vest(book, record.round)) {
        return fail("the reward of peer " + record.subject.hex() + " from " +
                    round_text(record.round) + " may not vest yet");
    }
    return book.escrow.vest(record.round);
}

// Rejected, in this round or for an earlier one, since the plan of this round.
bool Books::is_barred(const PeerId& peer) const { return find(peer)->rejected_in == plan_->round; }

Status Books::check_entry(const SummaryEntry& entry, bool voided) const {
    const RoundWork& work = *find(plan_->round, entry.peer);
    const bool has_share = shares_.count(entry.peer) > 0;
    const bool rejected = entry.outcome == CommitOutcome::kRejected;
    if (rejected ? !is_barred(entry.peer) : work.rejected) {
        return fail(rejected ? "was rejected by no verdict" : "was rejected by a verdict");
    }
    if (entry.outcome == CommitOutcome::kCounted && (voided || !has_share || !settled_)) {
        return fail("counts without a share and a settlement of the round");
    }
    if (entry.outcome != CommitOutcome::kCounted && has_share) {
        return fail("has a share and does not count");
    }
    if (entry.outcome == CommitOutcome::kGated && !work.gated) {
        return fail("was gated by no verdict");
    }
    if (entry.outcome == CommitOutcome::kVoided && !voided) {
        return fail("is voided in a round that was not");
    }
    return {};
}

Status Books::on_summary(const RecordDraft& record) {
    Result<RoundSummary> summary = decode_body<RoundSummary>(record.body);
    if (!summary) {
        return summary.error();
    }
    if (!plan_ || summarised_ || summary->round != plan_->round || record.round != plan_->round) {
        return fail("a summary of " + round_text(summary->round) + ", which is not open");
    }
    if (Status owed = nothing_owed(); !owed) {
        return owed;
    }
    if (const std::vector<RecordDraft> due = due_vestings(); !due.empty()) {
        return fail("the reward of peer " + due.front().subject.hex() + " from " +
                    round_text(due.front().round) + " should have vested before this summary");
    }
    const bool same_peers = std::equal(
        summary->entries.begin(), summary->entries.end(), e_after_.begin(), e_after_.end(),
        [](const SummaryEntry& entry, const auto& commit) { return entry.peer == commit.first; });
    if (!same_peers) {
        return fail("the entries are not the COMMITs of the round, in order of id");
    }
    for (const SummaryEntry& entry : summary->entries) {
        if (Status status = check_entry(entry, summary->voided); !status) {
            return fail("peer " + entry.peer.hex() + " " + status.reason());
        }
    }
    for (const auto& [peer, share] : shares_) {
        count(peer, share);
    }
    summarised_ = true;
    forget_old_works(plan_->round);
    return {};
}

void Books::count(const PeerId& peer, const ShareBody& share) {
    PeerBook& book = peers_.at(peer);
    const PlanPeer& line = *planned(*plan_, peer);
    book.works.at(plan_->round).counted = true;
    book.state = {book.state.tenure_rounds + 1, line.optimiser_steps + plan_->inner_steps,
                  share.m_root, share.v_root, share.e_root};
    book.sequences_most = std::max(book.sequences_most, line.sequences_per_step);
    book.tokens_counted += share.tokens;
}

// A work is kept while it can vest, be judged, or must still be taken out.
void Books::forget_old_works(RoundId now) {
    const auto window = static_cast<uint64_t>(std::max(pay_.vest_rounds, pay_.verdict_window));
    for (auto& [peer, book] : peers_) {
        for (auto work = book.works.begin(); work != book.works.end();) {
            const RoundWork& one = work->second;
            const bool open = awaits_audit(one) ||
                              (one.counted && one.rejected && !one.rolled_back) ||
                              book.escrow.unvested().count(work->first) > 0 ||
                              work->first.value + window >= now.value;
            work = open ? std::next(work) : book.works.erase(work);
        }
    }
}

// ---- fees, end -----------------------------------------------------------------------------------

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

// ---- invariants ----------------------------------------------------------------------------------

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

Result<Books> fold_books(const Ledger& ledger) {
    Books books;
    const Status folded =
        for_each_record(ledger, [&](const Record& record) { return books.apply(record); });
    if (!folded) {
        return folded.error();
    }
    return books;
}

}  // namespace assay
