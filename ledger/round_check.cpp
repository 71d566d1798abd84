#include "ledger/round_check.h"

#include <algorithm>

#include "protocol/beacon_chain.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

namespace {

Status mismatch(const char* field, const Digest& expected, const Digest& found) {
    return fail(std::string(field) + " is " + found.brief() + ", it follows to be " +
                expected.brief());
}

}  // namespace

Status RoundCheck::check(const Record& record, const LedgerEvent& event, const Books& books) {
    if (!has_subject(record.kind) && record.subject != PeerId{}) {
        return fail("names a subject that its kind does not have");
    }
    const Place at{head_of(record), record.previous, books};
    return std::visit([&](const auto& one) { return on(at, one); }, event);
}

void RoundCheck::forget(const Books& books) {
    for (auto round = rounds_.begin(); round != rounds_.end();) {
        const bool open = round->first == current_ ||
                          std::any_of(round->second.commits.begin(),
                                      round->second.commits.end(),
                                      [&](const auto& commit) {
                                          return books.find(round->first, commit.first) != nullptr;
                                      });
        ASSAY_CHECK(!round->second.beacon || round->second.close_root);
        ASSAY_CHECK(!round->second.summarised || round->second.beacon);
        round = open ? std::next(round) : rounds_.erase(round);
    }
    ASSAY_CHECK(!current_ || rounds_.count(*current_) == 1);
}

Result<RoundCheck::RoundFacts*> RoundCheck::open_round(const EventHead& head) {
    if (!current_ || head.round != *current_ || rounds_.at(*current_).summarised) {
        return fail(in_words(head.round) + " is not open");
    }
    return &rounds_.at(*current_);
}

RoundCheck::CommitFacts* RoundCheck::find_commit(RoundId round, const PeerId& peer) {
    const auto found = rounds_.find(round);
    if (found == rounds_.end()) {
        return nullptr;
    }
    const auto commit = found->second.commits.find(peer);
    return commit == found->second.commits.end() ? nullptr : &commit->second;
}

Result<RoundCheck::CommitFacts*> RoundCheck::open_commit(const EventHead& head) {
    Result<RoundFacts*> round = open_round(head);
    if (!round) {
        return round.error();
    }
    const auto found = (*round)->commits.find(head.subject);
    if (found == (*round)->commits.end()) {
        return fail("peer " + head.subject.hex() + " sent no COMMIT");
    }
    return &found->second;
}

Result<RoundCheck::CommitFacts*> RoundCheck::challenged_commit(const EventHead& head) {
    if (CommitFacts* owing = find_commit(head.round, head.subject); owing && owing->until) {
        return owing;
    }
    Result<CommitFacts*> facts = open_commit(head);
    if (!facts) {
        return facts;
    }
    if (!rounds_.at(head.round).beacon || !(*facts)->payload) {
        return fail("peer " + head.subject.hex() + " was not challenged");
    }
    return facts;
}

// ---- run, roster, plan --------------------------------------------------------------------------

Status RoundCheck::on(const Place&, const RunStartEvent& start) {
    manifest_ = start.manifest;
    manifest_digest_ = manifest_digest(manifest_);
    if (checks_.manifest_digest && manifest_digest_ != *checks_.manifest_digest) {
        return mismatch("the manifest's digest", *checks_.manifest_digest, manifest_digest_);
    }
    if (checks_.pay && !(start.body.pay == *checks_.pay)) {
        return fail("the settings of pay are not those of the manifest");
    }
    theta_root_ = manifest_.initial_root;
    chain_element_ = manifest_.beacon_tail;
    return {};
}

Status RoundCheck::stamped(Instant at) {
    if (at < stamp_) {
        return fail("says that it was made " + std::to_string((stamp_ - at).ms) +
                    " ms before a record below it");
    }
    stamp_ = at;
    return {};
}

// Who is a member: the books check it.
Status RoundCheck::on(const Place&, const JoinBody& join) {
    return stamped(join.at);
}

