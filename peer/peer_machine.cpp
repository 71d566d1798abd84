#include "peer/peer_machine.h"

#include <algorithm>

#include "configs/run_config.h"
#include "core/check.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr int kEntryRefusalsMax = 3;

bool ends_the_run(RefusalCode code) {
    return code == RefusalCode::kWrongManifest || code == RefusalCode::kWrongVersion ||
           code == RefusalCode::kUnknownKey || code == RefusalCode::kRejected ||
           code == RefusalCode::kBadSignature || code == RefusalCode::kWrongClass;
}

}  // namespace

PeerMachine::PeerMachine(
    PeerId self, PeerId coordinator, Hello hello, PeerRules rules, PeerResume resume)
    : self_(self),
      coordinator_(coordinator),
      hello_(std::move(hello)),
      rules_(rules),
      theta_root_(resume.theta_root),
      manifest_(std::move(resume.manifest)),
      undecided_(resume.undecided),
      dial_pause_(rules.dial_pause) {
    ASSAY_CHECK(rules_.retry.ms > 0 && rules_.dial_pause.ms > 0);
    ASSAY_CHECK_LE(rules_.dial_pause.ms, rules_.dial_pause_max.ms);
    hello_.protocol_version = limits::kProtocolVersion;
    hello_.entry_nonce = resume.entry_nonce;
    if (manifest_) {
        follow_manifest();
    }
    if (resume.head) {
        const Result<Message> said = decode_message(resume.head->kind, resume.head->body);
        if (said) {
            (void)words_.take(*said, *resume.head);
        }
    }
    if (resume.beacon && manifest_) {
        const Result<Message> said = decode_message(resume.beacon->kind, resume.beacon->body);
        if (said && std::holds_alternative<Beacon>(*said)) {
            (void)take_element(std::get<Beacon>(*said));
        }
    }
}

// Settings that cannot be read are refused where the run is prepared.
void PeerMachine::follow_manifest() {
    manifest_hash_ = manifest_digest(*manifest_);
    last_element_ = manifest_->beacon_tail;
    if (const Result<RunConfig> config = parse_canonical_text(manifest_->config_text)) {
        run_asks_entry_ = config->rounds.entry_work_bits > 0;
        if (rules_.class_of_run) {
            hello_.numeric_class = numeric_class_of(config->inner);
        }
    }
}

std::optional<RoundId> PeerMachine::round() const {
    return own_ ? std::optional<RoundId>(own_->plan.round) : std::nullopt;
}

std::vector<PeerAction> PeerMachine::start(Instant now) {
    (void)now;
    ASSAY_CHECK(!started_);
    started_ = true;
    out_.clear();
    out_.push_back(Dial{});
    return std::move(out_);
}

std::vector<PeerAction> PeerMachine::step(const PeerEvent& event, Instant now) {
    ASSAY_CHECK(started_);
    out_.clear();
    if (phase_ != PeerPhase::kDone) {
        std::visit([&](const auto& one) { on(one, now); }, event);
        check_between_steps();
    }
    return std::move(out_);
}

// What holds between two steps, whatever the coordinator said: each phase has what it works on.
void PeerMachine::check_between_steps() const {
    if (phase_ == PeerPhase::kDone) {
        return;
    }
    const bool resting = phase_ == PeerPhase::kDialing || phase_ == PeerPhase::kGreeting ||
                         phase_ == PeerPhase::kIdle;
    ASSAY_CHECK_EQ(phase_ == PeerPhase::kApplying, summary_.has_value());
    ASSAY_CHECK(resting ? !own_ : own_ || summary_);
    ASSAY_CHECK(summary_ || (!next_plan_ && !farewell_));
    ASSAY_CHECK(!next_plan_ || next_plan_->round > summary_->round);
    // No round is worked on behind its summary: what is settled is not trained or opened again.
    ASSAY_CHECK(!own_ || !done_round_ || own_->plan.round > *done_round_);
    ASSAY_CHECK(phase_ != PeerPhase::kTraining || !own_->commit);
    ASSAY_CHECK(phase_ != PeerPhase::kOpened || (own_->commit && own_->opening));
    ASSAY_CHECK(!own_ || !own_->opening_asked || (own_->close && own_->beacon && own_->commit));
    ASSAY_CHECK(phase_ != PeerPhase::kDialing || !connected_);
    ASSAY_CHECK(phase_ != PeerPhase::kGreeting || connected_);
    ASSAY_CHECK(!connected_ || !dial_at_);
    ASSAY_CHECK_LE(last_element_index_, manifest_ ? manifest_->beacon_length : 0);
}

