#include "tests/ledger/test_run.h"

#include <algorithm>

#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint64_t kTestTiles = 2;
constexpr uint64_t kTestBeacons = 64;

Digest assignment_of(const Digest& plan, const PeerId& peer) {
    return sha256("test assignment", plan.span(), peer.span());
}

StateLeaf leaf_of(RoundId round, size_t peer, uint32_t step) {
    const uint64_t name = round.value * 100 + peer;
    return {test_digest("theta", name, step), test_digest("g", name, step), Digest{}};
}

MerkleTree states_of(RoundId round, size_t peer) {
    std::vector<Digest> leaves;
    for (uint32_t step = 0; step < kTestSteps; ++step) {
        leaves.push_back(state_leaf_digest(step, leaf_of(round, peer, step)));
    }
    leaves.push_back(test_digest("end", round.value, peer));
    return MerkleTree(std::move(leaves));
}

Conduct conduct_of(const std::map<size_t, Conduct>& conducts, size_t peer) {
    const auto found = conducts.find(peer);
    return found == conducts.end() ? Conduct::kHonest : found->second;
}

RecordDraft plain(RecordKind kind, RoundId round, Bytes body) {
    return {kind, round, PeerId{}, std::move(body)};
}

}  // namespace

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
        drafts.push_back(make_draft(RecordKind::kJoin, RoundId{}, peer.id(), join));
    }
    write(std::move(drafts));
    write_roster(RoundId{0});
}

void TestRun::write(std::vector<RecordDraft> drafts) {
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
        if (book(i).cheats == 0) {
            body.lines.push_back({id(i), NumericClass::kExact, static_cast<uint32_t>(1 + i % 2)});
        }
    }
    write({make_draft(RecordKind::kRoster, round, PeerId{}, body)});
}

RoundPlan TestRun::make_plan() const {
    RoundPlan plan;
    plan.round = RoundId{next_round};
    plan.manifest_digest = manifest_digest(manifest);
    plan.ledger_head = ledger.head();
    plan.previous_beacon = last_beacon;
    plan.base_root = last_summary ? last_summary->theta_root : manifest.initial_root;
    plan.accumulator_root = last_summary ? last_summary->accumulator_root : books.zero_root();
    plan.stream_position = next_round * 64;
    plan.pool = {{next_round, next_round + 1}};
    plan.inner_steps = kTestSteps;
    plan.sequence_tokens = kTestTokens;
    plan.learning_rate_bits.assign(kTestSteps, 0x3a83126f);
    plan.bias1_bits = {0x41200000, 0x40a86bca};
    plan.bias2_bits = {0x41a00000};
    plan.opened_at = Instant{1000 + static_cast<int64_t>(next_round) * 10000};
    plan.commit_deadline = plan.opened_at + DurationMs{3000};
    plan.payload_deadline = plan.opened_at + DurationMs{5000};
    plan.opening_time = DurationMs{2000};
    uint64_t total = 0;
    for (size_t i = 0; i < peers.size(); ++i) {
        if (book(i).cheats > 0) {
            continue;
        }
        const StartState start = books.start_of(id(i), plan.round);
        PlanPeer line;
        line.id = id(i);
        line.numeric_class = NumericClass::kExact;
        line.sequences_per_step = static_cast<uint32_t>(1 + i % 2);
        line.tenure_rounds = start.tenure_rounds;
        line.optimiser_steps = start.optimiser_steps;
        line.m_root = start.m_root;
        line.v_root = start.v_root;
        line.e_root = start.e_root;
        plan.peers.push_back(line);
        total += assigned_tokens(plan, line);
    }
    for (PlanPeer& line : plan.peers) {
        line.audit_ppm = books.audit_rate(line.id, plan.round, assigned_tokens(plan, line), total);
    }
    plan.roster_root = roster_root(plan.peers);
    plan.pool_root = pool_root(plan.pool);
    return plan;
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
    commit.states_root = states_of(plan.round, peer).root();
    commit.trace_root = test_digest("trace", round, peer);
    commit.e_before_root = find_peer(plan, id(peer))->e_root;
    commit.e_after_root = test_digest("e", round, peer);
    commit.payload_hash = test_digest("payload", round, peer);
    commit.payload_bytes = 1000;
    commit.tokens = assigned_tokens(plan, *find_peer(plan, id(peer)));
    return commit;
}

std::vector<AuditJob> TestRun::make_jobs(const RoundPlan& plan, size_t peer) const {
    std::vector<AuditJob> made;
    const MerkleTree states = states_of(plan.round, peer);
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
        job.opening.step = step;
        job.samples = {step, step + 10};
        made.push_back(job);
    }
    return made;
}