// The roster of a round is fixed before the beacon that deals its data is known.
Status RoundCheck::on(const Place& at, const RosterBody& roster) {
    const RoundId due = current_ ? current_->next() : RoundId{};
    if (at.head.round != due || rosters_.count(due) > 0) {
        return fail("a roster of " + in_words(at.head.round) + ", not due now");
    }
    if (current_ && rounds_.at(*current_).beacon) {
        return fail("the roster comes after the beacon of the round before");
    }
    for (const RosterLine& line : roster.lines) {
        const PeerBook* book = at.books.find(line.peer);
        if (book != nullptr && book->ejected) {
            return fail("the roster lets in peer " + line.peer.hex() + ", which was ejected");
        }
        const auto rounds = static_cast<uint64_t>(at.books.pay().debt_rounds);
        if (book != nullptr && book->owes() && due.value > book->owes_since()->value + rounds) {
            return fail("the roster lets in peer " + line.peer.hex() +
                        ", which owes an answer since " + in_words(*book->owes_since()));
        }
    }
    rosters_[due] = roster;
    ASSAY_CHECK_EQ(rosters_.size(), size_t{1});  // the one before went into its plan
    return {};
}

Status RoundCheck::check_roster(const RoundPlan& plan) const {
    const auto roster = rosters_.find(plan.round);
    if (roster == rosters_.end()) {
        return fail("the roster of the round was not fixed before");
    }
    for (const PlanPeer& peer : plan.peers) {
        const RosterLine line{peer.id, peer.numeric_class, peer.sequences_per_step};
        const std::vector<RosterLine>& lines = roster->second.lines;
        if (!std::binary_search(lines.begin(), lines.end(), line)) {
            return fail("peer " + peer.id.hex() + " is not in the roster with this work");
        }
    }
    return {};
}

Status RoundCheck::on(const Place& at, const RoundPlan& plan) {
    if (!current_) {
        accumulator_root_ = at.books.zero_root();
    }
    const struct {
        const char* name = nullptr;
        Digest expected;
        Digest found;
    } fields[] = {
        {"the manifest's digest", manifest_digest_, plan.manifest_digest},
        {"the ledger's head", at.previous, plan.ledger_head},
        {"the beacon of the round before", beacon_value_, plan.previous_beacon},
        {"the root of theta", theta_root_, plan.base_root},
        {"the root of E", accumulator_root_, plan.accumulator_root},
        {"the roster's root", roster_root(plan.peers), plan.roster_root},
        {"the pool's root", pool_root(plan.pool), plan.pool_root},
    };
    for (const auto& field : fields) {
        if (field.expected != field.found) {
            return mismatch(field.name, field.expected, field.found);
        }
    }
    if (Status roster = check_roster(plan); !roster) {
        return roster;
    }
    if (Status lapsed = check_lapsed(plan.opened_at); !lapsed) {
        return lapsed;
    }
    // Its roster was due: the round is the next one.
    ASSAY_CHECK(rounds_.empty() || rounds_.rbegin()->first < plan.round);
    rosters_.erase(plan.round);
    if (Status stamp = stamped(plan.opened_at); !stamp) {
        return stamp;
    }
    current_ = plan.round;
    RoundFacts& round = rounds_[*current_];
    round.plan_digest = plan_digest(plan);
    round.plan = plan;
    return {};
}

// ---- COMMIT to beacon ---------------------------------------------------------------------------

Status RoundCheck::on(const Place& at, const CommitEvent& event) {
    Result<RoundFacts*> round = open_round(at.head);
    if (!round) {
        return round.error();
    }
    if ((*round)->close_root) {
        return fail("a COMMIT after CLOSE");
    }
    CommitFacts facts;
    facts.hash = event.hash;
    facts.commit = event.commit;
    (*round)->commits[at.head.subject] = std::move(facts);
    return {};
}

Status RoundCheck::on(const Place& at, const PayloadBody& payload) {
    Result<CommitFacts*> facts = open_commit(at.head);
    if (!facts) {
        return facts.error();
    }
    if ((*facts)->payload || rounds_.at(at.head.round).close_root) {
        return fail((*facts)->payload ? "a second payload" : "a payload after CLOSE");
    }
    (*facts)->payload = payload.sha256;
    return stamped(payload.received_at);
}

