#include "simulation/sim_peer.h"

#include <algorithm>

#include "adversaries/adversary.h"
#include "adversaries/copycat.h"
#include "core/check.h"
#include "core/merkle.h"
#include "ledger/pay.h"
#include "protocol/codec.h"
#include "protocol/entry_work.h"
#include "protocol/limits.h"
#include "protocol/plan.h"
#include "simulation/scaled_rules.h"

namespace assay {

namespace {

constexpr int64_t kComputeMs = 256;  // at most
constexpr int64_t kPeerFetchMs = 512;
constexpr int64_t kLeaveMs = 8192;  // at most, behind the start of applying a round
constexpr DurationMs kDown{900};
constexpr DurationMs kForGood{int64_t{1} << 40};

}  // namespace

SimPeer::SimPeer(const SimRun& run,
                 const Clock& clock,
                 LoopbackNetwork& network,
                 const MemoryBlobStore& coordinator_blobs,
                 uint64_t number,
                 const std::string& strategy,
                 Leak leak)
    : run_(run),
      clock_(clock),
      network_(network),
      coordinator_blobs_(coordinator_blobs),
      number_(number),
      identity_(run.peer_identity(number)),
      strategy_(find_cheat_strategy(strategy)),
      attack_(strategy_ != nullptr  ? std::string(strategy_->attack)
              : strategy == kHonest ? std::string()
                                    : strategy),
      leak_(std::move(leak)),
      rng_(derive_seed(run.seed, "peer faults", {number})),
      tokens_per_second_(kToyTokensPerSecond * 4 / 5 + rng_.below(500)) {}

void SimPeer::boot() {
    ASSAY_CHECK(!running() && timers_.empty());
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
                        : make_adversary(attack_, settings, ports, model_, what_it_may());
    ASSAY_CHECK(trainer_ != nullptr);
    PeerResume resume;
    resume.manifest = saved_manifest_;
    resume.head = saved_head_;
    resume.beacon = saved_beacon_;
    resume.entry_nonce = saved_entry_;
    if (saved_) {
        ASSAY_CHECK(trainer_->restore(*saved_).ok());
        resume.theta_root = trainer_->theta_root();
    }
    if (saved_next_) {
        ASSAY_CHECK(trainer_->restore_next(*saved_next_).ok());
        resume.undecided = saved_next_->round;
    }
    Hello hello;
    hello.numeric_class = run_.options.numeric_class;
    hello.tokens_per_second = speed();
    hello.build = "simulation";
    PeerRules rules;
    if (!run_.options.config) {
        rules.retry = DurationMs{700};
        rules.dial_pause = DurationMs{100};
        rules.dial_pause_max = DurationMs{1000};
    }
    machine_ = std::make_unique<PeerMachine>(id(), run_.coordinator.id(), hello, rules, resume);
    for (const PeerAction& action : machine_->start(clock_.now())) {
        perform(action);
    }
}

void SimPeer::crash() {
    ASSAY_CHECK(running());
    machine_.reset();
    trainer_.reset();
    channel_.reset();
    timers_.clear();
    busy_until_ = {};
    training_.reset();
    crash_due_ = false;
    leaving_ = false;
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
            std::visit([this](const auto& one) { on(one); }, event);
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

void SimPeer::on(const Connected&) {
    feed(ChannelUp{});
}

void SimPeer::on(const Disconnected&) {
    feed(ChannelDown{"the coordinator is gone"});
}

void SimPeer::on(const Incoming& event) {
    const Refusal* refusal = std::get_if<Refusal>(&event.message);
    if (!honest() && refusal != nullptr && refusal->code == RefusalCode::kWrongManifest) {
        return;  // what it said of another run it knows
    }
    sent_away_ = sent_away_ || (refusal != nullptr && refusal->code == RefusalCode::kNotInRoster);
    feed(MessageArrived{event.message, event.envelope});
}

void SimPeer::perform(const PeerAction& action) {
    std::visit([this](const auto& one) { act(one); }, action);
}

void SimPeer::act(const Dial&) {
    channel_.reset();
    channel_ = network_.connect(id());
    later(1, [] { return std::nullopt; });  // to hear that it is up
}

void SimPeer::act(const Say& action) {
    if (channel_) {
        (void)channel_->send(seal(identity_, action.message));
    }
}

void SimPeer::act(const SaySealed& action) {
    if (channel_) {
        (void)channel_->send(encode_envelope(action.envelope));
    }
}

void SimPeer::act(const PrepareRun& action) {
    saved_manifest_ = action.manifest;
}

void SimPeer::act(const FindEntryWork&) {
    compute(drawn_ms(rng_, kComputeMs), [this]() -> std::optional<PeerEvent> {
        const std::optional<uint64_t> nonce = find_entry_nonce(
            manifest_digest(run_.manifest), id(), run_.rules.entry_work_bits, [](uint64_t) {
                return true;
            });
        ASSAY_CHECK(nonce.has_value());
        saved_entry_ = *nonce;
        return PeerEvent(EntryWorkFound{*nonce});
    });
}

void SimPeer::act(const AbandonRound&) {
    training_.reset();
}

void SimPeer::act(const BuildOpening& action) {
    crash_due_ = rng_.unit() < run_.options.peer_crash;
    down_ = kDown;
    if (honest() && run_.options.absence > 0 && rng_.unit() < run_.options.absence) {
        crash_due_ = true;
        down_ = DurationMs{run_.options.absence_ms};
    }
    compute(drawn_ms(rng_, kComputeMs), [this, asked = action] { return open_now(asked); });
}

// From the chain; after a crash from what the round started from, which its folder kept.
std::optional<PeerEvent> SimPeer::open_now(const BuildOpening& asked) {
    const RoundId round = asked.plan.round;
    if (trainer_->holds_chain(round)) {
        Result<OpeningNotice> opened =
            trainer_->answer(asked.plan, asked.commit, asked.commit_hash, asked.beacon);
        return opened ? when_it_says(OpeningBuilt{*opened})
                      : PeerEvent(OpeningFailed{round, opened.reason()});
    }
    const auto owed = saved_owed_.find(round);
    if (owed == saved_owed_.end() && trainer_->theta_root() != asked.plan.base_root) {
        return PeerEvent(OpeningFailed{round, "what it started from is lost"});
    }
    TrainerState start = owed == saved_owed_.end() ? trainer_->state() : owed->second;
    saved_owed_[round] = start;
    trainer_->owe(round);
    Result<OpeningNotice> opened = trainer_->answer_again(asked.plan,
                                                          asked.commit,
                                                          asked.commit_hash,
                                                          asked.beacon,
                                                          std::move(start),
                                                          [](uint32_t, float) { return true; });
    return opened ? PeerEvent(OpeningBuilt{*opened})
                  : PeerEvent(OpeningFailed{round, opened.reason()});
}

void SimPeer::act(const OweRound& action) {
    compute(0, [this, round = action.round]() -> std::optional<PeerEvent> {
        saved_owed_.try_emplace(round, trainer_->state());
        trainer_->owe(round);
        return std::nullopt;
    });
}

void SimPeer::act(const ReleaseRound& action) {
    saved_owed_.erase(action.round);
    trainer_->release(action.round);
}

void SimPeer::act(const ApplyAggregate& action) {
    if (rng_.unit() < run_.options.peer_crash) {
        crash_due_ = true;
        down_ = kDown;
    }
    compute(drawn_ms(rng_, kComputeMs), [this, order = action]() { return apply_now(order); });
    maybe_leave();
}

void SimPeer::act(const AdoptTheta& action) {
    compute(drawn_ms(rng_, kComputeMs), [this, adopt = action]() -> std::optional<PeerEvent> {
        if (!trainer_->adopt_theta_blob(adopt.blob, adopt.root).ok()) {
            return std::nullopt;
        }
        saved_ = trainer_->state();
        return PeerEvent(ThetaAdopted{trainer_->theta_root()});
    });
}

void SimPeer::act(const ForgetRound& action) {
    trainer_->forget(action.round);
}

void SimPeer::act(const DropBlob& action) {
    (void)blobs_.remove(action.sha256);
}

void SimPeer::act(const ReportEquivocation&) {
    ++equivocations_;
}

void SimPeer::act(const KeepHead& action) {
    const bool is_beacon = action.envelope.kind == message_kind(Beacon{});
    (is_beacon ? saved_beacon_ : saved_head_) = action.envelope;
}

void SimPeer::act(const PeerFinished& action) {
    ASSAY_CHECK(!finished_.has_value());
    if (leaving_ && action.ok) {
        leaving_ = false;
        crash_due_ = true;
        // Told that leaving costs something, it comes back.
        const bool for_good = action.reason == "stopped" && rng_.below(4) == 0;
        down_ = for_good ? kForGood : DurationMs{drawn_ms(rng_, run_.options.leave_ms)};
        return;
    }
    finished_ = action;
}

void SimPeer::act(const TrainRound& action) {
    ASSAY_CHECK(training_ != action.plan.round);  // no round is trained twice at a time
    training_ = action.plan.round;
    const PlanPeer* self = find_peer(action.plan, id());
    ASSAY_CHECK(self != nullptr);
    const uint64_t tokens = assigned_tokens(action.plan, *self);
    const auto took = static_cast<int64_t>(tokens * 1000 / speed() + 1);
    compute(took, [this, plan = action.plan] { return train_now(plan); });
}

// What training_ says has not been abandoned since.
std::optional<PeerEvent> SimPeer::train_now(const RoundPlan& plan) {
    if (training_ != plan.round) {
        return std::nullopt;
    }
    training_.reset();
    if (rng_.unit() < run_.options.peer_crash) {
        crash_due_ = true;
        down_ = kDown;
        return std::nullopt;
    }
    take_leak(plan);
    const uint64_t before = model_.sequences_trained();
    Result<TrainedRound> done = trainer_->train(plan, [](uint32_t, float) { return true; });
    if (!done) {
        untrained_ = in_words(plan.round) + ": " + done.reason();
        return PeerEvent(TrainingFailed{plan.round, done.reason()});
    }
    note_work(plan, model_.sequences_trained() - before);
    save_round(plan.round);
    done->commit.tokens_per_second = static_cast<uint32_t>(speed() + restarts_);
    const Envelope envelope = make_envelope(identity_, done->commit);
    return when_it_says(
        RoundTrained{plan.round, done->commit, envelope, done->payload, done->loss});
}

void SimPeer::note_work(const RoundPlan& plan, uint64_t computed) {
    const PlanPeer* self = find_peer(plan, id());
    ASSAY_CHECK(self != nullptr);
    uint64_t total = 0;
    for (const PlanPeer& peer : plan.peers) {
        total += assigned_tokens(plan, peer);
    }
    works_.push_back({plan.round,
                      self->audit_ppm,
                      plan.inner_steps,
                      uint64_t{plan.inner_steps} * self->sequences_per_step,
                      computed,
                      expected_reward(run_.rules.pay, assigned_tokens(plan, *self), total)});
}

// As Ctrl-C does, at some time behind a round.
void SimPeer::maybe_leave() {
    const bool stays = !honest() || number_ < kStayers;
    if (run_.options.leave > 0 && !stays && rng_.unit() < run_.options.leave) {
        later(drawn_ms(rng_, kLeaveMs), [this]() -> std::optional<PeerEvent> {
            leaving_ = true;
            return PeerEvent(PeerStop{});
        });
    }
}

// The colluder's triple beside the own theta: what a copy of its chain starts from.
void SimPeer::take_leak(const RoundPlan& plan) {
    const PlanPeer* colluder = copied_peer(plan, id());
    const TrainerState* leaked = leak_ && colluder != nullptr ? leak_(colluder->id) : nullptr;
    if (leaked != nullptr) {
        TrainerState taken = *leaked;
        taken.theta = trainer_->state().theta;
        ASSAY_CHECK(trainer_->restore(std::move(taken)).ok());
    }
}

void SimPeer::save_round(RoundId round) {
    const std::optional<NextTripleView> next = trainer_->next(round);
    ASSAY_CHECK(next.has_value());
    const auto copy = [](std::span<const float> values) {
        return std::vector<float>(values.begin(), values.end());
    };
    saved_ = trainer_->state();
    saved_next_ = NextTriple{round, copy(next->m), copy(next->v), copy(next->e)};
}

void SimPeer::act(const WantBlob& action) {
    const bool lost = rng_.unit() < run_.options.blob_failure;
    later(drawn_ms(rng_, kPeerFetchMs),
          [this, hash = action.blob.sha256, lost]() -> std::optional<PeerEvent> {
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
    ASSAY_CHECK(*root == trainer_->theta_root());
    applied_.emplace_back(order.summary.round, *root);
    return PeerEvent(AggregateApplied{order.summary.round, *root});
}

void SimPeer::later(int64_t delay_ms, std::function<std::optional<PeerEvent>()> make) {
    ASSAY_CHECK_LE(int64_t{0}, delay_ms);
    timers_.push_back({clock_.now() + DurationMs{delay_ms}, timers_made_++, std::move(make)});
}

void SimPeer::compute(int64_t took_ms, std::function<std::optional<PeerEvent>()> make) {
    busy_until_ = std::max(busy_until_, clock_.now()) + DurationMs{took_ms};
    later((busy_until_ - clock_.now()).ms, std::move(make));
}

}  // namespace assay
