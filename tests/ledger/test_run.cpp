#include "tests/ledger/test_run.h"

#include <algorithm>

#include "protocol/entry_work.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint64_t kTestTiles = 2;
constexpr uint64_t kTestBeacons = 64;

constexpr uint32_t kTestRate = 0x3a83126f;  // 0.001

Digest assignment_of(const Digest& plan, const PeerId& peer) {
    return sha256("test assignment", plan.span(), peer.span());
}

// Positions in order of id, from the pool and then from the stream; the sample is the position.
Deal test_deal(const RoundPlan& plan) {
    Deal deal;
    deal.stream_position_after = plan.stream_position;
    deal.pool_after = plan.pool;
    for (const PlanPeer& peer : plan.peers) {
        DealtWork& work = deal.peers[peer.id];
        work.assignment = assignment_of(plan_digest(plan), peer.id);
        for (uint64_t i = 0; i < uint64_t{plan.inner_steps} * peer.sequences_per_step; ++i) {
            uint64_t position = deal.stream_position_after;
            if (deal.pool_after.empty()) {
                ++deal.stream_position_after;
            } else {
                SampleRange& first = deal.pool_after.front();
                position = first.begin++;
                if (first.begin == first.end) {
                    deal.pool_after.erase(deal.pool_after.begin());
                }
            }
            work.ranges.push_back({position, position + 1});
            work.samples.push_back(position);
        }
    }
    return deal;
}

std::vector<SampleRange> test_pool(std::vector<SampleRange> pool,
                                   std::vector<SampleRange> returned) {
    std::sort(returned.begin(), returned.end());
    pool.insert(pool.end(), returned.begin(), returned.end());
    return pool;
}

StateLeaf leaf_of(RoundId round, size_t peer, uint32_t step) {
    const uint64_t name = round.value * 100 + peer;
    return {test_digest("theta", name, step), test_digest("g", name, step), Digest{}};
}

MerkleTree states_of(const PeerId& id, RoundId round, size_t peer) {
    std::vector<Digest> leaves;
    for (uint32_t step = 0; step < kTestSteps; ++step) {
        leaves.push_back(state_leaf_digest(id, step, leaf_of(round, peer, step)));
    }
    leaves.push_back(test_digest("end", round.value, peer));
    return MerkleTree(std::move(leaves));
}

StepStates states_opened(RoundId round, size_t peer, uint32_t step) {
    StepStates states;
    states.step = step;
    states.theta = {test_digest("state", round.value * 100 + peer, step), kTestTiles * 16384, {}};
    return states;
}

Conduct conduct_of(const std::map<size_t, Conduct>& conducts, size_t peer) {
    const auto found = conducts.find(peer);
    return found == conducts.end() ? Conduct::kHonest : found->second;
}

RecordDraft plain(RecordKind kind, RoundId round, Bytes body) {
    return {kind, round, PeerId{}, std::move(body)};
}

}  // namespace

RunTerms test_terms(const PaySettings& pay) {
    RunTerms terms;
    terms.rounds = 1000;
    terms.peers_max = 8;
    terms.inner_steps = kTestSteps;
    terms.sequence_tokens = kTestTokens;
    terms.base_sequences = 2;
    terms.speed_span = 2;
    terms.classes = {NumericClass::kExact};
    terms.commit_floor = DurationMs{1000};
    terms.commit_ceiling = DurationMs{10000};
    terms.transfer_floor = DurationMs{1000};
    terms.transfer_ceiling = DurationMs{10000};
    terms.theta_bytes = kTestTiles * 16384;
    terms.payload_bytes_max = 10000;
    terms.opening_bytes_max = 10000;
    terms.bias1_bits = {0x41200000, 0x40a86bca};
    terms.bias2_bits = {0x41a00000};
    terms.pay = pay;
    terms.entry_work_bits = kTestEntryBits;
    terms.tripwire_floor = {1700000, 900000};
    terms.learning_rates = [](RoundId) { return std::vector<uint32_t>(kTestSteps, kTestRate); };
    terms.deal = test_deal;
    terms.next_pool = test_pool;
    terms.data_known = true;
    return terms;
}

Status apply(Books& books, const RecordDraft& draft) {
    const Result<LedgerEvent> event = decode_record(draft);
    return event ? books.apply(head_of(draft), *event) : Status(event.error());
}