Status RoundCheck::on(const Place& at, const CloseEvent& event) {
    Result<RoundFacts*> round = open_round(at.head);
    if (!round) {
        return round.error();
    }
    if ((*round)->close_root) {
        return fail("a second CLOSE of the round");
    }
    std::vector<Digest> leaves;
    auto entry = event.entries.begin();
    for (const auto& [peer, facts] : (*round)->commits) {
        if (!facts.payload) {
            continue;
        }
        leaves.push_back(close_leaf({peer, facts.hash, *facts.payload}));
        if (entry == event.entries.end() || close_leaf(*entry) != leaves.back()) {
            return fail("the entries do not hold the COMMIT and payload of peer " + peer.hex());
        }
        ++entry;
    }
    if (entry != event.entries.end()) {
        return fail("an entry for peer " + entry->peer.hex() + " without COMMIT or payload");
    }
    ASSAY_CHECK_EQ(leaves.size(), event.entries.size());  // each was held against a COMMIT
    const Digest root = merkle_root(leaves);
    if (event.close.entries_root != root || event.close.entry_count != leaves.size()) {
        return mismatch("the root of the entries", root, event.close.entries_root);
    }
    if (event.close.round != at.head.round || event.close.manifest_digest != manifest_digest_ ||
        event.close.plan_digest != (*round)->plan_digest) {
        return fail("the CLOSE names another round, manifest or plan");
    }
    (*round)->close_root = root;
    return {};
}

Status RoundCheck::on(const Place& at, const Beacon& beacon) {
    Result<RoundFacts*> round = open_round(at.head);
    if (!round) {
        return round.error();
    }
    if (!(*round)->close_root || (*round)->beacon || beacon.round != at.head.round) {
        return fail("a beacon comes once, after the CLOSE of its round");
    }
    const Digest before = BeaconChain::before(beacon.chain_element);
    if (before != chain_element_) {
        return mismatch("the chain element hashes to what", chain_element_, before);
    }
    if (beacon.close_root != *(*round)->close_root) {
        return mismatch("the root of CLOSE", *(*round)->close_root, beacon.close_root);
    }
    const Digest value = beacon_value(beacon.chain_element, beacon.close_root);
    if (value != beacon.value) {
        return mismatch("the beacon's value", value, beacon.value);
    }
    chain_element_ = beacon.chain_element;
    (*round)->beacon = beacon_value_ = value;
    for (auto& [peer, facts] : (*round)->commits) {
        const PlanPeer* line = find_peer((*round)->plan, peer);
        if (checks_.drawn_steps && facts.payload && line != nullptr) {
            facts.drawn = checks_.drawn_steps((*round)->plan, *line, value, facts.hash);
        }
    }
    return {};
}

// ---- openings, verdicts, audits -----------------------------------------------------------------

Status RoundCheck::on(const Place& at, const OpeningEvent& event) {
    Result<CommitFacts*> facts = challenged_commit(at.head);
    if (!facts) {
        return facts.error();
    }
    if ((*facts)->opening) {
        return fail("a second opening of peer " + at.head.subject.hex());
    }
    if (event.notice && event.notice->round != at.head.round) {
        return fail("the opening is of " + in_words(event.notice->round));
    }
    (*facts)->opening = true;
    (*facts)->answered = event.notice.has_value();
    return {};
}

Status RoundCheck::on(const Place& at, const DebtBody& debt) {
    Result<CommitFacts*> facts = challenged_commit(at.head);
    if (!facts) {
        return facts.error();
    }
    if (!(*facts)->unanswered) {
        return fail("a debt that no verdict says is owed");
    }
    if ((*facts)->until && debt.until <= *(*facts)->until) {
        return fail("a challenge that was open already is told again, and no longer than before");
    }
    (*facts)->until = debt.until;
    return {};
}

// What was said never to have been answered had its time, by what the coordinator says of the time.
Status RoundCheck::check_lapsed(Instant now) const {
    return lapsed_ <= now ? Status()
                          : fail("a challenge was taken for unanswered " +
                                 std::to_string((lapsed_ - now).ms) + " ms before its time");
}

