#include "peer/peer_machine.h"

#include <algorithm>

#include "configs/run_config.h"
#include "core/check.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"
#include "protocol/limits.h"

namespace assay {

namespace {

const PlanPeer* find_self(const RoundPlan& plan, const PeerId& self) {
    const auto found = std::find_if(plan.peers.begin(),
                                    plan.peers.end(),
                                    [&](const PlanPeer& peer) { return peer.id == self; });
    return found == plan.peers.end() ? nullptr : &*found;
}

const SummaryEntry* find_entry(const RoundSummary& summary, const PeerId& self) {
    const auto found = std::find_if(summary.entries.begin(),
                                    summary.entries.end(),
                                    [&](const SummaryEntry& entry) { return entry.peer == self; });
    return found == summary.entries.end() ? nullptr : &*found;
}

bool is_counted(const RoundSummary& summary, const PeerId& self) {
    const SummaryEntry* entry = find_entry(summary, self);
    return entry != nullptr && entry->outcome == CommitOutcome::kCounted;
}

std::string round_text(RoundId round) {
    return "round " + std::to_string(round.value);
}

bool ends_the_run(RefusalCode code) {
    return code == RefusalCode::kWrongManifest || code == RefusalCode::kWrongVersion ||
           code == RefusalCode::kUnknownKey || code == RefusalCode::kRejected ||
           code == RefusalCode::kBadSignature || code == RefusalCode::kWrongClass;
}

}  // namespace

const char* phase_name(PeerPhase phase) {
    switch (phase) {
        case PeerPhase::kDialing:
            return "dialing";
        case PeerPhase::kGreeting:
            return "greeting";
        case PeerPhase::kIdle:
            return "idle";
        case PeerPhase::kSyncing:
            return "syncing";
        case PeerPhase::kTraining:
            return "training";
        case PeerPhase::kSubmitted:
            return "submitted";
        case PeerPhase::kOpened:
            return "opened";
        case PeerPhase::kApplying:
            return "applying";
        case PeerPhase::kDone:
            return "done";
    }
    return "unknown";
}

PeerMachine::PeerMachine(
    PeerId self, PeerId coordinator, Hello hello, PeerRules rules, PeerResume resume)
    : self_(self),
      coordinator_(coordinator),
      hello_(std::move(hello)),
      rules_(rules),
      theta_root_(resume.theta_root),
      manifest_(std::move(resume.manifest)),
      dial_pause_(rules.dial_pause) {
    hello_.protocol_version = limits::kProtocolVersion;
    if (manifest_) {
        follow_manifest();
    }
}

// Settings that cannot be read are refused where the run is prepared.
void PeerMachine::follow_manifest() {
    manifest_hash_ = manifest_digest(*manifest_);
    last_element_ = manifest_->beacon_tail;
    if (!rules_.class_of_run) {
        return;
    }
    if (const Result<RunConfig> config = parse_canonical_text(manifest_->config_text)) {
        hello_.numeric_class = numeric_class_of(config->inner);
    }
}

std::optional<RoundId> PeerMachine::round() const {
    return work_ ? std::optional<RoundId>(work_->plan.round) : std::nullopt;
}

std::vector<PeerAction> PeerMachine::start(Instant now) {
    (void)now;
    out_.clear();
    out_.push_back(Dial{});
    return std::move(out_);
}

std::vector<PeerAction> PeerMachine::step(const PeerEvent& event, Instant now) {
    out_.clear();
    if (phase_ != PeerPhase::kDone) {
        std::visit([&](const auto& one) { on(one, now); }, event);
    }
    return std::move(out_);
}

std::optional<Instant> PeerMachine::wake_at() const {
    if (phase_ == PeerPhase::kDone) {
        return std::nullopt;
    }
    return connected_ ? say_at_ : dial_at_;
}

// ---- connection ----------------------------------------------------------------------------

void PeerMachine::on(const ChannelUp&, Instant now) {
    connected_ = true;
    dial_at_.reset();
    dial_pause_ = rules_.dial_pause;
    if (phase_ == PeerPhase::kDialing || phase_ == PeerPhase::kIdle) {
        phase_ = PeerPhase::kGreeting;
    }
    say_hello(now);
}

void PeerMachine::on(const ChannelDown& event, Instant now) {
    if (connected_) {
        note("connection lost: " + event.reason);
    }
    connected_ = false;
    if (phase_ == PeerPhase::kGreeting || phase_ == PeerPhase::kIdle) {
        phase_ = PeerPhase::kDialing;
    }
    dial_at_ = now + dial_pause_;
    dial_pause_ = std::min(DurationMs{dial_pause_.ms * 2}, rules_.dial_pause_max);
}

void PeerMachine::say_hello(Instant now) {
    hello_.manifest_digest = manifest_hash_;
    out_.push_back(Say{hello_});
    say_at_ = now + rules_.retry;
}

void PeerMachine::say_submission() {
    if (!work_ || !work_->commit || work_->silent) {
        return;
    }
    if (!work_->committed_before) {
        out_.push_back(SaySealed{work_->envelope});
    }
    out_.push_back(Say{PayloadNotice{work_->plan.round, work_->payload}});
    if (work_->opening) {
        out_.push_back(Say{*work_->opening});
    }
}

// Nothing was heard for a while: whatever this phase waits for is asked for again.
void PeerMachine::say_again(Instant now) {
    say_at_ = now + rules_.retry;
    switch (phase_) {
        case PeerPhase::kSyncing:
            out_.push_back(WantBlob{work_->plan.theta});
            return;
        case PeerPhase::kTraining:
            out_.push_back(Say{Heartbeat{}});
            return;
        case PeerPhase::kSubmitted:
        case PeerPhase::kOpened:
            say_submission();
            say_hello(now);
            return;
        case PeerPhase::kApplying:
            if (!aggregate_here_) {
                out_.push_back(WantBlob{summary_->aggregate});
            }
            return;
        default:
            say_hello(now);
    }
}

void PeerMachine::on(const PeerTick&, Instant now) {
    if (!connected_ && dial_at_ && *dial_at_ <= now) {
        dial_at_.reset();
        out_.push_back(Dial{});
    }
    if (connected_ && say_at_ && *say_at_ <= now) {
        say_again(now);
    }
}

void PeerMachine::on(const PeerStop&, Instant) {
    if (connected_) {
        out_.push_back(Say{Goodbye{"stopped"}});
    }
    finish(true, "stopped");
}

void PeerMachine::finish(bool ok, std::string reason) {
    if (phase_ == PeerPhase::kTraining) {
        out_.push_back(AbandonRound{work_->plan.round});
    }
    phase_ = PeerPhase::kDone;
    out_.push_back(PeerFinished{ok, std::move(reason)});
}

// ---- messages ------------------------------------------------------------------------------

void PeerMachine::on(const MessageArrived& event, Instant now) {
    if (event.envelope.signer != coordinator_) {
        note("ignored a message that the coordinator did not sign");
        return;
    }
    std::visit(
        [&](const auto& message) {
            using T = std::decay_t<decltype(message)>;
            if constexpr (std::is_same_v<T, Welcome> || std::is_same_v<T, Refusal> ||
                          std::is_same_v<T, RoundPlan> || std::is_same_v<T, CloseNotice> ||
                          std::is_same_v<T, Beacon> || std::is_same_v<T, RoundSummary> ||
                          std::is_same_v<T, Goodbye>) {
                receive(message, event.envelope, now);
            }
        },
        event.message);
}

void PeerMachine::receive(const Welcome& welcome, const Envelope&, Instant now) {
    const Digest hash = manifest_digest(welcome.manifest);
    if (manifest_ && hash != manifest_hash_) {
        finish(false,
               "the coordinator runs another run: its manifest is " + hash.hex() +
                   ", this peer's folder belongs to " + manifest_hash_.hex());
        return;
    }
    if (welcome.manifest.coordinator != coordinator_) {
        finish(false,
               "the manifest names another coordinator: " + welcome.manifest.coordinator.hex());
        return;
    }
    if (!manifest_) {
        manifest_ = welcome.manifest;
        follow_manifest();
        out_.push_back(PrepareRun{*manifest_});
        say_hello(now);
        return;
    }
    if (phase_ == PeerPhase::kGreeting) {
        phase_ = PeerPhase::kIdle;
        say_at_ = now + rules_.retry;
    }
}

void PeerMachine::receive(const Refusal& refusal, const Envelope&, Instant) {
    std::string words = "refused: " + refusal.reason;
    if (!refusal.expected.is_zero() || !refusal.received.is_zero()) {
        words +=
            " (expected " + refusal.expected.hex() + ", received " + refusal.received.hex() + ")";
    }
    if (ends_the_run(refusal.code)) {
        finish(false, words);
        return;
    }
    note(words);
    if (!work_ || !work_->commit) {
        return;
    }
    // A COMMIT of this round from before a restart: what was trained anew may well be the same,
    // then its challenge follows from the first one's hash. CLOSE shows whether it is.
    if (refusal.code == RefusalCode::kDuplicate && !refusal.expected.is_zero()) {
        work_->commit_hash = refusal.expected;
        work_->committed_before = true;
        open_if_ready();
    } else if (refusal.code == RefusalCode::kTooLate && !work_->close) {
        work_->silent = true;
    }
}

// The last summary may still be on its way into theta: that comes first.
void PeerMachine::receive(const Goodbye& goodbye, const Envelope&, Instant) {
    if (summary_) {
        farewell_ = goodbye.reason;
        return;
    }
    finish(true, goodbye.reason);
}

// ---- plan and training ---------------------------------------------------------------------

void PeerMachine::receive(const RoundPlan& plan, const Envelope&, Instant now) {
    if (!manifest_ || plan.manifest_digest != manifest_hash_) {
        note("ignored a plan of another run");
        return;
    }
    if (done_round_ && plan.round <= *done_round_) {
        return;
    }
    if (summary_) {
        const RoundId newest = next_plan_ ? next_plan_->round : summary_->round;
        if (plan.round <= newest) {
            return;
        }
        const bool left_behind = next_plan_.has_value();
        next_plan_ = plan;
        if (left_behind && !aggregate_here_) {
            give_up_summary(now);
        }
        return;
    }
    take_plan(plan, now);
}

void PeerMachine::take_plan(const RoundPlan& plan, Instant now) {
    if (work_ && plan.round <= work_->plan.round) {
        return;  // said again, or of a round that is over
    }
    if (work_) {
        note(round_text(work_->plan.round) + " went on without its summary");
        drop_work();
    }
    if (find_self(plan, self_) == nullptr) {
        return;
    }
    work_ = Work{};
    work_->plan = plan;
    work_->plan_digest = plan_digest(plan);
    say_at_ = now + rules_.retry;
    train_or_sync();
}

void PeerMachine::train_or_sync() {
    if (theta_root_ == work_->plan.base_root) {
        phase_ = PeerPhase::kTraining;
        base_round_ = work_->plan.round;
        out_.push_back(TrainRound{work_->plan});
        return;
    }
    phase_ = PeerPhase::kSyncing;
    out_.push_back(WantBlob{work_->plan.theta});
}

// The new triple stays with the worker: if that round counted, the next plan asks for it.
void PeerMachine::drop_work() {
    if (phase_ == PeerPhase::kTraining) {
        out_.push_back(AbandonRound{work_->plan.round});
    }
    if (phase_ == PeerPhase::kSyncing) {
        drop_blob(work_->plan.theta);
    }
    work_.reset();
    phase_ = PeerPhase::kIdle;
}

void PeerMachine::drop_blob(const BlobRef& blob) {
    if (blob.size_bytes > 0) {
        out_.push_back(DropBlob{blob.sha256});
    }
}

void PeerMachine::on(const BlobReady& event, Instant) {
    if (phase_ == PeerPhase::kSyncing && work_->plan.theta.sha256 == event.sha256) {
        out_.push_back(AdoptTheta{work_->plan.theta, work_->plan.base_root});
    }
    if (summary_ && !aggregate_here_ && summary_->aggregate.sha256 == event.sha256) {
        aggregate_here_ = true;
        apply_if_ready();
    }
}

void PeerMachine::on(const BlobMissing& event, Instant now) {
    note("a blob did not come: " + event.reason);
    say_at_ = now + rules_.retry;
    if (summary_ && next_plan_ && !aggregate_here_ && summary_->aggregate.sha256 == event.sha256) {
        give_up_summary(now);
    }
}

void PeerMachine::on(const ThetaAdopted& event, Instant) {
    if (phase_ != PeerPhase::kSyncing) {
        base_round_ = theta_root_ == event.theta_root ? base_round_ : std::nullopt;
        theta_root_ = event.theta_root;
        return;
    }
    theta_root_ = event.theta_root;
    if (theta_root_ == work_->plan.base_root) {
        drop_blob(work_->plan.theta);
        train_or_sync();
        return;
    }
    note("the fetched parameters are not those of the plan");
    drop_work();
}

void PeerMachine::on(const StateNotSaved& event, Instant) {
    finish(false, event.reason + "; free some space and start this peer again");
}

void PeerMachine::on(const RoundTrained& event, Instant now) {
    if (phase_ != PeerPhase::kTraining || event.round != work_->plan.round) {
        return;
    }
    phase_ = PeerPhase::kSubmitted;
    work_->commit = event.commit;
    work_->envelope = event.envelope;
    work_->commit_hash = commit_hash(event.envelope);
    work_->payload = event.payload;
    hello_.tokens_per_second = event.commit.tokens_per_second;
    if (event.round.value > 0) {
        out_.push_back(ForgetRound{RoundId{event.round.value - 1}});
    }
    say_submission();
    open_if_ready();
    say_at_ = now + rules_.retry;
}

void PeerMachine::on(const TrainingProgress& event, Instant now) {
    if (connected_ && phase_ == PeerPhase::kTraining && event.round == work_->plan.round) {
        out_.push_back(Say{Progress{event.round, event.step, event.loss, event.tokens_per_second}});
        say_at_ = now + rules_.retry;
    }
}

void PeerMachine::on(const TrainingFailed& event, Instant) {
    if (phase_ != PeerPhase::kTraining || event.round != work_->plan.round) {
        return;
    }
    note(round_text(event.round) + " is not trained: " + event.reason);
    work_->silent = true;
    phase_ = PeerPhase::kSubmitted;
}

// ---- close, beacon, opening ----------------------------------------------------------------

void PeerMachine::receive(const CloseNotice& notice, const Envelope& envelope, Instant) {
    if (!work_ || notice.close.round != work_->plan.round ||
        notice.close.manifest_digest != manifest_hash_) {
        return;
    }
    if (work_->close) {
        if (encode_close(work_->close->close) != encode_close(notice.close)) {
            out_.push_back(ReportEquivocation{work_->close_envelope, envelope});
        }
        return;
    }
    if (notice.close.plan_digest != work_->plan_digest) {
        note(round_text(notice.close.round) + " was closed for another plan than this peer has");
        work_->silent = true;
    }
    work_->close = notice;
    work_->close_envelope = envelope;
    if (work_->commit && !included()) {
        note(round_text(notice.close.round) + ": this peer's COMMIT is not among those closed");
    }
    open_if_ready();
}

// The COMMIT that the coordinator holds of this peer is under the signed CLOSE.
bool PeerMachine::included() const {
    const CloseNotice& notice = *work_->close;
    const Digest leaf =
        close_leaf(CloseEntry{self_, work_->commit_hash, work_->commit->payload_hash});
    return notice.inclusion && notice.inclusion->count == notice.close.entry_count &&
           merkle_contains(notice.close.entries_root, leaf, *notice.inclusion);
}

bool PeerMachine::continues_chain(const Beacon& beacon) const {
    const uint64_t index = beacon.round.value + 1;
    if (index <= last_element_index_) {
        return index < last_element_index_ || beacon.chain_element == last_element_;
    }
    if (index > manifest_->beacon_length) {
        return false;
    }
    Digest element = beacon.chain_element;
    for (uint64_t i = index; i > last_element_index_; --i) {
        element = BeaconChain::before(element);
    }
    return element == last_element_;
}

void PeerMachine::receive(const Beacon& beacon, const Envelope&, Instant) {
    if (!manifest_ || beacon.value != beacon_value(beacon.chain_element, beacon.close_root) ||
        !continues_chain(beacon)) {
        note("ignored a beacon that does not continue the run's chain");
        return;
    }
    if (beacon.round.value + 1 > last_element_index_) {
        last_element_ = beacon.chain_element;
        last_element_index_ = beacon.round.value + 1;
    }
    if (work_ && work_->plan.round == beacon.round && !work_->beacon) {
        work_->beacon = beacon;
        open_if_ready();
    }
}

void PeerMachine::open_if_ready() {
    if (!work_->commit || work_->silent || !work_->close || !work_->beacon ||
        work_->opening_asked || !included()) {
        return;
    }
    if (work_->beacon->close_root != work_->close->close.entries_root) {
        note(round_text(work_->plan.round) + ": the beacon is not bound to the CLOSE");
        work_->silent = true;
        return;
    }
    work_->opening_asked = true;
    out_.push_back(
        BuildOpening{work_->plan, *work_->commit, work_->commit_hash, work_->beacon->value});
}

void PeerMachine::on(const OpeningBuilt& event, Instant now) {
    if (!work_ || event.notice.round != work_->plan.round || phase_ != PeerPhase::kSubmitted) {
        return;
    }
    phase_ = PeerPhase::kOpened;
    work_->opening = event.notice;
    out_.push_back(Say{event.notice});
    say_at_ = now + rules_.retry;
}

void PeerMachine::on(const OpeningFailed& event, Instant) {
    note(round_text(event.round) + " is not opened: " + event.reason);
}

// ---- summary -------------------------------------------------------------------------------

void PeerMachine::receive(const RoundSummary& summary, const Envelope&, Instant now) {
    const bool repeated = done_round_ && summary.round <= *done_round_;
    if (!manifest_ || repeated || summary_) {
        return;
    }
    const bool ours = work_ && work_->plan.round == summary.round;
    if (work_ && !ours) {
        return;  // of a round before the one that runs
    }
    if (base_round_ != summary.round) {
        done_round_ = summary.round;  // theta is older: the next plan's blob brings it
        if (work_) {
            drop_work();
        }
        return;
    }
    if (phase_ == PeerPhase::kTraining) {
        out_.push_back(AbandonRound{summary.round});
    }
    phase_ = PeerPhase::kApplying;
    summary_ = summary;
    aggregate_here_ = summary.aggregate.size_bytes == 0;
    say_at_ = now + rules_.retry;
    if (!aggregate_here_) {
        out_.push_back(WantBlob{summary.aggregate});
    }
    apply_if_ready();
}

void PeerMachine::apply_if_ready() {
    if (aggregate_here_) {
        out_.push_back(ApplyAggregate{*summary_, is_counted(*summary_, self_)});
    }
}

// The aggregate cannot be had: the next plan's blob of theta replaces it. The worker keeps the new
// triple: if the round counted, that plan asks for it.
void PeerMachine::give_up_summary(Instant now) {
    note(round_text(summary_->round) + ": the aggregate did not come, fetching the parameters");
    theta_root_ = Digest{};
    base_round_.reset();
    finish_summary(now);
}

void PeerMachine::on(const AggregateApplied& event, Instant now) {
    if (!summary_ || event.round != summary_->round) {
        return;
    }
    theta_root_ = event.theta_root;
    base_round_ = summary_->round.next();
    if (theta_root_ != summary_->theta_root) {
        note(round_text(event.round) + ": replica differs from the summary (" +
             theta_root_.brief() + " against " + summary_->theta_root.brief() +
             "), fetching the parameters");
        base_round_.reset();
    }
    finish_summary(now);
}

void PeerMachine::finish_summary(Instant now) {
    if (const SummaryEntry* entry = find_entry(*summary_, self_)) {
        note(round_text(summary_->round) +
             (entry->outcome == CommitOutcome::kCounted ? " counted: " : " not counted: ") +
             entry->reason);
    }
    drop_blob(summary_->aggregate);
    done_round_ = summary_->round;
    summary_.reset();
    work_.reset();
    phase_ = PeerPhase::kIdle;
    say_at_ = now + rules_.retry;
    if (next_plan_) {
        const RoundPlan plan = std::move(*next_plan_);
        next_plan_.reset();
        take_plan(plan, now);
    }
    if (farewell_) {
        finish(true, *farewell_);
    }
}

}  // namespace assay
