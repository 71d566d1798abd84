#include "simulation/sim_coordinator.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/merkle.h"
#include "protocol/codec.h"
#include "rounds/missed_steps.h"
#include "rounds/recollect.h"
#include "rounds/retention.h"

namespace assay {

namespace {

// At most; how long something takes is drawn, so that whatever can end first does in some seed.
constexpr int64_t kJudgeMs = 4096;
constexpr int64_t kAuditMs = 4096;
constexpr DurationMs kSlow{50};  // a batch that takes longer is no peer's fault

}  // namespace

SimCoordinator::SimCoordinator(const SimRun& run,
                               const Clock& clock,
                               ServerChannel& channel,
                               PeerLinks peers)
    : run_(run),
      clock_(clock),
      channel_(channel),
      peers_(std::move(peers)),
      rng_(derive_seed(run.seed, "coordinator faults")),
      ledger_(run.coordinator),
      wall_rng_(derive_seed(run.seed, "wall clock")) {
    OuterState outer = initial_outer_state(run_.outer, run_.layout);
    snapshots_.emplace_back(run_.manifest.initial_root, Kept{run_.initial_theta, std::move(outer)});
    const auto theta = blobs_.put(float_bytes(run_.initial_theta), Visibility::kPublic);
    (void)blobs_.make_durable(std::span(&theta->sha256, 1));
}

JudgePorts SimCoordinator::judge_ports() {
    JudgePorts ports;
    ports.put = [this](ByteSpan bytes) { return blobs_.put(bytes, Visibility::kPublic); };
    ports.get = [this](const BlobRef& blob) {
        misses_ += blobs_.has(blob.sha256) ? 0 : 1;
        return blobs_.get(blob.sha256, blob.size_bytes);
    };
    ports.read_samples = [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        return run_.read("train", samples);
    };
    ports.read_held_out =
        [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        return run_.read("held out", samples);
    };
    ports.keep_state = [this](RoundId, const std::vector<float>& theta, const OuterState& outer) {
        keep_state(theta, outer);
        return Status();
    };
    return ports;
}

Status SimCoordinator::restore_machine() {
    const ChainElement element = [this](uint64_t index) { return run_.beacons.element(index); };
    if (ledger_.height() == 0) {
        machine_ = std::make_unique<RoundMachine>(run_.manifest, run_.rules, element);
        return {};
    }
    const Result<std::vector<Record>> records = ledger_.read(0, ledger_.height());
    if (!records) {
        return records.error();
    }
    Result<RoundMachine> restored =
        RoundMachine::restore(*records, run_.manifest, run_.rules, element);
    if (!restored) {
        return restored.error();
    }
    machine_ = std::make_unique<RoundMachine>(std::move(*restored));
    ++restarts_;
    return {};
}

Status SimCoordinator::boot() {
    ASSAY_CHECK(!running() && judge_ == nullptr && timers_.empty());
    if (Status restored = restore_machine(); !restored) {
        return restored;
    }
    judge_ = std::make_unique<RoundJudge>(run_.judge_settings(), judge_ports(), model_);
    judge_->remember(recollect(machine_->state(), run_.rules.verify));
    if (Status loaded = load_state(); !loaded) {
        return loaded;
    }
    last_phase_ = {0, RoundPhase::kWaiting};
    begin_own_time();
    queue_.emplace(ledger_.height());
    queue_->push(machine_->start(own_time()));
    return settle();
}

// As RunClock does: by the wall clock, but no earlier than the newest stamp.
void SimCoordinator::begin_own_time() {
    constexpr int64_t kFarthestMs = 3600000;
    DurationMs wrong;
    if (run_.options.wild_clock) {
        wrong.ms = static_cast<int64_t>(wall_rng_.below(2 * kFarthestMs)) - kFarthestMs;
    }
    const Instant wall = clock_.now() + wrong;
    ahead_ = std::max({wall, machine_->state().last_stamp(), Instant{}}) - clock_.now();
}

void SimCoordinator::keep_state(const std::vector<float>& theta, const OuterState& outer) {
    ASSAY_CHECK_EQ(theta.size(), run_.layout.value_count());
    snapshots_.emplace_back(tiles_root(theta), Kept{theta, outer});
    if (snapshots_.size() > kSnapshotsKept) {
        snapshots_.pop_front();
    }
    ASSAY_CHECK_LE(snapshots_.size(), kSnapshotsKept);
}

void SimCoordinator::crash() {
    ASSAY_CHECK(running());
    const double loss = run_.options.snapshot_loss;
    if (loss > 0 && snapshots_.size() > 1 && rng_.unit() < loss) {
        snapshots_.pop_back();
    }
    // A batch under way may have come to the disk: wholly, its blobs alone, or not at all.
    if (batch_ && rng_.below(3) > 0) {
        make_durable(batch_->blobs);
        if (rng_.below(2) > 0) {
            (void)write_records(batch_->records);
        }
    }
    blobs_.crash();
    machine_.reset();
    judge_.reset();
    queue_.reset();
    arrived_.clear();
    batch_.reset();
    timers_.clear();
    judging_.reset();
    crash_due_ = false;
}

std::optional<Instant> SimCoordinator::next_due() const {
    if (!running()) {
        return std::nullopt;
    }
    std::optional<Instant> next = machine_->wake_at();
    if (next) {
        next = *next - ahead_;
    }
    for (const Timer& timer : timers_) {
        next = next ? std::min(*next, timer.due) : timer.due;
    }
    if (batch_) {
        next = next ? std::min(*next, batch_->ends) : batch_->ends;
    }
    return next;
}

Status SimCoordinator::run_due() {
    for (const ServerEvent& event : channel_.poll({})) {
        if (!running() || crash_due_) {
            return {};
        }
        Status done = std::visit([this](const auto& one) { return on(one); }, event);
        if (!done) {
            return done;
        }
    }
    while (running() && !crash_due_) {
        const auto first =
            std::min_element(timers_.begin(), timers_.end(), [](const Timer& a, const Timer& b) {
                return a.due != b.due ? a.due < b.due : a.order < b.order;
            });
        if (first == timers_.end() || clock_.now() < first->due) {
            break;
        }
        const Timer timer = std::move(*first);
        timers_.erase(first);
        if (const std::optional<Event> event = timer.make()) {
            if (Status done = feed(*event); !done) {
                return done;
            }
        }
    }
    if (running() && !crash_due_) {
        Status done = tell_of_slow_disk();
        done = done && !crash_due_ ? settle() : done;
        if (!done) {
            return done;
        }
    }
    if (running() && !crash_due_ && machine_->wake_at() && *machine_->wake_at() <= own_time()) {
        return feed(Tick{});
    }
    return {};
}

Status SimCoordinator::on(const Incoming& event) {
    return std::visit([&](const auto& message) { return receive(event, message); }, event.message);
}

Status SimCoordinator::receive(const Incoming& incoming, const Hello& message) {
    return feed(PeerHello{incoming.from, message});
}

Status SimCoordinator::receive(const Incoming& incoming, const Commit& message) {
    return feed(CommitArrived{incoming.from, message, incoming.envelope});
}

Status SimCoordinator::receive(const Incoming& incoming, const PayloadNotice& message) {
    return feed(PayloadNoticed{incoming.from, message});
}

Status SimCoordinator::receive(const Incoming& incoming, const OpeningNotice& message) {
    return feed(OpeningNoticed{incoming.from, message});
}

Status SimCoordinator::receive(const Incoming& incoming, const Progress& message) {
    return feed(ProgressArrived{incoming.from, message});
}

Status SimCoordinator::receive(const Incoming& incoming, const Goodbye&) {
    return feed(PeerGone{incoming.from});
}

Status SimCoordinator::receive(const Incoming& incoming, const EvidenceRequest& message) {
    return feed(EvidenceAsked{incoming.from, message.round});
}

Status SimCoordinator::receive(const Incoming& incoming, const Beacon& message) {
    return feed(BeaconShown{incoming.from, message});
}

Status SimCoordinator::feed(const Event& event) {
    ASSAY_CHECK(running() && !crash_due_);
    queue_->push(machine_->step(event, own_time()));
    return settle();
}

bool SimCoordinator::dies_here() {
    const double likely = run_.options.coordinator_crash;
    crash_due_ = crash_due_ || (likely > 0 && rng_.unit() < likely);
    return crash_due_;
}

// Makes durable what waits for it and is due, and performs what that releases.
Status SimCoordinator::settle() {
    while (!crash_due_) {
        if (batch_ && batch_->ends <= clock_.now()) {
            if (Status ended = dies_here() ? Status() : end_batch(); !ended || crash_due_) {
                return ended;
            }
            continue;
        }
        const std::optional<ActionQueue::Released> released = queue_->next();
        if (!released && !batch_ && begin_batch()) {
            continue;
        }
        if (!released) {
            return check_order();
        }
        // Nothing is said, or done, before all that stands in front of it is durable.
        ASSAY_CHECK_LE(released->height, ledger_.height());
        if (dies_here()) {
            return {};
        }
        if (Status done = perform(released->action); !done) {
            return done;
        }
    }
    return {};
}

// False if nothing waits for the disk.
bool SimCoordinator::begin_batch() {
    Batch batch;
    batch.records = queue_->take_records();
    batch.blobs = std::exchange(arrived_, {});
    if (batch.records.empty() && batch.blobs.empty()) {
        return false;
    }
    const int64_t longest = run_.options.storage_ms_max;
    const auto takes =
        longest > 0 ? static_cast<int64_t>(rng_.below(static_cast<uint64_t>(longest) + 1)) : 0;
    batch.told_until = clock_.now();
    batch.ends = clock_.now() + DurationMs{takes};
    batch_ = std::move(batch);
    return true;
}

Status SimCoordinator::end_batch() {
    const Batch batch = *std::exchange(batch_, std::nullopt);
    make_durable(batch.blobs);
    if (Status written = write_records(batch.records); !written) {
        return written;
    }
    queue_->durable(ledger_.height());
    for (const BlobStored& stored : batch.blobs) {
        queue_->push(machine_->step(stored, own_time()));
    }
    return {};
}

void SimCoordinator::make_durable(const std::vector<BlobStored>& blobs) {
    for (const BlobStored& stored : blobs) {
        (void)blobs_.make_durable(std::span(&stored.sha256, 1));
    }
}

Status SimCoordinator::write_records(const std::vector<RecordDraft>& records) {
    if (Status appended = ledger_.append(records); !appended) {
        return appended;
    }
    for (const RecordDraft& draft : records) {
        if (draft.kind == RecordKind::kPlan) {
            note_opened(decode_body<RoundPlan>(draft.body).value());
        }
        if (draft.kind != RecordKind::kSummary) {
            continue;
        }
        const Result<RoundSummary> summary = decode_body<RoundSummary>(draft.body);
        ASSAY_CHECK(summary.ok());
        ASSAY_CHECK_EQ(summary->round.value, summaries_.size());  // each once, in order
        summaries_.push_back(*summary);
    }
    const uint64_t wanted = run_.options.crash_height;
    if (wanted > 0 && !crashed_at_height_ && ledger_.height() >= wanted) {
        crashed_at_height_ = true;
        crash_due_ = true;
    }
    return {};
}

// What holds a round beside its peers: the judge, and messages on their way; where this process
// dies or its disk is slow, nobody is to blame.
void SimCoordinator::note_opened(const RoundPlan& plan) {
    constexpr DurationMs kOwn{kJudgeMs + 4096};
    const SimulationOptions& options = run_.options;
    const bool own_fault = options.storage_ms_max > 0 || restarts_ > 0 || options.wild_clock;
    if (!opened_.empty() && longest_round_.ms > 0 && !own_fault && held_too_long_.empty()) {
        const DurationMs took = clock_.now() - opened_.back();
        const DurationMs most{longest_round_.ms + kOwn.ms};
        if (took > most) {
            held_too_long_ = "the round before " + std::to_string(plan.round.value) +
                             " was held for " + std::to_string(took.ms) + " ms, at most " +
                             std::to_string(most.ms) + " are its peers'";
        }
    }
    opened_.push_back(clock_.now());
    longest_round_ =
        plan.peers.size() < run_.rules.peers_min ? DurationMs{} : longest_round(run_.rules, plan);
}

// Deadlines move on while peers' work lies before a slow disk.
Status SimCoordinator::tell_of_slow_disk() {
    if (!batch_ || clock_.now() - batch_->told_until < kSlow) {
        return {};
    }
    const Instant since = std::exchange(batch_->told_until, clock_.now());
    return feed(Stalled{clock_.now() - since});
}

// Phases only move forward within a life of the process.
Status SimCoordinator::check_order() {
    const std::pair<uint64_t, RoundPhase> now{machine_->round().value, machine_->phase()};
    if (now < last_phase_) {
        return fail("round " + std::to_string(now.first) + " went back to phase " +
                    phase_name(now.second));
    }
    last_phase_ = now;
    return check_books(machine_->state().books());
}

Status SimCoordinator::perform(const Action& action) {
    return std::visit([this](const auto& one) { return act(one); }, action);
}

Status SimCoordinator::act(const Send& action) {
    (void)channel_.send(action.to, seal(run_.coordinator, action.message));
    return {};
}

Status SimCoordinator::act(const Broadcast& action) {
    const Bytes sealed = seal(run_.coordinator, action.message);
    for (const auto& [peer, hello] : machine_->connected()) {
        (void)channel_.send(peer, sealed);
    }
    return {};
}

Status SimCoordinator::act(const JudgeRound& action) {
    ASSAY_CHECK(!judging_);
    judging_ = action.plan.round;
    later(drawn_ms(rng_, kJudgeMs), [this, order = action] { return judged(order); });
    return {};
}

Status SimCoordinator::act(const JudgeDebt& action) {
    later(drawn_ms(rng_, kJudgeMs),
          [this, order = action]() -> std::optional<Event> { return Event(judge_->judge(order)); });
    return {};
}

Status SimCoordinator::act(const RunAudit& action) {
    later(drawn_ms(rng_, kAuditMs), [this, audit = action] { return audited(audit); });
    return {};
}

Status SimCoordinator::act(const KeepBlobs& action) {
    ASSAY_CHECK(!judging_);  // what is being judged is not all named yet
    const auto dead = [&](const BlobStored& stored) {
        return !action.live.contains(stored.sha256);
    };
    std::erase_if(arrived_, dead);
    if (batch_) {
        std::erase_if(batch_->blobs, dead);
    }
    return blobs_.keep_only(action.live);
}

Status SimCoordinator::act(const CloseConnection& action) {
    channel_.close_peer(action.peer);
    return {};
}

Status SimCoordinator::act(const RunFinished& action) {
    ASSAY_CHECK(!finished_);
    finished_ = action.complete;
    return {};
}

std::optional<Event> SimCoordinator::judged(const JudgeRound& order) {
    Result<RoundJudged> judged = judge_->judge(order);
    ASSAY_CHECK_MSG(judged.ok(), judged.ok() ? "" : judged.reason());
    ASSAY_CHECK(judging_ == order.plan.round);
    judging_.reset();
    std::vector<Digest> made = {judged->aggregate.sha256, judged->theta.sha256};
    for (const JudgedPeer& peer : judged->peers) {
        made.push_back(peer.base_tiles.sha256);
    }
    (void)blobs_.make_durable(made);
    if (run_.options.sabotage == Sabotage::kInventedShare && !judged->peers.empty()) {
        judged->peers.front().pay_share_nano += 1000;
    }
    if (run_.options.sabotage == Sabotage::kHiddenSuspicion) {
        judged->peers.back().verdict.suspicious = !judged->peers.back().verdict.suspicious;
    }
    return Event(std::move(*judged));
}

std::optional<Event> SimCoordinator::audited(const RunAudit& audit) {
    AuditReport report = judge_->audit(audit.job);
    if (report.pass || audit.attempt > 1) {
        judge_->forget_audit(audit.job);
    }
    report.pass = report.pass || run_.options.sabotage == Sabotage::kBlindAuditor;
    return Event(AuditDone{report, make_envelope(run_.coordinator, report), audit.attempt});
}

// The newest snapshot may be lost, or one round ahead of the ledger: what counts is which one leads
// to the root that the ledger ends with.
Status SimCoordinator::load_state() {
    const RunState& state = machine_->state();
    if (state.current() == nullptr) {
        return load_state(snapshots_.front().second, {});
    }
    for (auto kept = snapshots_.rbegin(); kept != snapshots_.rend(); ++kept) {
        const auto steps = steps_since(state, kept->first);
        if (steps) {
            return load_state(kept->second, *steps);
        }
    }
    return fail("no snapshot leads to the parameters that the ledger ends with");
}

Status SimCoordinator::load_state(const Kept& kept, const std::vector<OuterStepAgain>& steps) {
    Status loaded = judge_->load(kept.theta, kept.outer);
    for (const OuterStepAgain& step : steps) {
        loaded = loaded ? judge_->redo(step) : loaded;
        ++steps_again_;
    }
    if (loaded && !steps.empty()) {
        keep_state(judge_->theta(), judge_->outer());
    }
    return loaded;
}

void SimCoordinator::later(int64_t delay_ms, std::function<std::optional<Event>()> make) {
    ASSAY_CHECK_LE(int64_t{0}, delay_ms);
    timers_.push_back({clock_.now() + DurationMs{delay_ms}, timers_made_++, std::move(make)});
}

}  // namespace assay
