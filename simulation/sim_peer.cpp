#include "simulation/sim_peer.h"

#include <algorithm>

#include "adversaries/adversary.h"
#include "core/check.h"
#include "core/merkle.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr int64_t kComputeMs = 10;
constexpr int64_t kFetchMs = 30;

}  // namespace

SimPeer::SimPeer(const SimRun& run,
                 const Clock& clock,
                 LoopbackNetwork& network,
                 const MemoryBlobStore& coordinator_blobs,
                 uint64_t number,
                 std::string attack)
    : run_(run),
      clock_(clock),
      network_(network),
      coordinator_blobs_(coordinator_blobs),
      identity_(run.peer_identity(number)),
      attack_(std::move(attack)),
      rng_(derive_seed(run.seed, "peer faults", {number})),
      tokens_per_second_(800 + rng_.below(500)) {}

void SimPeer::boot() {
    (void)blobs_.keep_only({});  // of rounds whose chains are gone
    TrainerPorts ports;
    ports.put = [this](ByteSpan bytes) { return blobs_.put(bytes, Visibility::kPrivate); };
    ports.get = [this](const BlobRef& blob) { return blobs_.get(blob.sha256, blob.size_bytes); };
    ports.drop = [this](const Digest& hash) { (void)blobs_.remove(hash); };
    ports.read_samples = [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        return run_.read("train", samples);
    };
    const TrainerSettings settings = run_.trainer_settings(id());
    trainer_ = honest() ? std::make_unique<Trainer>(settings, ports, model_)
                        : make_adversary(attack_, settings, ports, model_);
    ASSAY_CHECK(trainer_ != nullptr);
    PeerResume resume;
    resume.manifest = saved_manifest_;
    if (saved_) {
        ASSAY_CHECK(trainer_->restore(*saved_).ok());
        resume.theta_root = trainer_->theta_root();
    }
    if (saved_next_) {
        ASSAY_CHECK(trainer_->restore_next(*saved_next_).ok());
    }
    Hello hello;
    hello.numeric_class = run_.options.numeric_class;
    hello.tokens_per_second = tokens_per_second_;
    hello.build = "simulation";
    PeerRules rules;
    rules.retry = DurationMs{700};
    rules.dial_pause = DurationMs{100};
    rules.dial_pause_max = DurationMs{1000};
    machine_ = std::make_unique<PeerMachine>(id(), run_.coordinator.id(), hello, rules, resume);
    for (const PeerAction& action : machine_->start(clock_.now())) {
        perform(action);
    }
}

void SimPeer::crash() {
    machine_.reset();
    trainer_.reset();
    channel_.reset();
    timers_.clear();
    training_.reset();
    crash_due_ = false;
    ++restarts_;
}

std::optional<Instant> SimPeer::next_due() const {
    if (!running()) {
        return std::nullopt;
    }
    std::optional<Instant> next = machine_->wake_at();
    for (const Timer& timer : timers_) {
        next = next ? std::min(*next, timer.due) : timer.due;
    }
    return next;
}

