#include "rounds/round_machine.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/codec.h"
#include "protocol/entry_work.h"
#include "protocol/limits.h"
#include "rounds/retention.h"
#include "rounds/round_plan.h"

namespace assay {

namespace {

// Some tries to reconnect, so that one that fails costs nobody the round.
constexpr DurationMs kComeBack{4 * limits::kReconnectMsMax};

}  // namespace

const char* phase_name(RoundPhase phase) {
    switch (phase) {
        case RoundPhase::kWaiting:
            return "waiting";
        case RoundPhase::kGathering:
            return "gathering";
        case RoundPhase::kUploading:
            return "uploading";
        case RoundPhase::kChallenging:
            return "challenging";
        case RoundPhase::kJudging:
            return "judging";
        case RoundPhase::kClosed:
            return "closed";
    }
    return "unknown";
}

bool may_follow(RoundPhase from, RoundPhase to) {
    return to > from || (from == RoundPhase::kClosed && to == RoundPhase::kGathering) ||
           (from == RoundPhase::kWaiting && to == RoundPhase::kWaiting);
}

RoundMachine::RoundMachine(RunManifest manifest, RoundRules rules, ChainElement element)
    : manifest_(std::move(manifest)),
      manifest_hash_(manifest_digest(manifest_)),
      rules_(std::move(rules)),
      element_(std::move(element)),
      state_(manifest_, rules_.pay, rounds_remembered(rules_.verify, rules_.pay)),
      newcomers_(rules_.newcomers_per_minute) {
    ASSAY_CHECK_LE(rules_.rounds, manifest_.beacon_length);
    ASSAY_CHECK(rules_.rounds > 0 && rules_.peers_min > 0 && rules_.sample_count > 0);
    ASSAY_CHECK(!rules_.classes.empty());
    ASSAY_CHECK_LE(rules_.peers_min, rules_.peers_max);
    ASSAY_CHECK(rules_.quorum_percent > 0 && rules_.quorum_percent <= 100);
    ASSAY_CHECK(rules_.inner_steps > 0 && rules_.base_sequences > 0 && rules_.sequence_tokens > 0);
    ASSAY_CHECK(rules_.learning_rates && element_);
}

RoundMachine::RoundMachine(RunState state,
                           RunManifest manifest,
                           RoundRules rules,
                           ChainElement element)
    : RoundMachine(std::move(manifest), std::move(rules), std::move(element)) {
    state_ = std::move(state);
    // The state remembers every round whose blobs and verdicts are still asked for.
    ASSAY_CHECK_LE(rounds_remembered(rules_.verify, rules_.pay), state_.rounds_kept());
}

Result<RoundMachine> RoundMachine::restore(const std::vector<Record>& records,
                                           RunManifest manifest,
                                           RoundRules rules,
                                           ChainElement element) {
    RoundMachine machine(std::move(manifest), std::move(rules), std::move(element));
    if (Status applied = machine.state_.apply_all(records); !applied) {
        return applied.error();
    }
    return machine;
}

std::vector<Action> RoundMachine::start(Instant now) {
    out_.clear();
    ASSAY_CHECK(!started_);
    started_ = true;
    if (!state_.started()) {
        persist({make_draft(
            RecordKind::kRunStart, {}, {}, RunStartBody{encode_manifest(manifest_), rules_.pay})});
    }
    keep_blobs();
    resume(now);
    advance(now);
    check_between_steps();
    return std::move(out_);
}

std::vector<Action> RoundMachine::step(const Event& event, Instant now) {
    ASSAY_CHECK(started_);
    out_.clear();
    if (!finished_) {
        std::visit([&](const auto& one) { on(one, now); }, event);
        advance(now);
        check_between_steps();
    }
    return std::move(out_);
}

std::optional<Instant> RoundMachine::wake_at() const {
    if (finished_) {
        return std::nullopt;
    }
    return phase_ == RoundPhase::kClosed ? next_lapse() : deadline_;
}

// What holds between two steps, whatever was said: phase and deadline are those of what the ledger
// says of the round, and whoever is connected may take part.
void RoundMachine::check_between_steps() const {
    if (finished_) {
        return;
    }
    const RoundState* round = state_.current();
    ASSAY_CHECK_EQ(phase_ == RoundPhase::kWaiting, round == nullptr);
    ASSAY_CHECK_EQ(phase_ == RoundPhase::kClosed, round != nullptr && round->summary.has_value());
    const bool revealed = phase_ == RoundPhase::kChallenging || phase_ == RoundPhase::kJudging;
    const bool gathers = phase_ == RoundPhase::kGathering;
    ASSAY_CHECK(!revealed || (round->close && round->beacon));
    ASSAY_CHECK(!(gathers || phase_ == RoundPhase::kUploading) || !round->beacon);
    const bool timed = phase_ == RoundPhase::kUploading || phase_ == RoundPhase::kChallenging ||
                       (gathers && !passes());
    ASSAY_CHECK_EQ(deadline_.has_value(), timed);
    ASSAY_CHECK_LE(connected_.size(), limits::kPeersMax + Newcomers::kMost);
    if (phase_ == RoundPhase::kChallenging) {
        ASSAY_CHECK_LE(openings_.size(), round->close->entry_count);
    }
}

void RoundMachine::persist(Drafts drafts) {
    for (RecordDraft& draft : drafts) {
        Result<LedgerEvent> event = decode_record(draft);
        ASSAY_CHECK_MSG(event.ok(), event.ok() ? "" : event.reason());
        persist(std::move(draft), std::move(*event));
    }
}

// Applies, and hands out; with nothing said in between, drafts become durable together.
void RoundMachine::persist(RecordDraft draft, LedgerEvent event) {
    const Status applied = state_.apply(draft, event);
    ASSAY_CHECK_MSG(applied.ok(), applied.ok() ? "" : applied.reason());
    Persist* last = out_.empty() ? nullptr : std::get_if<Persist>(&out_.back());
    if (last == nullptr) {
        last = &std::get<Persist>(out_.emplace_back(Persist{}));
    }
    last->drafts.push_back(std::move(draft));
    last->events.push_back(std::move(event));
}

void RoundMachine::keep_blobs() {
    // The judge reads blobs that no record names yet.
    ASSAY_CHECK(phase_ != RoundPhase::kJudging);
    KeepBlobs keep{live_blobs(manifest_, rules_, state_), shown_blobs(rules_, state_)};
    for (const auto& [key, late] : late_) {
        for (const auto& [purpose, blob] : late.progress
                                               ? blobs_of(late.progress->notice)
                                               : std::vector<std::pair<BlobPurpose, BlobRef>>{}) {
            keep.live.insert(blob.sha256);
        }
    }
    out_.push_back(std::move(keep));
}

void RoundMachine::refuse(
    const PeerId& peer, RefusalCode code, std::string reason, Digest expected, Digest received) {
    reason += code == RefusalCode::kRejected ? what_it_cost(peer) : "";
    out_.push_back(Send{peer, Refusal{code, std::move(reason), expected, received}});
}

// For the peer itself: behind the reason, what the books took from it in this run.
std::string RoundMachine::what_it_cost(const PeerId& peer) const {
    const PeerBook* book = state_.books().find(peer);
    return book == nullptr || book->escrow.forfeited() == 0
               ? ""
               : "; this peer has forfeited " + std::to_string(book->escrow.forfeited()) +
                     " of its pay and deposit in this run";
}

void RoundMachine::note(std::string text, const PeerId& by) {
    out_.push_back(Note{std::move(text), by});
}

bool RoundMachine::is_active(const PeerId& peer) const {
    const Member* member = state_.member(peer);
    return member == nullptr || !member->ejected;
}

bool RoundMachine::is_short() const {
    return state_.current()->plan.peers.size() < rules_.peers_min;
}

// D2 and T_c are the plan's, but no less than the grace that the round's training gives: a machine
// that trained slowly sends and opens slowly.
DurationMs RoundMachine::at_least_grace(DurationMs planned) const {
    const DurationMs grace = grace_after(rules_.deadlines, gathered_);
    return std::max(planned, std::min(grace, rules_.deadlines.transfer_ceiling));
}

// ---- phases --------------------------------------------------------------------------------

void RoundMachine::enter(RoundPhase phase, Instant now, std::optional<Instant> deadline) {
    ASSAY_CHECK(std::all_of(connected_.begin(), connected_.end(), [this](const auto& entry) {
        return is_active(entry.first);
    }));
    ASSAY_CHECK(may_follow(phase_, phase));
    if (phase == RoundPhase::kGathering || phase == RoundPhase::kChallenging) {
        uplinks_.forget_asked();  // payloads may be asked for from the plan on
    }
    phase_ = phase;
    phase_since_ = now;
    deadline_ = deadline;
    grace_runs_ = false;
}

void RoundMachine::enter_transfers(RoundPhase phase,
                                   Instant now,
                                   DurationMs planned,
                                   uint64_t bytes) {
    const DurationMs time = at_least_grace(planned);
    ASSAY_CHECK(phase == RoundPhase::kUploading || phase == RoundPhase::kChallenging);
    enter(phase, now, std::max(now + time, back_by_));
    longest_ = now + longest_transfer(rules_.deadlines, bytes, time);
}

void RoundMachine::fetch(const PeerId& from,
                         BlobPurpose purpose,
                         const BlobRef& blob,
                         Instant now) {
    // What is fetched is bounded, and belongs to the phase that runs.
    ASSAY_CHECK_EQ(phase_ == RoundPhase::kChallenging, purpose != BlobPurpose::kPayload);
    ASSAY_CHECK(is_active(from));
    uplinks_.ask(from, now);
    out_.push_back(FetchBlob{from, state_.round(), purpose, blob});
}

// Draws the deadline in, once, to the grace after `took`.
void RoundMachine::leave_grace(DurationMs took, Instant now) {
    if (!grace_runs_) {
        ASSAY_CHECK(deadline_.has_value());
        grace_runs_ = true;
        const Instant until = std::max(now + grace_after(rules_.deadlines, took), back_by_);
        deadline_ = std::min(*deadline_, until);
    }
}

// Of D2 and T_c: whether those that are missing are still waited for, `here` others being done.
// With a quorum, or when nobody who is missing is there, only the grace is left; and behind the
// deadline a peer is waited for while what it was asked for keeps coming, and no slower than the
// least uplink brings it. So silence costs a round its grace, and a slow link costs nobody his
// opening. Whoever announces again, or sends more than it announced, has no more time by it.
bool RoundMachine::awaits(const std::vector<PeerId>& missing, size_t here, Instant now) {
    if (missing.empty()) {
        return false;
    }
    const bool gone = std::none_of(
        missing.begin(), missing.end(), [this](const PeerId& id) { return is_connected(id); });
    const auto proven = static_cast<size_t>(std::count_if(
        missing.begin(), missing.end(), [this](const PeerId& id) { return state_.is_proven(id); }));
    const bool any =
        std::any_of(state_.current()->plan.peers.begin(),
                    state_.current()->plan.peers.end(),
                    [this](const PlanPeer& peer) { return state_.is_proven(peer.id); });
    const auto all = static_cast<uint32_t>(here + (any ? proven : missing.size()));
    ASSAY_CHECK_LE(here + missing.size(), state_.current()->plan.peers.size());
    const bool quorum = here >= quorum_of(all, rules_.quorum_percent);
    if (here > 0 && (quorum || gone)) {
        leave_grace(std::max(gathered_, now - phase_since_), now);
    }
    if (now < *deadline_) {
        return true;
    }
    for (const PeerId& peer : missing) {
        if (const std::optional<uint64_t> announced = fetched_from(peer)) {
            const Asked asked = uplinks_.asked(peer);
            const Instant silent =
                asked.heard + longest_silence(rules_.deadlines, uplinks_.rate(peer));
            const Instant slow =
                asked.since + slowest_progress(rules_.deadlines, std::min(asked.bytes, *announced));
            deadline_ = std::max(*deadline_, std::min({silent, slow, longest_}));
        }
    }
    return now < *deadline_;
}

void RoundMachine::advance(Instant now) {
    while (!finished_ && advance_once(now)) {
    }
}

// Whether a phase was left.
bool RoundMachine::advance_once(Instant now) {
    switch (phase_) {
        case RoundPhase::kWaiting:
            if (candidates().size() < std::max(rules_.peers_min, rules_.peers_start)) {
                return false;
            }
            open_first_round(now);
            return true;
        case RoundPhase::kGathering:
            return gather(now);
        case RoundPhase::kUploading:
            return upload(now);
        case RoundPhase::kChallenging:
            return challenge(now);
        case RoundPhase::kJudging:
            return false;
        case RoundPhase::kClosed:
            end_run_if_settled(now);
            return false;
    }
    return false;
}

// Goes on where the ledger ends: the deadlines of the phase start again, and those whom this
// process's death cut off have time to come back. How long it was dead only the wall clock tells,
// which may have been set meanwhile: it is believed as far as the plan allows.
void RoundMachine::resume(Instant now) {
    const RoundState* round = state_.current();
    if (state_.ended()) {
        finished_ = true;
        out_.push_back(RunFinished{true, "the run is over"});
        return;
    }
    if (round == nullptr) {
        enter(RoundPhase::kWaiting, now, std::nullopt);
        return;
    }
    ASSAY_CHECK(phase_ == RoundPhase::kWaiting && connected_.empty() && openings_.empty());
    back_by_ = now + kComeBack;
    extend_debts(now - state_.last_stamp(), now);
    gathers_since_ = now - gathered_by(round->plan, now);
    for (const AuditJob& job : state_.pending_audits()) {
        out_.push_back(RunAudit{job, state_.next_attempt(job)});
    }
    if (round->summary) {
        enter(RoundPhase::kClosed, now, std::nullopt);
    } else if (round->beacon) {
        gathered_ = gathered_by(round->plan, round->last_payload_at);
        enter_transfers(RoundPhase::kChallenging,
                        now,
                        round->plan.opening_time,
                        opened_bytes_max(rules_, round->plan));
        grace_runs_ = true;  // nobody answers for this process's death: all have all of T_c again
    } else if (round->close) {
        enter(RoundPhase::kUploading, now, now);
        reveal(now);
    } else if (passes()) {
        enter(RoundPhase::kGathering, now, std::nullopt);
    } else {
        const Instant grace = now + grace_after(rules_.deadlines, now - gathers_since_);
        enter(
            RoundPhase::kGathering, now, std::max({round->plan.commit_deadline, grace, back_by_}));
    }
}

// ---- members -------------------------------------------------------------------------------

void RoundMachine::on(const PeerHello& event, Instant now) {
    const Hello& hello = event.hello;
    if (hello.protocol_version != limits::kProtocolVersion) {
        refuse(event.peer,
               RefusalCode::kWrongVersion,
               "protocol version " + std::to_string(hello.protocol_version) +
                   " is not spoken here, version " + std::to_string(limits::kProtocolVersion) +
                   " is");
        out_.push_back(CloseConnection{event.peer, "wrong protocol version"});
        return;
    }
    if (hello.manifest_digest.is_zero()) {
        out_.push_back(Send{event.peer, Welcome{manifest_, state_.round().next(), {}, {}}});
        return;
    }
    if (hello.manifest_digest != manifest_hash_) {
        refuse(event.peer,
               RefusalCode::kWrongManifest,
               "this coordinator runs manifest " + manifest_hash_.hex() + ", the peer belongs to " +
                   hello.manifest_digest.hex(),
               manifest_hash_,
               hello.manifest_digest);
        out_.push_back(CloseConnection{event.peer, "wrong manifest"});
        return;
    }
    welcome(event, now);
}

// Whoever is new becomes a member with its first COMMIT: names cost nothing, a roster's place does.
// What a name may cost is looked at first: a flood without it fills nothing and costs a hash each.
bool RoundMachine::admit_newcomer(const PeerHello& event, Instant now) {
    const uint32_t bits = rules_.entry_work_bits;
    if (!is_entry_work(manifest_hash_, event.peer, event.hello.entry_nonce, bits)) {
        refuse(event.peer,
               RefusalCode::kEntryWork,
               "a new key pays entry work in this run (rounds.entry_work_bits = " +
                   std::to_string(bits) + "): " +
                   (event.hello.entry_nonce == 0 ? "none was said" : "what was said is none"));
        out_.push_back(CloseConnection{event.peer, "no entry work"});
        return false;
    }
    std::string why;
    if (state_.lasting_members() >= limits::kPeersMax) {
        why = "the run has as many members as it can hold";
    } else if (const Status room = newcomers_.admit(event.peer, event.site, now); !room) {
        why = room.reason();
    }
    if (why.empty()) {
        return true;
    }
    refuse(event.peer, RefusalCode::kNotInRoster, why);
    out_.push_back(CloseConnection{event.peer, why});
    return false;
}

void RoundMachine::welcome(const PeerHello& event, Instant now) {
    const PeerId& peer = event.peer;
    const Hello& hello = event.hello;
    const Member* member = state_.member(peer);
    if (member != nullptr && member->ejected) {
        refuse(peer, RefusalCode::kRejected, member->ejected_why);
        out_.push_back(CloseConnection{peer, "ejected"});
        return;
    }
    if (!admit_class(peer, hello.numeric_class)) {
        return;
    }
    if (member == nullptr && !admit_newcomer(event, now)) {
        return;
    }
    if (member != nullptr && member->numeric_class != hello.numeric_class) {
        persist({make_draft(
            RecordKind::kJoin, state_.round(), peer, JoinBody{now, hello.numeric_class, 0, 0})});
    }
    ASSAY_CHECK(is_active(peer));
    const bool came = connected_.count(peer) == 0;
    connected_[peer] = hello;
    out_.push_back(Send{peer, Welcome{manifest_, state_.round().next(), {}, {}}});
    tell_debts(peer, came, now);
    tell_last_round(peer);
}

// A class is what a peer is judged by, so the run says which there are; and a change is a record,
// so nobody makes more than one a round.
bool RoundMachine::admit_class(const PeerId& peer, NumericClass declared) {
    if (rules_.classes.count(declared) == 0) {
        std::string allowed;
        for (const NumericClass one : rules_.classes) {
            allowed += (allowed.empty() ? "" : ", ") + std::string(class_name(one));
        }
        refuse(peer,
               RefusalCode::kWrongClass,
               std::string("this run does not admit numeric class ") + class_name(declared) +
                   "; admitted: " + allowed);
        out_.push_back(CloseConnection{peer, "numeric class not admitted"});
        return false;
    }
    const Member* member = state_.member(peer);
    if (member != nullptr && member->numeric_class != declared &&
        member->declared_in == state_.round()) {
        refuse(peer,
               RefusalCode::kWrongRound,
               std::string("numeric class ") + class_name(member->numeric_class) +
                   " was declared in this round; another may be declared in the next one");
        return false;
    }
    return true;
}

// Says again what this peer needs to go on from where the round stands.
void RoundMachine::tell_last_round(const PeerId& peer) {
    const RoundState* round = state_.current();
    if (round == nullptr) {
        return;
    }
    if (round->plan.round.value > 0 && !round->summary) {
        const RoundState* before = state_.find(RoundId{round->plan.round.value - 1});
        if (before != nullptr && before->summary) {
            out_.push_back(Send{peer, *before->summary});
        }
    }
    if (!passes() && find_peer(round->plan, peer) != nullptr) {
        out_.push_back(Send{peer, round->plan});
        if (round->beacon) {
            out_.push_back(Send{peer, close_notice(*round, peer)});
            out_.push_back(Send{peer, *round->beacon});
        }
    }
    if (round->summary) {
        out_.push_back(Send{peer, *round->summary});
    }
}

// Whoever was ejected since is told why, and not heard any more.
void RoundMachine::part_from_ejected() {
    std::vector<PeerId> ejected;
    for (const auto& [peer, hello] : connected_) {
        if (!is_active(peer)) {
            ejected.push_back(peer);
        }
    }
    for (const PeerId& peer : ejected) {
        const std::string& why = state_.member(peer)->ejected_why;
        note(peer.brief() + " is ejected: " + why + what_it_cost(peer));
        refuse(peer, RefusalCode::kRejected, why);
        out_.push_back(CloseConnection{peer, "ejected"});
        connected_.erase(peer);
    }
}

void RoundMachine::on(const PeerGone& event, Instant) {
    connected_.erase(event.peer);
    newcomers_.left(event.peer);
    progress_.erase(event.peer);
    evidence_told_.erase(event.peer);
}

void RoundMachine::on(const ProgressArrived& event, Instant) {
    if (event.progress.round == state_.round() && connected_.count(event.peer) > 0) {
        progress_[event.peer] = event.progress;
    }
}

void RoundMachine::on(const Stalled& event, Instant now) {
    if (deadline_) {
        deadline_ = *deadline_ + event.time;
    }
    longest_ = longest_ + event.time;
    back_by_ = back_by_ + event.time;
    uplinks_.stood_still(event.time);
    extend_debts(event.time, now);
}

void RoundMachine::on(const Tick&, Instant) {}

void RoundMachine::on(const StopRequested&, Instant) {
    finished_ = true;
    out_.push_back(RunFinished{false, "stopped on request; everything said is durable"});
}

}  // namespace assay