std::optional<Instant> PeerMachine::wake_at() const {
    if (phase_ == PeerPhase::kDone) {
        return std::nullopt;
    }
    if (!connected_) {
        return dial_at_;
    }
    return say_at_ && say_debts_at_ ? std::min(say_at_, say_debts_at_)
           : say_at_                ? say_at_
                                    : say_debts_at_;
}

// ---- connection ----------------------------------------------------------------------------

void PeerMachine::on(const ChannelUp&, Instant now) {
    connected_ = true;
    told_of_older_copy_ = newest_shown_ = false;
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
    if (draining_) {
        finish(true, "stopped, with the connection lost: " + cost_of_leaving());
        return;
    }
    if (phase_ == PeerPhase::kGreeting || phase_ == PeerPhase::kIdle) {
        phase_ = PeerPhase::kDialing;
    }
    dial_at_ = now + dial_pause_;
    dial_pause_ = std::min(DurationMs{dial_pause_.ms * 2}, rules_.dial_pause_max);
    ASSAY_CHECK(dial_pause_ > DurationMs{});  // or a coordinator that is away is dialled in a loop
}

void PeerMachine::say_hello(Instant now) {
    say_at_ = now + rules_.retry;
    if (seeking_entry_) {
        return;
    }
    hello_.manifest_digest = manifest_hash_;
    out_.push_back(Say{hello_});
}

void PeerMachine::seek_entry() {
    if (!seeking_entry_) {
        seeking_entry_ = true;
        out_.push_back(FindEntryWork{});
    }
}

void PeerMachine::on(const EntryWorkFound& event, Instant now) {
    seeking_entry_ = false;
    entry_found_ = true;
    hello_.entry_nonce = event.nonce;
    if (connected_ && (phase_ == PeerPhase::kGreeting || phase_ == PeerPhase::kIdle)) {
        say_hello(now);
    }
}

// Whoever is a member already is never asked; a folder may have lost what was paid. What is refused
// behind that may be a Hello from before.
void PeerMachine::pay_entry_or_end(const Refusal& refusal) {
    if (manifest_ && !entry_found_) {
        seek_entry();
    } else if (manifest_ && ++entry_refused_ == kEntryRefusalsMax) {
        finish(false,
               "refused: " + refusal.reason +
                   "; this peer did the work that the run's settings ask for, so its build and "
                   "the coordinator's disagree about it");
    }
}

void PeerMachine::say_submission() {
    if (!own_ || !own_->commit || own_->silent) {
        return;
    }
    if (!own_->committed_before) {
        out_.push_back(SaySealed{own_->envelope});
    }
    out_.push_back(Say{PayloadNotice{own_->plan.round, own_->payload}});
    if (own_->opening) {
        out_.push_back(Say{*own_->opening});
    }
}