Status SimPeer::run_due() {
    if (running() && channel_) {
        for (const ClientEvent& event : channel_->poll({})) {
            if (std::get_if<Connected>(&event) != nullptr) {
                feed(ChannelUp{});
            } else if (std::get_if<Disconnected>(&event) != nullptr) {
                feed(ChannelDown{"the coordinator is gone"});
            } else if (const auto* incoming = std::get_if<Incoming>(&event)) {
                feed(MessageArrived{incoming->message, unseal(incoming->wire).value()});
            }
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
        if (const std::optional<PeerEvent> event = timer.make()) {
            feed(*event);
        }
    }
    if (running() && !crash_due_ && machine_->wake_at() && *machine_->wake_at() <= clock_.now()) {
        feed(PeerTick{});
    }
    return {};
}

void SimPeer::feed(const PeerEvent& event) {
    if (!running()) {
        return;
    }
    for (const PeerAction& action : machine_->step(event, clock_.now())) {
        perform(action);
    }
}

void SimPeer::say(const Message& message) {
    if (channel_) {
        (void)channel_->send(seal(identity_, message));
    }
}

void SimPeer::perform(const PeerAction& action) {
    if (std::get_if<Dial>(&action) != nullptr) {
        channel_.reset();
        channel_ = network_.connect(id());
        later(1, [] { return std::nullopt; });  // to hear that it is up
    } else if (const auto* spoken = std::get_if<Say>(&action)) {
        say(spoken->message);
    } else if (const auto* sealed = std::get_if<SaySealed>(&action)) {
        if (channel_) {
            (void)channel_->send(encode_envelope(sealed->envelope));
        }
    } else if (const auto* wanted = std::get_if<WantBlob>(&action)) {
        fetch(*wanted);
    } else if (const auto* prepare = std::get_if<PrepareRun>(&action)) {
        saved_manifest_ = prepare->manifest;
    } else if (const auto* order = std::get_if<TrainRound>(&action)) {
        train(*order);
    } else if (std::get_if<AbandonRound>(&action) != nullptr) {
        training_.reset();
    } else if (const auto* challenge = std::get_if<BuildOpening>(&action)) {
        crash_due_ = rng_.unit() < run_.options.peer_crash;
        later(kComputeMs, [this, asked = *challenge]() -> std::optional<PeerEvent> {
            Result<OpeningNotice> opened =
                trainer_->answer(asked.plan, asked.commit, asked.commit_hash, asked.beacon);
            return opened ? PeerEvent(OpeningBuilt{*opened})
                          : PeerEvent(OpeningFailed{asked.plan.round, opened.reason()});
        });
    } else if (const auto* aggregate = std::get_if<ApplyAggregate>(&action)) {
        crash_due_ = crash_due_ || rng_.unit() < run_.options.peer_crash;
        apply(*aggregate);
    } else if (const auto* adopt = std::get_if<AdoptTheta>(&action)) {
        later(kComputeMs, [this, adopt = *adopt]() -> std::optional<PeerEvent> {
            if (!trainer_->adopt_theta_blob(adopt.blob, adopt.root).ok()) {
                return std::nullopt;
            }
            saved_ = trainer_->state();
            return PeerEvent(ThetaAdopted{trainer_->theta_root()});
        });
    } else if (const auto* gone = std::get_if<ForgetRound>(&action)) {
        trainer_->forget(gone->round);
    } else if (const auto* dropped = std::get_if<DropBlob>(&action)) {
        (void)blobs_.remove(dropped->sha256);
    } else if (std::get_if<ReportEquivocation>(&action) != nullptr) {
        ++equivocations_;
    } else if (const auto* done = std::get_if<PeerFinished>(&action)) {
        finished_ = *done;
    }
}

void SimPeer::train(const TrainRound& order) {
    training_ = order.plan.round;
    const PlanPeer* self = find_peer(order.plan, id());
    ASSAY_CHECK(self != nullptr);
    const uint64_t tokens = assigned_tokens(order.plan, *self);
    const auto took = static_cast<int64_t>(tokens * 1000 / tokens_per_second_ + 1);
    later(took, [this, plan = order.plan]() -> std::optional<PeerEvent> {
        if (training_ != plan.round) {
            return std::nullopt;
        }
        training_.reset();
        if (rng_.unit() < run_.options.peer_crash) {
            crash_due_ = true;
            return std::nullopt;
        }
        Result<TrainedRound> done = trainer_->train(plan, [](uint32_t, float) { return true; });
        if (!done) {
            untrained_ = in_words(plan.round) + ": " + done.reason();
            return PeerEvent(TrainingFailed{plan.round, done.reason()});
        }
        save_round(plan.round);
        done->commit.tokens_per_second = static_cast<uint32_t>(tokens_per_second_ + restarts_);
        const Envelope envelope = make_envelope(identity_, done->commit);
        return PeerEvent(
            RoundTrained{plan.round, done->commit, envelope, done->payload, done->loss});
    });
}

void SimPeer::save_round(RoundId round) {
    saved_ = trainer_->state();
    if (const std::optional<NextTripleView> next = trainer_->next(round)) {
        const auto copy = [](std::span<const float> values) {
            return std::vector<float>(values.begin(), values.end());
        };
        saved_next_ = NextTriple{round, copy(next->m), copy(next->v), copy(next->e)};
    }
}

void SimPeer::fetch(const WantBlob& wanted) {
    const bool lost = rng_.unit() < run_.options.blob_failure;
    later(kFetchMs + static_cast<int64_t>(rng_.below(50)),
          [this, hash = wanted.blob.sha256, lost]() -> std::optional<PeerEvent> {
              if (!lost && !coordinator_blobs_.has(hash)) {
                  ++misses_;
              }
              if (lost || !coordinator_blobs_.has(hash)) {
                  return PeerEvent(BlobMissing{hash, "the coordinator does not send it"});
              }
              (void)blobs_.put(coordinator_blobs_.get(hash, limits::kBlobBytesMax).value(),
                               Visibility::kPrivate);
              return PeerEvent(BlobReady{hash});
          });
}

void SimPeer::apply(const ApplyAggregate& order) {
    later(kComputeMs, [this, order]() { return apply_now(order); });
}

std::optional<PeerEvent> SimPeer::apply_now(const ApplyAggregate& order) {
    Result<Digest> root = trainer_->apply(order.summary, order.counted);
    if (run_.options.sabotage == Sabotage::kTornReplica && order.summary.round.value == 2) {
        std::vector<float> theta = trainer_->state().theta;
        theta.front() += 1;
        ASSAY_CHECK(trainer_->adopt_theta(theta).ok());
        root = trainer_->theta_root();
    }
    saved_ = trainer_->state();
    if (!root) {
        return PeerEvent(AggregateApplied{order.summary.round, Digest{}});
    }
    applied_.emplace_back(order.summary.round, *root);
    return PeerEvent(AggregateApplied{order.summary.round, *root});
}

void SimPeer::later(int64_t delay_ms, std::function<std::optional<PeerEvent>()> make) {
    timers_.push_back({clock_.now() + DurationMs{delay_ms}, timers_made_++, std::move(make)});
}

}  // namespace assay
