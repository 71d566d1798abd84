#include "simulation/sim_coordinator.h"

#include <algorithm>

#include "core/merkle.h"
#include "protocol/codec.h"
#include "rounds/missed_steps.h"
#include "rounds/recollect.h"

namespace assay {

namespace {

constexpr int64_t kJudgeMs = 60;
constexpr int64_t kAuditMs = 25;
constexpr int64_t kFetchMs = 30;
constexpr size_t kSnapshotsKept = 4;

}  // namespace

SimCoordinator::SimCoordinator(const SimRun& run,
                               const Clock& clock,
                               ServerChannel& channel,
                               PeerStore peers)
    : run_(run),
      clock_(clock),
      channel_(channel),
      peers_(std::move(peers)),
      rng_(derive_seed(run.seed, "coordinator faults")),
      ledger_(run.coordinator) {
    OuterState outer = initial_outer_state(run_.outer, run_.layout);
    snapshots_.emplace_back(run_.manifest.initial_root, Kept{run_.initial_theta, std::move(outer)});
    const std::span<const float> values(run_.initial_theta);
    blobs_.put({reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()});
}

Status SimCoordinator::boot() {
    JudgePorts ports;
    ports.put = [this](ByteSpan bytes) -> Result<BlobRef> { return blobs_.put(bytes); };
    ports.get = [this](const BlobRef& blob) {
        misses_ += blobs_.has(blob.sha256) ? 0 : 1;
        return blobs_.get(blob.sha256);
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
    judge_ = std::make_unique<RoundJudge>(run_.judge_settings(), std::move(ports), model_);

    const ChainElement element = [this](uint64_t index) { return run_.beacons.element(index); };
    if (ledger_.height() == 0) {
        machine_ = std::make_unique<RoundMachine>(run_.manifest, run_.rules, element);
    } else {
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
    }
    judge_->remember(recollect(machine_->state(), run_.rules.verify));
    last_phase_ = {0, RoundPhase::kWaiting};
    for (const Action& action : machine_->start(clock_.now())) {
        if (Status done = perform(action); !done || crash_due_) {
            return done;
        }
    }
    return {};
}

void SimCoordinator::keep_state(const std::vector<float>& theta, const OuterState& outer) {
    snapshots_.emplace_back(tiles_root(theta), Kept{theta, outer});
    if (snapshots_.size() > kSnapshotsKept) {
        snapshots_.pop_front();
    }
}

void SimCoordinator::crash() {
    const double loss = run_.options.snapshot_loss;
    if (loss > 0 && !lost_newest_ && snapshots_.size() > 1 && rng_.unit() < loss) {
        snapshots_.pop_back();
        lost_newest_ = true;
    }
    machine_.reset();
    judge_.reset();
    timers_.clear();
    crash_due_ = false;
}

std::optional<Instant> SimCoordinator::next_due() const {
    if (!running()) {
        return std::nullopt;
    }
    std::optional<Instant> next = machine_->wake_at();
    for (const Timer& timer : timers_) {
        next = next ? std::min(*next, timer.due) : timer.due;
    }
    return next;
}

Status SimCoordinator::run_due() {
    for (const ServerEvent& event : channel_.poll({})) {
        if (!running() || crash_due_) {
            return {};
        }
        if (Status done = receive(event); !done) {
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
    if (running() && !crash_due_ && machine_->wake_at() && *machine_->wake_at() <= clock_.now()) {
        return feed(Tick{});
    }
    return {};
}

Status SimCoordinator::receive(const ServerEvent& event) {
    if (const auto* left = std::get_if<Left>(&event)) {
        return feed(PeerGone{left->peer});
    }
    const auto* incoming = std::get_if<Incoming>(&event);
    if (incoming == nullptr) {
        return {};
    }
    const PeerId& from = incoming->from;
    if (const auto* hello = std::get_if<Hello>(&incoming->message)) {
        return feed(PeerHello{from, *hello});
    }
    if (const auto* commit = std::get_if<Commit>(&incoming->message)) {
        return feed(CommitArrived{from, *commit, unseal(incoming->wire).value()});
    }
    if (const auto* payload = std::get_if<PayloadNotice>(&incoming->message)) {
        return feed(PayloadNoticed{from, *payload});
    }
    if (const auto* opening = std::get_if<OpeningNotice>(&incoming->message)) {
        return feed(OpeningNoticed{from, *opening});
    }
    if (std::get_if<Goodbye>(&incoming->message) != nullptr) {
        return feed(PeerGone{from});
    }
    return {};
}

Status SimCoordinator::feed(const Event& event) {
    for (const Action& action : machine_->step(event, clock_.now())) {
        if (run_.options.coordinator_crash > 0 && rng_.unit() < run_.options.coordinator_crash) {
            crash_due_ = true;
        }
        if (crash_due_) {
            return {};
        }
        if (Status done = perform(action); !done) {
            return done;
        }
    }
    return check_order();
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

Status SimCoordinator::make_durable(const Persist& persist) {
    if (Status appended = ledger_.append(persist.drafts); !appended) {
        return appended;
    }
    for (const RecordDraft& draft : persist.drafts) {
        if (draft.kind == RecordKind::kSummary) {
            const Result<RoundSummary> summary = decode_body<RoundSummary>(draft.body);
            if (!summary) {
                return summary.error();
            }
            summaries_.push_back(*summary);
        }
    }
    const uint64_t wanted = run_.options.crash_height;
    if (wanted > 0 && !crashed_at_height_ && ledger_.height() >= wanted) {
        crashed_at_height_ = true;
        crash_due_ = true;
    }
    return {};
}

Status SimCoordinator::perform(const Action& action) {
    if (const auto* persist = std::get_if<Persist>(&action)) {
        return make_durable(*persist);
    }
    if (const auto* send = std::get_if<Send>(&action)) {
        (void)channel_.send(send->to, seal(run_.coordinator, send->message));
    } else if (const auto* cast = std::get_if<Broadcast>(&action)) {
        for (const auto& [peer, hello] : machine_->connected()) {
            (void)channel_.send(peer, seal(run_.coordinator, cast->message));
        }
    } else if (const auto* wanted = std::get_if<FetchBlob>(&action)) {
        fetch(*wanted);
    } else if (const auto* order = std::get_if<JudgeRound>(&action)) {
        if (Status loaded = load_judge(order->plan); !loaded) {
            return loaded;
        }
        later(kJudgeMs, [this, order = *order]() { return judged(order); });
    } else if (const auto* audit = std::get_if<RunAudit>(&action)) {
        later(kAuditMs, [this, audit = *audit]() { return audited(audit); });
    } else if (const auto* keep = std::get_if<KeepBlobs>(&action)) {
        blobs_.keep_only(keep->live);
    } else if (const auto* close = std::get_if<CloseConnection>(&action)) {
        channel_.close_peer(close->peer);
    } else if (const auto* done = std::get_if<RunFinished>(&action)) {
        finished_ = done->complete;
    }
    return {};
}

std::optional<Event> SimCoordinator::judged(const JudgeRound& order) {
    Result<RoundJudged> judged = judge_->judge(order);
    ASSAY_CHECK_MSG(judged.ok(), judged.ok() ? "" : judged.reason());
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

// From the newest snapshot that leads to the root that the round starts from.
Status SimCoordinator::load_judge(const RoundPlan& plan) {
    for (auto kept = snapshots_.rbegin(); kept != snapshots_.rend(); ++kept) {
        const auto steps = steps_since(machine_->state(), kept->first);
        if (steps) {
            return load_judge(kept->second, *steps);
        }
    }
    return fail("no snapshot leads to the parameters that round " +
                std::to_string(plan.round.value) + " starts from");
}

Status SimCoordinator::load_judge(const Kept& kept, const std::vector<OuterStepAgain>& steps) {
    Status loaded = judge_->load(kept.theta, kept.outer);
    for (const OuterStepAgain& step : steps) {
        loaded = loaded ? judge_->redo(step) : loaded;
        ++steps_again_;
    }
    if (loaded && !steps.empty()) {
        keep_state(judge_->theta(), judge_->outer());
    }
    lost_newest_ = false;
    return loaded;
}

void SimCoordinator::later(int64_t delay_ms, std::function<std::optional<Event>()> make) {
    timers_.push_back({clock_.now() + DurationMs{delay_ms}, timers_made_++, std::move(make)});
}

void SimCoordinator::fetch(const FetchBlob& wanted) {
    const bool lost = rng_.unit() < run_.options.blob_failure;
    if (run_.options.slow_uplink > 0 && wanted.from == run_.peer_identity(0).id()) {
        fetch_slowly(wanted);
        return;
    }
    later(kFetchMs + static_cast<int64_t>(rng_.below(50)),
          [this, wanted, lost] { return fetched(wanted, lost); });
}

// Piece after piece behind what the link carries already; each that came is told.
void SimCoordinator::fetch_slowly(const FetchBlob& wanted) {
    constexpr uint64_t kPieceBytes = 4096;
    const Instant now = clock_.now();
    if (slow_until_ <= now) {
        slow_since_ = slow_until_ = now;
        slow_bytes_ = 0;
    }
    for (uint64_t left = wanted.blob.size_bytes; left > 0;) {
        const uint64_t piece = std::min(left, kPieceBytes);
        left -= piece;
        slow_bytes_ += piece;
        slow_until_ = slow_until_ +
                      DurationMs{static_cast<int64_t>(piece * 1000 / run_.options.slow_uplink + 1)};
        const BlobsMoved moved{wanted.from, slow_bytes_, slow_until_ - slow_since_};
        later((slow_until_ - now).ms, [moved]() -> std::optional<Event> { return Event(moved); });
    }
    later((slow_until_ - now).ms, [this, wanted] { return fetched(wanted, false); });
}

std::optional<Event> SimCoordinator::fetched(const FetchBlob& wanted, bool lost) {
    const MemoryBlobs* store = peers_(wanted.from);
    const Digest& hash = wanted.blob.sha256;
    if (!lost && !blobs_.has(hash) && store != nullptr && store->has(hash)) {
        blobs_.put(store->get(hash).value());
    }
    if (lost || !blobs_.has(hash)) {
        return Event(BlobFailed{
            wanted.from, wanted.round, wanted.purpose, hash, "the peer does not send it"});
    }
    return Event(
        BlobStored{wanted.from, wanted.round, wanted.purpose, hash, wanted.blob.size_bytes});
}

}  // namespace assay