Digest test_digest(std::string_view what, uint64_t a, uint64_t b) {
    return derive_seed(Digest{}, what, {a, b});
}

PeerId test_peer(uint8_t number) {
    PeerId id;
    id.key[0] = number;
    return id;
}

std::vector<Record> all_records(const Ledger& ledger) {
    return ledger.read(0, ledger.height()).value();
}

TestRun::TestRun(Ledger& to, size_t peer_count, PaySettings pay)
    : ledger(to),
      coordinator(Identity::from_seed(test_digest("coordinator"))),
      chain(test_digest("beacon"), kTestBeacons) {
    for (size_t i = 0; i < peer_count; ++i) {
        peers.push_back(Identity::from_seed(test_digest("peer", i)));
    }
    std::sort(peers.begin(), peers.end(), [](const Identity& a, const Identity& b) {
        return a.id() < b.id();
    });
    manifest.run_name = "test";
    manifest.config_text = "text=1\n";
    manifest.coordinator = coordinator.id();
    manifest.run_seed = test_digest("run");
    manifest.beacon_tail = chain.tail();
    manifest.beacon_length = chain.length();
    manifest.parameter_tiles = kTestTiles;
    manifest.initial_root = test_digest("theta before round 0");
    std::vector<RecordDraft> drafts;
    drafts.push_back(make_draft(
        RecordKind::kRunStart, RoundId{}, PeerId{}, RunStartBody{encode_manifest(manifest), pay}));
    for (const Identity& peer : peers) {
        JoinBody join;
        join.at = Instant{1000};
        join.numeric_class = NumericClass::kExact;
        join.entry_nonce = paid_entry(peer.id());
        drafts.push_back(make_draft(RecordKind::kJoin, RoundId{}, peer.id(), join));
    }
    write(std::move(drafts));
    write_roster(RoundId{0});
}

uint64_t TestRun::paid_entry(const PeerId& peer) const {
    return find_entry_nonce(
               manifest_digest(manifest), peer, kTestEntryBits, [](uint64_t) { return true; })
        .value();
}

void TestRun::write(std::vector<RecordDraft> drafts) {
    if (edit_draft) {
        std::erase_if(drafts, [this](RecordDraft& draft) { return !edit_draft(draft); });
    }
    for (const RecordDraft& draft : drafts) {
        const Status applied = apply(books, draft);
        ASSAY_CHECK_MSG(applied.ok(),
                        std::string(record_kind_name(draft.kind)) + ": " +
                            (applied.ok() ? "" : applied.reason()));
    }
    const Status appended = ledger.append(std::move(drafts));
    ASSAY_CHECK_MSG(appended.ok(), appended.ok() ? "" : appended.reason());
}

void TestRun::write_roster(RoundId round) {
    RosterBody body;
    for (size_t i = 0; i < peers.size(); ++i) {
        if (!book(i).ejected || roster_also == id(i)) {
            body.lines.push_back({id(i), NumericClass::kExact, static_cast<uint32_t>(1 + i % 2)});
        }
    }
    if (edit_roster) {
        edit_roster(body);
    }
    roster_ = body;
    write({make_draft(RecordKind::kRoster, round, PeerId{}, body)});
}

RoundPlan TestRun::make_plan() const {
    RoundPlan plan;
    plan.round = RoundId{next_round};
    plan.manifest_digest = manifest_digest(manifest);
    plan.ledger_head = ledger.head();
    plan.ledger_height = ledger.height();
    plan.previous_beacon = last_beacon;
    plan.base_root = last_summary ? last_summary->theta_root : manifest.initial_root;
    plan.accumulator_root = last_summary ? last_summary->accumulator_root : books.zero_root();
    plan.stream_position = stream_position_;
    plan.pool = pool_;
    plan.inner_steps = kTestSteps;
    plan.sequence_tokens = kTestTokens;
    plan.learning_rate_bits.assign(kTestSteps, kTestRate);
    plan.theta = {test_digest("theta blob", next_round), kTestTiles * 16384, {}};
    plan.bias1_bits = {0x41200000, 0x40a86bca};
    plan.bias2_bits = {0x41a00000};
    plan.opened_at = Instant{1000 + static_cast<int64_t>(next_round) * 10000};
    plan.commit_deadline = plan.opened_at + DurationMs{3000};
    plan.payload_deadline = plan.opened_at + DurationMs{5000};
    plan.opening_time = DurationMs{2000};
    for (const RosterLine& seat : roster_.lines) {
        const StartState start = books.start_of(seat.peer, plan.round);
        PlanPeer line;
        line.id = seat.peer;
        line.numeric_class = seat.numeric_class;
        line.sequences_per_step = seat.sequences_per_step;
        line.tenure_rounds = start.tenure_rounds;
        line.optimiser_steps = start.optimiser_steps;
        line.m_root = start.m_root;
        line.v_root = start.v_root;
        line.e_root = start.e_root;
        plan.peers.push_back(line);
    }
    plan.pool_root = pool_root(plan.pool);
    if (edit_plan) {
        edit_plan(plan);
    }
    set_rates(plan);
    plan.roster_root = roster_root(plan.peers);
    return plan;
}