Status RoundCheck::on(const Place&, const RunEndBody& end) {
    const Status lapsed = check_lapsed(end.at);
    return lapsed ? stamped(end.at) : lapsed;
}

// Gated: it stays open; accepted: answered late; rejected: never answered.
Status RoundCheck::check_challenge(const Place& at, CommitFacts& facts, const Verdict& verdict) {
    const bool due = at.head.round == *current_ && !rounds_.at(*current_).summarised;
    switch (verdict.ruling) {
        case Ruling::kGated:
            if (!due || facts.unanswered || !rounds_.at(*current_).beacon) {
                return fail("a challenge is left open once, in its round");
            }
            facts.unanswered = true;
            facts.opening = facts.answered = false;  // what came was no answer
            return {};
        case Ruling::kAccepted:
            return facts.until && facts.answered
                       ? Status()
                       : fail("a challenge is said to be answered late, no opening says so");
        case Ruling::kRejected:
            break;
    }
    if (!facts.until || facts.answered) {
        return fail("a challenge is said never to have been answered, the records say otherwise");
    }
    lapsed_ = std::max(lapsed_, *facts.until);
    return {};
}

Status RoundCheck::check_audited(const CommitFacts& facts, const Verdict& verdict) const {
    const bool failed = std::any_of(
        facts.jobs.begin(), facts.jobs.end(), [](const auto& job) { return job.second.failed; });
    if (verdict.ruling == Ruling::kRejected) {
        return failed ? Status() : fail("an audit is said to have failed, no report says so");
    }
    if (facts.jobs.empty()) {
        return fail("an audit is said to have passed, no job was recorded");
    }
    for (const auto& [digest, job] : facts.jobs) {
        if (!job.passed) {
            return fail("an audit is said to have passed, step " + std::to_string(job.step) +
                        " has no report that says so");
        }
    }
    return {};
}

// What a chain shows is held against what the run has shown: a coordinator can neither overlook it
// for a friend nor lower the limits against somebody.
Status RoundCheck::check_figures(const Place& at, const Verdict& verdict) const {
    if (!checks_.tripwire_floor) {
        return {};
    }
    const TripwireFigures limits = at.books.tripwire().limits(*checks_.tripwire_floor);
    const bool beyond =
        verdict.energy_ppm > limits.energy_ppm || verdict.cosine_ppm > limits.cosine_ppm;
    return beyond && !verdict.suspicious
               ? fail("its figures are beyond the run's limits, and it is not suspicious")
               : Status();
}

Status RoundCheck::on(const Place& at, const Verdict& verdict) {
    CommitFacts* facts = find_commit(at.head.round, at.head.subject);
    if (facts == nullptr) {
        return fail("no COMMIT of peer " + at.head.subject.hex() + " is open to a verdict");
    }
    if (verdict.layer == Layer::kRefusal) {
        return check_challenge(at, *facts, verdict);
    }
    if (verdict.layer == Layer::kGradientAudit) {
        return check_audited(*facts, verdict);
    }
    if (Status figures = check_figures(at, verdict); !figures) {
        return figures;
    }
    facts->accepted = facts->accepted || verdict.ruling == Ruling::kAccepted;
    return {};
}

Status RoundCheck::on(const Place& at, const AuditJob& job) {
    CommitFacts* facts = find_commit(at.head.round, at.head.subject);
    if (facts == nullptr || !rounds_.at(at.head.round).beacon) {
        return fail("an audit of a COMMIT that is not open to one");
    }
    if (job.peer != at.head.subject || job.round != at.head.round ||
        job.plan_digest != rounds_.at(at.head.round).plan_digest) {
        return fail("the job names another peer, round or plan");
    }
    const Digest leaf = state_leaf_digest(job.peer, job.step, job.leaf);
    const bool bound = job.states_root == facts->commit.states_root &&
                       job.leaf_path.index == job.step &&
                       merkle_contains(job.states_root, leaf, job.leaf_path);
    if (!bound) {
        return fail("the step to audit is not the one that the COMMIT binds");
    }
    facts->jobs[audit_job_digest(job)].step = job.step;
    return {};
}