Verdict TestRun::make_verdict(RoundId round, size_t peer, Conduct conduct) const {
    Verdict verdict;
    verdict.round = round;
    verdict.peer = id(peer);
    verdict.evidence = test_digest("evidence", round.value, peer);
    switch (conduct) {
        case Conduct::kGated:
            verdict.ruling = Ruling::kGated;
            verdict.layer = Layer::kDirection;
            verdict.reason = gate_reason;
            break;
        case Conduct::kSilent:
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
            verdict.layer = Layer::kDirection;
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
        const Digest payload = test_digest("payload", plan.round.value, peer);
        write({make_draft(RecordKind::kPayload,
                          plan.round,
                          id(peer),
                          PayloadBody{payload, 1000, plan.commit_deadline})});
        body.entries.push_back({id(peer), commit_hash(envelope), payload});
        leaves.push_back(close_leaf(body.entries.back()));
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
    beacon.value = last_beacon = beacon_value(beacon.chain_element, beacon.close_root);
    write({plain(RecordKind::kBeacon, plan.round, encode_body(beacon))});
}

void TestRun::write_judgement(const RoundPlan& plan,
                              const std::map<size_t, Conduct>& conducts,
                              bool voided) {
    RoundSummary summary;
    std::vector<RecordDraft> shares;
    for (size_t peer = 0; peer < peers.size(); ++peer) {
        const Conduct conduct = conduct_of(conducts, peer);
        if (conduct == Conduct::kAway || find_peer(plan, id(peer)) == nullptr) {
            continue;
        }
        SummaryEntry entry{id(peer), CommitOutcome::kVoided, "voided"};
        if (conduct == Conduct::kLate) {
            entry = {id(peer), CommitOutcome::kLate, "no payload"};
        } else if (!voided) {
            const Verdict verdict = make_verdict(plan.round, peer, conduct);
            write({{RecordKind::kVerdict, plan.round, id(peer), encode_verdict(verdict)}});
            entry.reason = verdict.reason;
            entry.outcome = verdict.ruling == Ruling::kAccepted ? CommitOutcome::kCounted
                            : verdict.ruling == Ruling::kGated  ? CommitOutcome::kGated
                                                                : CommitOutcome::kRejected;
        }
        if (entry.outcome == CommitOutcome::kCounted) {
            PayShareBody share;
            share.phi_nano_nats = phi.count(peer) > 0 ? phi.at(peer) : 1000000;
            share.tokens = assigned_tokens(plan, *find_peer(plan, id(peer)));
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
    summary.theta_root = voided ? plan.base_root : test_digest("theta after", plan.round.value);
    summary.accumulator_root =
        voided ? plan.accumulator_root : test_digest("E after", plan.round.value);
    summary.ledger_head = ledger.head();
    summary.loss_before = 4.0F - 0.1F * static_cast<float>(plan.round.value);
    summary.loss_after = summary.loss_before - (voided ? 0.0F : 0.1F);
    write({plain(RecordKind::kSummary, plan.round, encode_body(summary))});
    last_summary = summary;
}

void TestRun::round(const std::map<size_t, Conduct>& conducts, bool voided) {
    const RoundPlan plan = make_plan();
    write({plain(RecordKind::kPlan, plan.round, encode_body(plan))});
    std::map<size_t, Envelope> commits;
    for (size_t peer = 0; peer < peers.size(); ++peer) {
        const Conduct conduct = conduct_of(conducts, peer);
        if (conduct == Conduct::kAway || find_peer(plan, id(peer)) == nullptr) {
            continue;
        }
        const Commit commit = make_commit(plan, peer, conduct == Conduct::kStale);
        commits.insert_or_assign(peer, make_envelope(peers[peer], commit));
        write({{RecordKind::kCommit, plan.round, id(peer), encode_envelope(commits.at(peer))}});
    }
    write_close(plan, commits, conducts);
    for (const auto& [peer, envelope] : commits) {
        const Conduct conduct = conduct_of(conducts, peer);
        if (conduct == Conduct::kLate) {
            continue;
        }
        OpeningBody opening{conduct != Conduct::kSilent, {}};
        if (opening.answered) {
            OpeningNotice notice;
            notice.round = plan.round;
            notice.opening = {test_digest("opening", plan.round.value, peer), 5000, {}};
            opening.notice = encode_body(notice);
        } else {
            write({make_draft(RecordKind::kExtension,
                              plan.round,
                              id(peer),
                              ExtensionBody{plan.payload_deadline, "came back"})});
        }
        write({make_draft(RecordKind::kOpening, plan.round, id(peer), opening)});
    }
    write_judgement(plan, conducts, voided);
    ++next_round;
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
        write({{RecordKind::kAuditReport, round, id(peer), seal(coordinator, report)}});
    }
    Verdict verdict;
    verdict.round = round;
    verdict.peer = id(peer);
    verdict.ruling = pass ? Ruling::kAccepted : Ruling::kRejected;
    verdict.layer = Layer::kGradientAudit;
    verdict.reason = pass ? "2 steps recomputed, equal" : "step 3: the gradient is another one";
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
    checks.assignment_digest = [](const RoundPlan& plan, const PeerId& peer) -> Result<Digest> {
        return assignment_of(plan_digest(plan), peer);
    };
    checks.drawn_steps = [this](const RoundPlan& plan,
                                const PlanPeer& peer,
                                const Digest&,
                                const Digest&) -> std::vector<uint32_t> {
        const bool drawn = jobs.count({plan.round, peer.id}) > 0;
        return drawn ? std::vector<uint32_t>{1, 3} : std::vector<uint32_t>{};
    };
    checks.coordinator = coordinator.id();
    checks.manifest_digest = manifest_digest(manifest);
    return checks;
}

}  // namespace assay