// Whoever was ejected since the roster was fixed is in the plan, and its COMMIT is refused.
bool TestRun::may_commit(const RoundPlan& plan, size_t peer) const {
    return find_peer(plan, id(peer)) != nullptr && (!book(peer).ejected || roster_also == id(peer));
}

void TestRun::set_rates(RoundPlan& plan) const {
    uint64_t total = 0;
    for (const PlanPeer& line : plan.peers) {
        total += assigned_tokens(plan, line);
    }
    const bool last = next_round + static_cast<uint64_t>(books.pay().vest_rounds) >= planned_rounds;
    for (PlanPeer& line : plan.peers) {
        const uint32_t due =
            books.audit_rate(line.id, plan.round, assigned_tokens(plan, line), total);
        line.audit_ppm = last || line.id == audited_for_sure ? static_cast<uint32_t>(kPpm) : due;
    }
}

Commit TestRun::make_commit(const RoundPlan& plan, size_t peer, bool stale) const {
    const uint64_t round = plan.round.value;
    Commit commit;
    commit.manifest_digest = plan.manifest_digest;
    commit.round = plan.round;
    commit.plan_digest = plan_digest(plan);
    commit.ledger_head = plan.ledger_head;
    commit.base_root = stale ? test_digest("theta of a round before") : plan.base_root;
    commit.assignment_digest = assignment_of(commit.plan_digest, id(peer));
    commit.numeric_class = NumericClass::kExact;
    commit.states_root = states_of(id(peer), plan.round, peer).root();
    commit.trace_root = test_digest("trace", round, peer);
    commit.e_before_root = find_peer(plan, id(peer))->e_root;
    commit.e_after_root = test_digest("e", round, peer);
    commit.payload_hash = test_digest("payload", round, peer);
    commit.payload_bytes = 1000;
    commit.tokens = assigned_tokens(plan, *find_peer(plan, id(peer)));
    if (edit_commit) {
        edit_commit(commit);
    }
    return commit;
}

std::vector<AuditJob> TestRun::make_jobs(const RoundPlan& plan, size_t peer) const {
    std::vector<AuditJob> made;
    const MerkleTree states = states_of(id(peer), plan.round, peer);
    for (const uint32_t step : {1U, 3U}) {
        AuditJob job;
        job.round = plan.round;
        job.peer = id(peer);
        job.manifest_digest = plan.manifest_digest;
        job.plan_digest = plan_digest(plan);
        job.states_root = states.root();
        job.trace_root = test_digest("trace", plan.round.value, peer);
        job.numeric_class = NumericClass::kExact;
        job.step = step;
        job.leaf = leaf_of(plan.round, peer, step);
        job.leaf_path = states.path(step);
        job.opening = states_opened(plan.round, peer, step);
        const PlanPeer& line = *find_peer(plan, id(peer));
        const std::vector<uint64_t> samples = test_deal(plan).peers.at(id(peer)).samples;
        const int64_t width = line.sequences_per_step;
        job.samples.assign(samples.begin() + width * step, samples.begin() + width * (step + 1));
        job.optimiser_steps_before = line.optimiser_steps + step;
        if (edit_job) {
            edit_job(job);
        }
        made.push_back(job);
    }
    return made;
}