Status RoundCheck::on(const Place& at, const AuditReportEvent& event) {
    const AuditReport& report = event.report;
    CommitFacts* facts = find_commit(at.head.round, at.head.subject);
    const auto job =
        facts == nullptr ? decltype(facts->jobs.begin()){} : facts->jobs.find(report.job);
    if (facts == nullptr || job == facts->jobs.end()) {
        return fail("a report on a job that was not recorded");
    }
    if (report.round != at.head.round || report.step != job->second.step) {
        return fail("the report is on another round or step than its job");
    }
    (report.pass ? job->second.passed : job->second.failed) = true;
    return {};
}

// ---- summary ------------------------------------------------------------------------------------

Status RoundCheck::check_counted(const RoundFacts& round,
                                 const PeerId& peer,
                                 const CommitFacts& facts) const {
    const Commit& commit = facts.commit;
    const PlanPeer* line = find_peer(round.plan, peer);
    if (line == nullptr || !facts.accepted || !facts.answered || !facts.payload) {
        return fail("counts without payload, opening and accepting verdict");
    }
    if (commit.manifest_digest != manifest_digest_ || commit.plan_digest != round.plan_digest ||
        commit.ledger_head != round.plan.ledger_head || commit.base_root != round.plan.base_root ||
        commit.e_before_root != line->e_root || commit.numeric_class != line->numeric_class ||
        commit.payload_hash != *facts.payload) {
        return fail("counts although its COMMIT does not fit the plan or the payload");
    }
    if (checks_.assignment_digest) {
        Result<Digest> dealt = checks_.assignment_digest(round.plan, peer);
        if (!dealt) {
            return dealt.error();
        }
        if (*dealt != commit.assignment_digest) {
            return mismatch("its assignment", *dealt, commit.assignment_digest);
        }
    }
    for (const uint32_t step : facts.drawn) {
        const bool ordered = std::any_of(facts.jobs.begin(),
                                         facts.jobs.end(),
                                         [&](const auto& job) { return job.second.step == step; });
        if (!ordered) {
            return fail("counts, and step " + std::to_string(step) +
                        " that the beacon drew is not audited");
        }
    }
    return {};
}

Status RoundCheck::on(const Place& at, const RoundSummary& summary) {
    Result<RoundFacts*> open = open_round(at.head);
    if (!open) {
        return open.error();
    }
    RoundFacts& round = **open;
    if (!round.beacon) {
        return fail("a summary before the beacon");
    }
    if (summary.plan_digest != round.plan_digest || summary.beacon_value != *round.beacon) {
        return fail("the summary names another plan or beacon");
    }
    if (summary.ledger_head != at.previous) {
        return mismatch("the ledger's head", at.previous, summary.ledger_head);
    }
    if (summary.voided && summary.theta_root != round.plan.base_root) {
        return mismatch("theta after a voided round", round.plan.base_root, summary.theta_root);
    }
    for (const SummaryEntry& entry : summary.entries) {
        const auto facts = round.commits.find(entry.peer);
        if (facts == round.commits.end()) {
            return fail("an entry for peer " + entry.peer.hex() + ", which sent no COMMIT");
        }
        if (entry.outcome == CommitOutcome::kLate && facts->second.payload) {
            return fail("peer " + entry.peer.hex() + " is late, its payload was in time");
        }
        if (facts->second.unanswered != facts->second.until.has_value()) {
            return fail("no record says how long the challenge of peer " + entry.peer.hex() +
                        " is open");
        }
        if (entry.outcome == CommitOutcome::kCounted) {
            if (Status status = check_counted(round, entry.peer, facts->second); !status) {
                return fail("peer " + entry.peer.hex() + ": " + status.reason());
            }
        }
    }
    theta_root_ = summary.theta_root;
    accumulator_root_ = summary.accumulator_root;
    round.summarised = true;
    round.plan.bias1_bits = {};
    round.plan.bias2_bits = {};
    ++rounds_closed_;
    ASSAY_CHECK_EQ(rounds_closed_, current_->value + 1);
    return {};
}

}  // namespace assay