// Nothing was heard for a while: whatever this phase waits for is asked for again.
void PeerMachine::say_again(Instant now) {
    say_at_ = now + rules_.retry;
    switch (phase_) {
        case PeerPhase::kSyncing:
            out_.push_back(WantBlob{own_->plan.theta});
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
    if (connected_ && say_debts_at_ && *say_debts_at_ <= now) {
        say_debts(now);
    }
}

// What is owed is finished first, if the coordinator is there to take it.
void PeerMachine::on(const PeerStop& event, Instant) {
    if (!event.at_once && connected_ && owes()) {
        if (!draining_) {
            draining_ = true;
            note(
                "stopping once what is asked of this peer is through; stopped again, it ends at "
                "once: " +
                cost_of_leaving());
        }
        return;
    }
    const std::string cost = owes() ? ": " + cost_of_leaving() : "";
    if (connected_) {
        out_.push_back(Say{Goodbye{"stopped"}});
    }
    finish(true, "stopped" + cost);
}

void PeerMachine::finish(bool ok, std::string reason, bool try_again) {
    ASSAY_CHECK(!ok || !try_again);
    ASSAY_CHECK(phase_ != PeerPhase::kDone);
    if (phase_ == PeerPhase::kTraining) {
        out_.push_back(AbandonRound{own_->plan.round});
    }
    phase_ = PeerPhase::kDone;
    out_.push_back(PeerFinished{ok, std::move(reason), try_again});
}

// ---- messages ------------------------------------------------------------------------------

void PeerMachine::on(const MessageArrived& event, Instant now) {
    if (event.envelope.signer != coordinator_) {
        note("ignored a message that the coordinator did not sign");
        return;
    }
    remember(event.message, event.envelope);
    std::visit([&](const auto& message) { receive(message, event.envelope, now); }, event.message);
}

// A coordinator may have gone back to an older copy of its folder, or keep two histories for two
// groups of peers: whoever holds both words can show it.
void PeerMachine::remember(const Message& message, const Envelope& envelope) {
    if (std::optional<Contradiction> found = words_.take(message, envelope)) {
        out_.push_back(ReportEquivocation{
            std::move(found->first), std::move(found->second), std::move(found->what)});
    } else if (std::holds_alternative<RoundSummary>(message)) {
        out_.push_back(KeepHead{envelope});
    }
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
        if (run_asks_entry_) {
            seek_entry();
        }
        say_hello(now);
        return;
    }
    if (done_round_ && welcome.next_round <= *done_round_ && !told_of_older_copy_) {
        told_of_older_copy_ = true;
        note(
            "the coordinator begins with " + in_words(welcome.next_round) +
            ", but has signed the end of " + in_words(*done_round_) + " at ledger head " +
            done_head_.hex() +
            ": its folder is an older copy. This peer takes part again behind that round: what the "
            "rounds up to it draw is known");
    }
    // A coordinator whose round is no later than one that it has revealed the beacon of does not
    // know of that: it hears it, so that nobody works for these draws or answers for them.
    if (newest_ && newest_->round.next() >= welcome.next_round && !newest_shown_) {
        newest_shown_ = true;
        out_.push_back(Say{*newest_});
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
    if (refusal.code == RefusalCode::kEntryWork) {
        pay_entry_or_end(refusal);
        return;
    }
    note(refusal.code == RefusalCode::kKeyInUse ? refusal.reason : words);
    if (!own_ || !own_->commit) {
        return;
    }
    // A COMMIT of this round from before a restart: what was trained anew may well be the same,
    // then its challenge follows from the first one's hash. CLOSE shows whether it is.
    if (refusal.code == RefusalCode::kDuplicate && !refusal.expected.is_zero()) {
        own_->commit_hash = refusal.expected;
        own_->committed_before = true;
        open_if_ready();
    } else if (refusal.code == RefusalCode::kTooLate && !own_->close) {
        own_->silent = true;
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

// ---- summary -------------------------------------------------------------------------------

void PeerMachine::receive(const RoundSummary& summary, const Envelope& envelope, Instant now) {
    const bool repeated = done_round_ && summary.round <= *done_round_;
    if (!manifest_ || repeated || summary_) {
        return;
    }
    done_head_ = summary.ledger_head;
    const bool ours = own_ && own_->plan.round == summary.round;
    if (own_ && !ours) {
        return;  // of a round before the one that runs
    }
    if (ours) {
        keep_proof(summary.round, envelope);
    }
    const SummaryEntry* entry = find_entry(summary, self_);
    if (ours && entry != nullptr && entry->outcome == CommitOutcome::kOwed) {
        mark_owed();
    }
    if (base_round_ != summary.round) {
        done_round_ = summary.round;  // theta is older: the next plan's blob brings it
        if (own_) {
            drop_own_round();
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
    ASSAY_CHECK(summary_ && phase_ == PeerPhase::kApplying);
    if (aggregate_here_) {
        out_.push_back(ApplyAggregate{*summary_, is_counted(*summary_, self_)});
    }
}

// The aggregate cannot be had: the next plan's blob of theta replaces it. The trainer keeps the new
// triple: if the round counted, that plan asks for it.
void PeerMachine::give_up_summary(Instant now) {
    ASSAY_CHECK(summary_ && !aggregate_here_);
    note(summary_->round, ": the aggregate did not come, fetching the parameters");
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
        note(event.round,
             ": replica differs from the summary (" + theta_root_.brief() + " against " +
                 summary_->theta_root.brief() + "), fetching the parameters");
        base_round_.reset();
    }
    finish_summary(now);
}

void PeerMachine::finish_summary(Instant now) {
    if (const SummaryEntry* entry = find_entry(*summary_, self_)) {
        const bool owed = entry->outcome == CommitOutcome::kOwed;
        note(summary_->round,
             (entry->outcome == CommitOutcome::kCounted ? " counted: "
              : owed ? " not paid, and nothing vests until its challenge is answered: "
              : entry->outcome == CommitOutcome::kRejected
                  ? " rejected, and all that was unvested is lost: "
                  : " not counted: ") +
                 entry->reason);
    }
    drop_blob(summary_->aggregate);
    ASSAY_CHECK(!done_round_ || *done_round_ < summary_->round);  // none is applied twice
    done_round_ = summary_->round;
    forget_unknown_debts(*done_round_);
    if (own_ && own_->owed) {
        keep_owed(*own_);
        say_debts(now);
    }
    summary_.reset();
    own_.reset();
    phase_ = PeerPhase::kIdle;
    say_at_ = now + rules_.retry;
    if (draining_ && !owes()) {
        out_.push_back(Say{Goodbye{"stopped"}});
        finish(true, "stopped");
        return;
    }
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
