#include "tests/rounds/machine_driver.h"

#include "core/check.h"
#include "core/merkle.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "verify/challenge.h"

namespace assay {

namespace {

// Of the states of a peer's steps, as its COMMIT binds them.
MerkleTree step_states(const PeerId& peer) {
    std::vector<Digest> leaves;
    for (uint32_t step = 0; step < 3; ++step) {
        leaves.push_back(state_leaf_digest(peer, step, {}));
    }
    return MerkleTree(leaves);
}

}  // namespace

Digest MachineDriver::digest(uint8_t number) {
    Digest made;
    made.bytes[0] = number;
    made.bytes[31] = 1;
    return made;
}

Digest MachineDriver::blob(uint8_t number) const {
    Digest made = digest(number);
    made.bytes[1] = static_cast<uint8_t>(1 + machine->round().value);
    return made;
}

MachineDriver::MachineDriver(uint32_t peer_count, uint64_t rounds) {
    for (uint32_t i = 0; i < peer_count; ++i) {
        peers.push_back({Identity::from_seed(digest(static_cast<uint8_t>(i)))});
    }
    rules.layout.add("w", 1, 100);
    rules.rounds = rounds;
    rules.peers_min = peer_count;
    rules.inner_steps = 2;
    rules.sequence_tokens = 8;
    rules.base_sequences = 2;
    rules.sample_count = 1000;
    rules.payload_bytes_max = 10000;
    rules.opening_bytes_max = 10000;
    rules.initial_theta = {digest(100), 16384, {}};
    shelf.insert(rules.initial_theta.sha256);
    rules.pay.vest_rounds = 2;
    rules.pay.debt_seconds = 3600;
    rules.pay.audit_min_ppm = kPpm;
    rules.verify.compressor_chunks = 1;
    rules.verify.chain_chunks = 1;
    rules.verify.audit_steps = 1;
    rules.classes = {NumericClass::kExact};
    rules.learning_rates = [](RoundId) { return std::vector<uint32_t>{0, 0}; };
    manifest.run_name = "by hand";
    manifest.coordinator = coordinator.id();
    manifest.beacon_tail = beacons.tail();
    manifest.beacon_length = beacons.length();
    manifest.parameter_tiles = rules.layout.tile_count();
    manifest.layout_digest = rules.layout.digest();
    manifest.initial_root = digest(101);
    ledger = std::make_unique<MemoryLedger>(coordinator);
    remake();
}

void MachineDriver::remake() {
    machine = std::make_unique<RoundMachine>(
        manifest, rules, [this](uint64_t index) { return beacons.element(index); });
}

void MachineDriver::use(const BlobRef& blob) const {
    ASSAY_CHECK(blob.size_bytes == 0 || shelf.count(blob.sha256) > 0);
}

void MachineDriver::use(const StepStates& step) const {
    use(step.theta);
    use(step.g);
    use(step.v);
}

void MachineDriver::use_blobs(const Action& action) const {
    if (const auto* order = std::get_if<JudgeRound>(&action)) {
        for (const Submission& submission : order->submissions) {
            use(submission.payload);
            if (submission.opening) {
                use(submission.opening->opening);
                for (const StepStates& step : submission.opening->steps) {
                    use(step);
                }
            }
        }
        for (const TakeBack& back : order->take_backs) {
            for (const ContributionRef& entered : back.entered) {
                use(entered.payload);
            }
        }
    } else if (const auto* debt = std::get_if<JudgeDebt>(&action)) {
        use(debt->base_tiles);
        use(debt->submission.payload);
        use(debt->submission.opening->opening);
    } else if (const auto* audit = std::get_if<RunAudit>(&action)) {
        use(audit->job.opening);
    }
    for (const RoundSummary& summary : sent<RoundSummary>({action})) {
        use(summary.aggregate);
    }
    for (const RoundPlan& plan : sent<RoundPlan>({action})) {
        if (plan.round == machine->round()) {  // what an older one asks for is not fetched
            use(plan.theta);
        }
    }
}

std::vector<Action> MachineDriver::perform(std::vector<Action> actions) {
    for (const Action& action : actions) {
        if (const auto* persist = std::get_if<Persist>(&action)) {
            ASSAY_CHECK(ledger->append(persist->drafts).ok());
        } else if (const auto* keep = std::get_if<KeepBlobs>(&action)) {
            ASSAY_CHECK(machine->phase() != RoundPhase::kJudging || machine->finished() ||
                        &action == &actions.front());
            std::erase_if(shelf, [&](const Digest& blob) { return keep->live.count(blob) == 0; });
        }
        use_blobs(action);
    }
    ASSAY_CHECK_EQ(ledger->head(), machine->state().head());
    return actions;
}

std::vector<Action> MachineDriver::start() {
    return perform(machine->start(now));
}

std::vector<Action> MachineDriver::step(const Event& event) {
    if (const auto* stored = std::get_if<BlobStored>(&event)) {
        shelf.insert(stored->sha256);
    } else if (const auto* done = std::get_if<RoundJudged>(&event)) {
        shelf.insert({done->aggregate.sha256, done->theta.sha256});
        for (const JudgedPeer& peer : done->peers) {
            shelf.insert(peer.base_tiles.sha256);
        }
    }
    return perform(machine->step(event, now));
}

std::vector<Action> MachineDriver::restart() {
    Result<RoundMachine> restored = RoundMachine::restore(
        records(), manifest, rules, [this](uint64_t index) { return beacons.element(index); });
    ASSAY_CHECK_MSG(restored.ok(), restored.ok() ? "" : restored.reason());
    machine = std::make_unique<RoundMachine>(std::move(*restored));
    return start();
}

std::vector<Action> MachineDriver::hello(size_t peer, NumericClass declared) {
    Hello hello;
    hello.protocol_version = 1;
    hello.manifest_digest = machine->manifest_hash();
    hello.numeric_class = declared;
    hello.tokens_per_second = 1000;
    return step(PeerHello{peers[peer].id(), hello});
}

void MachineDriver::hello_all() {
    for (size_t i = 0; i < peers.size(); ++i) {
        (void)hello(i);
    }
}

Commit MachineDriver::commit_of(size_t peer) const {
    Commit commit;
    commit.manifest_digest = machine->manifest_hash();
    commit.round = plan().round;
    commit.plan_digest = plan_digest(plan());
    commit.ledger_head = plan().ledger_head;
    commit.base_root = plan().base_root;
    commit.states_root = step_states(peers[peer].id()).root();
    if (const PlanPeer* line = find_peer(plan(), peers[peer].id())) {
        commit.e_before_root = line->e_root;
    }
    commit.numeric_class = NumericClass::kExact;
    commit.payload_hash = blob(static_cast<uint8_t>(50 + peer));
    commit.payload_bytes = 100;
    commit.e_after_root = digest(static_cast<uint8_t>(60 + peer));
    commit.tokens_per_second = 1000;
    return commit;
}

std::vector<Action> MachineDriver::commit(size_t peer) {
    return commit(peer, commit_of(peer));
}

std::vector<Action> MachineDriver::commit(size_t peer, const Commit& commit) {
    return step(
        CommitArrived{peers[peer].id(), commit, make_envelope(peers[peer].identity, commit)});
}

std::vector<Action> MachineDriver::payload(size_t peer) {
    const BlobRef bytes{blob(static_cast<uint8_t>(50 + peer)), 100, {}};
    const RoundId round = plan().round;
    (void)step(PayloadNoticed{peers[peer].id(), {round, bytes}});
    return step(BlobStored{peers[peer].id(), round, BlobPurpose::kPayload, bytes.sha256, 100});
}

OpeningNotice MachineDriver::opening_of(size_t peer) const {
    return opening_of(peer, machine->round());
}

OpeningNotice MachineDriver::opening_of(size_t peer, RoundId id) const {
    const RoundState& round = *machine->state().find(id);
    const Challenge challenge = draw_challenge(round.beacon->value,
                                               round.commits.at(peers[peer].id()).hash,
                                               rules.layout,
                                               {},
                                               rules.verify,
                                               rules.inner_steps,
                                               find_peer(round.plan, peers[peer].id())->audit_ppm);
    OpeningNotice notice;
    notice.round = round.plan.round;
    notice.opening = {blob(static_cast<uint8_t>(70 + peer)), 500, {}};
    for (const uint32_t step : challenge.audited ? challenge.steps : std::vector<uint32_t>()) {
        notice.steps.push_back({step, {blob(static_cast<uint8_t>(80 + peer)), 16384, {}}, {}, {}});
    }
    return notice;
}

std::vector<Action> MachineDriver::opening(size_t peer) {
    return noticed(peer, opening_of(peer));
}

std::vector<Action> MachineDriver::late_opening(size_t peer, RoundId round) {
    return noticed(peer, opening_of(peer, round));
}

std::vector<Action> MachineDriver::noticed(size_t peer, const OpeningNotice& notice) {
    std::vector<Action> all = step(OpeningNoticed{peers[peer].id(), notice});
    for (const FetchBlob& fetch : actions_of<FetchBlob>(all)) {
        for (Action& action : step(BlobStored{fetch.from,
                                              fetch.round,
                                              fetch.purpose,
                                              fetch.blob.sha256,
                                              fetch.blob.size_bytes})) {
            all.push_back(std::move(action));
        }
    }
    return all;
}

std::vector<Action> MachineDriver::run_without_opening(size_t silent) {
    send_all();
    for (size_t i = 0; i < peers.size(); ++i) {
        if (i != silent) {
            (void)opening(i);
        }
    }
    now = *machine->wake_at();
    const std::vector<JudgeRound> orders = actions_of<JudgeRound>(step(Tick{}));
    ASSAY_CHECK_EQ(orders.size(), size_t{1});
    RoundJudged event = judged(orders.front());
    for (size_t i = 0; i < peers.size(); ++i) {
        if (i != silent) {
            event.audits.push_back(job(i));
        }
    }
    std::vector<Action> all = step(event);
    for (const AuditJob& audit : event.audits) {
        for (Action& action : report(audit, true, 1)) {
            all.push_back(std::move(action));
        }
    }
    return all;
}

void MachineDriver::begin() {
    (void)start();
    hello_all();
}

void MachineDriver::send_all() {
    for (size_t i = 0; i < peers.size(); ++i) {
        (void)commit(i);
        (void)payload(i);
    }
}

JudgeRound MachineDriver::run_to_judging() {
    send_all();
    std::vector<Action> last;
    for (size_t i = 0; i < peers.size(); ++i) {
        last = opening(i);
    }
    const std::vector<JudgeRound> orders = actions_of<JudgeRound>(last);
    ASSAY_CHECK_EQ(orders.size(), size_t{1});
    return orders.front();
}

RoundJudged MachineDriver::judged(const JudgeRound& order) const {
    RoundJudged event;
    event.round = order.plan.round;
    for (const Submission& submission : order.submissions) {
        JudgedPeer peer;
        peer.verdict.round = event.round;
        peer.verdict.peer = submission.expected.id;
        peer.verdict.ruling = Ruling::kAccepted;
        peer.verdict.layer = Layer::kAggregate;
        peer.verdict.reason = "accepted";
        peer.entered = true;
        peer.m_after_root = digest(110);
        peer.v_after_root = digest(111);
        peer.e_after_root = submission.commit.e_after_root;
        peer.pay_share_nano = 1000;
        if (!submission.opening) {
            peer.verdict.ruling = Ruling::kGated;
            peer.verdict.layer = Layer::kRefusal;
            peer.verdict.reason = "the opening did not come in time";
            peer.entered = false;
            peer.base_tiles = {blob(118), 16384, {}};
        }
        event.peers.push_back(peer);
    }
    const auto number = static_cast<uint8_t>(120 + order.plan.round.value);
    event.aggregate = {blob(115), 50, {}};
    event.theta = {digest(number), 16384, {}};
    event.theta_root = digest(number);
    event.accumulator_root = digest(116);
    event.momentum_root = zero_tiles_root(rules.layout.tile_count());
    for (const TakeBack& back : order.take_backs) {
        event.taken_back.emplace_back(back.round, back.peer);
    }
    return event;
}

// All accepted, all audited and passed.
std::vector<Action> MachineDriver::run_round() {
    const JudgeRound order = run_to_judging();
    RoundJudged event = judged(order);
    for (size_t i = 0; i < peers.size(); ++i) {
        event.audits.push_back(job(i));
    }
    std::vector<Action> all = step(event);
    for (const AuditJob& audit : event.audits) {
        for (Action& action : report(audit, true, 1)) {
            all.push_back(std::move(action));
        }
    }
    return all;
}

AuditJob MachineDriver::job(size_t peer, uint32_t step) const {
    AuditJob made;
    made.round = plan().round;
    made.peer = peers[peer].id();
    made.step = step;
    made.plan_digest = plan_digest(plan());
    made.states_root = step_states(made.peer).root();
    made.leaf_path = step_states(made.peer).path(step);
    made.samples = {1, 2};
    const auto& commits = machine->state().current()->commits;
    const auto commit = commits.find(made.peer);
    if (commit != commits.end() && commit->second.opening &&
        !commit->second.opening->steps.empty()) {
        made.opening = commit->second.opening->steps.front();
    }
    return made;
}

std::vector<Action> MachineDriver::report(const AuditJob& job, bool pass, uint32_t attempt) {
    AuditReport report;
    report.job = audit_job_digest(job);
    report.round = job.round;
    report.peer = job.peer;
    report.step = job.step;
    report.pass = pass;
    report.recomputed_root = digest(77);
    report.reason = pass ? "" : "gradients differ";
    return step(AuditDone{report, make_envelope(coordinator, report), attempt});
}

std::vector<Record> MachineDriver::records() const {
    Result<std::vector<Record>> read = ledger->read(0, ledger->height());
    ASSAY_CHECK(read.ok());
    return std::move(*read);
}

std::vector<RecordKind> MachineDriver::kinds_from(uint64_t height) const {
    std::vector<RecordKind> kinds;
    for (const Record& record : records()) {
        if (record.height >= height) {
            kinds.push_back(record.kind);
        }
    }
    return kinds;
}

std::optional<RefusalCode> refused(const std::vector<Action>& actions) {
    const std::vector<Refusal> refusals = sent<Refusal>(actions);
    return refusals.empty() ? std::nullopt : std::optional(refusals.front().code);
}

}  // namespace assay