Verdict TestRun::make_verdict(RoundId round, size_t peer, Conduct conduct) const {
    Verdict verdict;
    verdict.round = round;
    verdict.peer = id(peer);
    verdict.evidence = evidence(round, peer, conduct != Conduct::kSilent);
    switch (conduct) {
        case Conduct::kGated:
            verdict.ruling = Ruling::kGated;
            verdict.layer = Layer::kDirection;
            verdict.reason = gate_reason;
            break;
        case Conduct::kSilent:
            verdict.ruling = Ruling::kGated;
            verdict.layer = Layer::kRefusal;
            verdict.reason = "the opening was drawn and did not come";
            break;
        case Conduct::kCheat:
            verdict.layer = Layer::kChunkChain;
            verdict.reason = "chunk 7 of the payload does not follow from the gradients";
            break;
        case Conduct::kStale:
            verdict.layer = Layer::kForm;
            verdict.reason = "trains from the parameters of another round";
            break;
        default:
            verdict.ruling = Ruling::kAccepted;
            verdict.layer = Layer::kAggregate;
            verdict.reason = "t = 5.1";
            break;
    }
    return verdict;
}

void TestRun::write_close(const RoundPlan& plan,
                          const std::map<size_t, Envelope>& commits,
                          const std::map<size_t, Conduct>& conducts) {
    CloseBody body;
    std::vector<Digest> leaves;
    for (const auto& [peer, envelope] : commits) {
        if (conduct_of(conducts, peer) == Conduct::kLate) {
            continue;
        }
        const Commit commit = *decode_body<Commit>(envelope.body);
        const Digest payload = commit.payload_hash;
        write({make_draft(RecordKind::kPayload,
                          plan.round,
                          id(peer),
                          PayloadBody{payload, commit.payload_bytes, plan.commit_deadline})});
        body.entries.push_back({id(peer), commit_hash(envelope), payload});
    }
    if (edit_close) {
        edit_close(body);
    }
    for (const CloseEntry& entry : body.entries) {
        leaves.push_back(close_leaf(entry));
    }
    Close close;
    close.round = plan.round;
    close.manifest_digest = plan.manifest_digest;
    close.plan_digest = plan_digest(plan);
    close.entries_root = merkle_root(leaves);
    close.entry_count = leaves.size();
    body.close = encode_close(close);
    write({make_draft(RecordKind::kClose, plan.round, PeerId{}, body)});
    write_roster(plan.round.next());
    Beacon beacon;
    beacon.round = plan.round;
    beacon.chain_element = chain.element(plan.round.value + 1);
    beacon.close_root = close.entries_root;
    beacon.value = beacon_value(beacon.chain_element, beacon.close_root);
    if (edit_beacon) {
        edit_beacon(beacon);
    }
    last_beacon = beacons_[plan.round] = beacon.value;
    write({plain(RecordKind::kBeacon, plan.round, encode_body(beacon))});
}

void TestRun::write_judgement(const RoundPlan& plan,
                              const std::map<size_t, Conduct>& conducts,
                              bool voided) {
    RoundSummary summary;
    std::vector<RecordDraft> shares;
    for (size_t peer = 0; peer < peers.size(); ++peer) {
        const Conduct conduct = conduct_of(conducts, peer);
        if (conduct == Conduct::kAway || !may_commit(plan, peer)) {
            continue;
        }
        SummaryEntry entry{id(peer), CommitOutcome::kVoided, "voided"};
        if (conduct == Conduct::kLate) {
            entry = {id(peer), CommitOutcome::kLate, "no payload"};
        } else if (!voided) {
            Verdict verdict = make_verdict(plan.round, peer, conduct);
            if (edit_verdict) {
                edit_verdict(verdict);
            }
            evidences_[{plan.round, id(peer)}] = verdict.evidence;
            write({{RecordKind::kVerdict, plan.round, id(peer), encode_verdict(verdict)}});
            if (conduct == Conduct::kSilent) {
                const DebtBody debt{plan.payload_deadline + window(), "no opening", {}, 0};
                write({make_draft(RecordKind::kDebt, plan.round, id(peer), debt)});
            }
            entry.reason = verdict.reason;
            entry.outcome = conduct == Conduct::kSilent           ? CommitOutcome::kOwed
                            : verdict.ruling == Ruling::kAccepted ? CommitOutcome::kCounted
                            : verdict.ruling == Ruling::kGated    ? CommitOutcome::kGated
                                                                  : CommitOutcome::kRejected;
        }
        if (entry.outcome == CommitOutcome::kCounted) {
            PayShareBody share;
            share.phi_nano_nats = phi.count(peer) > 0 ? phi.at(peer) : 1000000;
            share.tokens = assigned_tokens(plan, *find_peer(plan, id(peer)));
            share.evidence = evidences_.at({plan.round, id(peer)});
            share.m_root = test_digest("m", plan.round.value, peer);
            share.v_root = test_digest("v", plan.round.value, peer);
            share.e_root = test_digest("e", plan.round.value, peer);
            shares.push_back(make_draft(RecordKind::kPayShare, plan.round, id(peer), share));
        }
        if (conduct == Conduct::kAudited) {
            for (const AuditJob& job : make_jobs(plan, peer)) {
                write({{RecordKind::kAuditJob, plan.round, id(peer), encode_body(job)}});
                jobs[{plan.round, id(peer)}].push_back(job);
            }
        }
        summary.entries.push_back(entry);
    }
    write(books.owed_forfeits());
    if (!voided) {
        PayShareBody encoding;
        encoding.phi_nano_nats = -77;
        shares.push_back(make_draft(RecordKind::kPayShare, plan.round, PeerId{}, encoding));
        write(std::move(shares));
        write({books.settlement()});
    }
    if (before_summary) {
        before_summary();
    }
    write(books.due_vestings());
    summary.round = plan.round;
    summary.voided = voided;
    summary.reason = voided ? "no quorum" : "";
    summary.plan_digest = plan_digest(plan);
    summary.beacon_value = last_beacon;
    summary.aggregate = {test_digest("aggregate", plan.round.value), voided ? 0U : 500U, {}};
    summary.theta_root = voided ? plan.base_root : test_digest("theta after", plan.round.value);
    summary.accumulator_root =
        voided ? plan.accumulator_root : test_digest("E after", plan.round.value);
    summary.ledger_head = ledger.head();
    summary.ledger_height = ledger.height();
    summary.loss_before = 4.0F - 0.1F * static_cast<float>(plan.round.value);
    summary.loss_after = summary.loss_before - (voided ? 0.0F : 0.1F);
    if (edit_summary) {
        edit_summary(summary);
    }
    write({plain(RecordKind::kSummary, plan.round, encode_body(summary))});
    last_summary = summary;
    give_back(plan, summary);
}

// Where the stream stands behind this round.
void TestRun::give_back(const RoundPlan& plan, const RoundSummary& summary) {
    const Deal deal = test_deal(plan);
    stream_position_ = deal.stream_position_after;
    pool_ = deal.pool_after;
    for (const auto& [peer, work] : deal.peers) {
        if (is_counted(summary, peer)) {
            counted_.insert({plan.round, peer});
        } else {
            returned_.insert(returned_.end(), work.ranges.begin(), work.ranges.end());
        }
    }
}

void TestRun::round(const std::map<size_t, Conduct>& conducts, bool voided) {
    pool_ = test_pool(pool_, std::exchange(returned_, {}));
    const RoundPlan plan = make_plan();
    plans_[plan.round] = plan;
    write({plain(RecordKind::kPlan, plan.round, encode_body(plan))});
    std::map<size_t, Envelope> commits;
    for (size_t peer = 0; peer < peers.size(); ++peer) {
        const Conduct conduct = conduct_of(conducts, peer);
        if (conduct == Conduct::kAway || !may_commit(plan, peer)) {
            continue;
        }
        const Commit commit = make_commit(plan, peer, conduct == Conduct::kStale);
        commits.insert_or_assign(peer, make_envelope(peers[peer], commit));
        commit_hashes_[{plan.round, id(peer)}] = commit_hash(commits.at(peer));
        write({{RecordKind::kCommit, plan.round, id(peer), encode_envelope(commits.at(peer))}});
    }
    write_close(plan, commits, conducts);
    for (const auto& [peer, envelope] : commits) {
        const Conduct conduct = conduct_of(conducts, peer);
        if (conduct != Conduct::kLate && conduct != Conduct::kSilent) {
            write({opening(plan.round, peer, true, conduct == Conduct::kAudited)});
        }
    }
    write_judgement(plan, conducts, voided);
    ++next_round;
}

Digest TestRun::evidence(RoundId round, size_t peer, bool opened) const {
    return evidence_digest(beacons_.at(round),
                           commit_hashes_.at({round, id(peer)}),
                           opened ? opening_digest(round, peer) : Digest{});
}

Digest TestRun::opening_digest(RoundId round, size_t peer) const {
    return test_digest("opening", round.value, peer);
}

RecordDraft TestRun::opening(RoundId round, size_t peer, bool answered, bool steps) const {
    OpeningBody body{answered, {}};
    if (answered) {
        OpeningNotice notice;
        notice.round = round;
        notice.opening = {opening_digest(round, peer), 5000, {}};
        for (const uint32_t step : {1U, 3U}) {
            if (steps) {
                notice.steps.push_back(states_opened(round, peer, step));
            }
        }
        body.notice = encode_body(notice);
    }
    return make_draft(RecordKind::kOpening, round, id(peer), body);
}

RecordDraft TestRun::challenge_verdict(RoundId round, size_t peer, Ruling ruling) const {
    Verdict verdict = make_verdict(round, peer, Conduct::kSilent);
    verdict.ruling = ruling;
    verdict.reason = ruling == Ruling::kAccepted ? "answered late" : "never answered";
    return {RecordKind::kVerdict, round, id(peer), encode_verdict(verdict)};
}

void TestRun::answer(RoundId round, size_t peer, bool answered) {
    write({opening(round, peer, answered),
           challenge_verdict(round, peer, answered ? Ruling::kAccepted : Ruling::kRejected)});
    write(books.owed_forfeits());
}

DurationMs TestRun::window() const {
    return DurationMs{books.pay().debt_seconds * 1000};
}

void TestRun::audit(RoundId round, size_t peer, bool pass) {
    for (const AuditJob& job : jobs.at({round, id(peer)})) {
        AuditReport report;
        report.job = audit_job_digest(job);
        report.round = round;
        report.peer = id(peer);
        report.step = job.step;
        report.pass = pass;
        report.reason = pass ? "equal" : "the root of g differs";
        report.recomputed_root = pass ? job.leaf.g_root : test_digest("another g");
        if (edit_report) {
            edit_report(report);
        }
        for (int i = 0; i < (pass ? 1 : failing_reports); ++i) {
            write({{RecordKind::kAuditReport,
                    round,
                    id(peer),
                    seal(auditor.value_or(coordinator), report)}});
        }
    }
    Verdict verdict;
    verdict.round = round;
    verdict.peer = id(peer);
    verdict.ruling = pass ? Ruling::kAccepted : Ruling::kRejected;
    verdict.layer = Layer::kGradientAudit;
    verdict.reason = pass ? "2 steps recomputed, equal" : "step 3: the gradient is another one";
    verdict.evidence = evidence(round, peer, true);
    if (edit_audit) {
        edit_audit(verdict);
    }
    if (!pass && counted_.count({round, id(peer)}) > 0) {
        const Deal deal = test_deal(plans_.at(round));
        const std::vector<SampleRange>& ranges = deal.peers.at(id(peer)).ranges;
        returned_.insert(returned_.end(), ranges.begin(), ranges.end());
    }
    write({{RecordKind::kVerdict, round, id(peer), encode_verdict(verdict)}});
    write(books.owed_forfeits());
}

void TestRun::end() {
    write({make_draft(RecordKind::kRunEnd,
                      RoundId{next_round - 1},
                      PeerId{},
                      RunEndBody{Instant{999999}, "all rounds are done"})});
    write(books.due_vestings());
}

LedgerChecks TestRun::checks() const {
    LedgerChecks checks;
    checks.terms = test_terms(books.pay());
    checks.terms->rounds = planned_rounds;
    checks.terms->drawn_steps = [this](const RoundPlan& plan,
                                       const PlanPeer& peer,
                                       const Digest&,
                                       const Digest&) -> std::vector<uint32_t> {
        const bool drawn = jobs.count({plan.round, peer.id}) > 0;
        return drawn ? std::vector<uint32_t>{1, 3} : std::vector<uint32_t>{};
    };
    checks.heads = {{ledger.head(), ledger.height() - 1}};
    checks.coordinator = coordinator.id();
    checks.manifest_digest = manifest_digest(manifest);
    return checks;
}

}  // namespace assay
