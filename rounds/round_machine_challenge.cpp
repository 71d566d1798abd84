// RoundMachine, CLOSE, beacon, and openings until T_c.

#include <algorithm>

#include "core/check.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"
#include "rounds/missed_steps.h"
#include "rounds/round_machine.h"
#include "rounds/round_plan.h"
#include "verify/challenge.h"

namespace assay {

namespace {

// Entries of the CLOSE: who committed and whose payload is here, in order of id.
std::vector<CloseEntry> close_entries(const RoundState& round) {
    std::vector<CloseEntry> entries;
    for (const auto& [peer, commit] : round.commits) {
        if (commit.payload) {
            entries.push_back({peer, commit.hash, commit.commit.payload_hash});
        }
    }
    return entries;
}

std::vector<Digest> leaves_of(const std::vector<CloseEntry>& entries) {
    std::vector<Digest> leaves;
    leaves.reserve(entries.size());
    for (const CloseEntry& entry : entries) {
        leaves.push_back(close_leaf(entry));
    }
    return leaves;
}

}  // namespace

std::vector<PeerId> RoundMachine::closed_peers() const {
    std::vector<PeerId> peers;
    for (const auto& [peer, commit] : state_.current()->commits) {
        if (commit.payload) {
            peers.push_back(peer);
        }
    }
    return peers;
}

CloseNotice RoundMachine::close_notice(const PeerId& peer) const {
    ASSAY_CHECK(state_.current() != nullptr && state_.current()->close);
    const RoundState& round = *state_.current();
    CloseNotice notice{*round.close, std::nullopt};
    const std::vector<PeerId> peers = closed_peers();
    const auto found = std::find(peers.begin(), peers.end(), peer);
    if (found != peers.end()) {
        const MerkleTree tree(leaves_of(close_entries(round)));
        // What is said to be included is what the signed CLOSE binds.
        ASSAY_CHECK_EQ(tree.root(), round.close->entries_root);
        notice.inclusion = tree.path(static_cast<uint64_t>(found - peers.begin()));
    }
    return notice;
}

void RoundMachine::close_round(Instant now) {
    ASSAY_CHECK(phase_ == RoundPhase::kUploading || is_short());
    ASSAY_CHECK(!state_.current()->close);
    const RoundState& round = *state_.current();
    CloseBody body;
    body.entries = close_entries(round);
    if (!body.entries.empty()) {  // a round that nobody's work came to is nobody's fault alone
        part_from_newcomers();
    }
    Close close;
    close.round = round.plan.round;
    close.manifest_digest = manifest_hash_;
    close.plan_digest = round.plan_digest;
    close.entries_root = merkle_root(leaves_of(body.entries));
    close.entry_count = body.entries.size();
    ASSAY_CHECK_LE(body.entries.size(), round.plan.peers.size());
    body.close = encode_close(close);
    Drafts drafts{make_draft(RecordKind::kClose, close.round, {}, body)};
    if (close.round.value + 1 < rules_.rounds) {
        drafts.push_back(roster_draft(close.round.next()));
    }
    persist(std::move(drafts));
    reveal(now);
}

// CLOSE and the next roster are durable: say CLOSE, then make the beacon durable, then say it.
void RoundMachine::reveal(Instant now) {
    ASSAY_CHECK(state_.current()->close && !state_.current()->beacon);
    // The next round's roster is durable before anybody can know this beacon.
    const RoundId next = state_.round().next();
    ASSAY_CHECK(next.value >= rules_.rounds || state_.roster(next) != nullptr);
    const RoundState& round = *state_.current();
    for (const PlanPeer& peer : round.plan.peers) {
        if (connected_.count(peer.id) > 0) {
            out_.push_back(Send{peer.id, close_notice(peer.id)});
        }
    }
    Beacon beacon;
    beacon.round = round.plan.round;
    beacon.chain_element = element_(beacon.round.value + 1);
    ASSAY_CHECK_EQ(BeaconChain::before(beacon.chain_element), element_(beacon.round.value));
    beacon.close_root = round.close->entries_root;
    beacon.value = beacon_value(beacon.chain_element, beacon.close_root);
    persist({{RecordKind::kBeacon, beacon.round, {}, encode_body(beacon)}});
    out_.push_back(Broadcast{beacon});
    openings_.clear();
    reconnected_.clear();
    enter_transfers(RoundPhase::kChallenging,
                    now,
                    round.plan.opening_time,
                    opened_bytes_max(rules_, round.plan));
}

// The notice has the form that the challenge asks for: what is fetched is bounded by it.
Status RoundMachine::check_opening(const PeerId& peer, const OpeningNotice& notice) const {
    const RoundState& round = *state_.current();
    ASSAY_CHECK(round.beacon && find_peer(round.plan, peer) != nullptr);
    const CommitState& commit = round.commits.at(peer);
    const PlanPeer& planned = *find_peer(round.plan, peer);
    const std::vector<double> no_energy(rules_.layout.tile_count(), 0.0);
    const Challenge drawn = draw_challenge(round.beacon->value,
                                           commit.hash,
                                           rules_.layout,
                                           no_energy,
                                           rules_.verify,
                                           round.plan.inner_steps,
                                           planned.audit_ppm);
    if (notice.opening.size_bytes == 0 || notice.opening.size_bytes > rules_.opening_bytes_max) {
        return fail("an opening of " + std::to_string(notice.opening.size_bytes) +
                    " bytes, at most " + std::to_string(rules_.opening_bytes_max) + " are fetched");
    }
    std::vector<uint32_t> steps;
    for (const StepStates& step : notice.steps) {
        steps.push_back(step.step);
        const bool exact = planned.numeric_class == NumericClass::kExact;
        const uint64_t whole = theta_bytes(rules_);
        const uint64_t others = exact ? 0 : whole;
        if (step.theta.size_bytes != whole || step.g.size_bytes != others ||
            step.v.size_bytes != others) {
            return fail("the state of step " + std::to_string(step.step) +
                        " does not have the size of the parameters");
        }
    }
    if (steps != (drawn.audited ? drawn.steps : std::vector<uint32_t>{})) {
        return fail("the steps opened are not those that the beacon drew");
    }
    return {};
}

void RoundMachine::on(const OpeningNoticed& event, Instant now) {
    const RoundState* round = state_.current();
    if (round == nullptr || phase_ != RoundPhase::kChallenging ||
        event.notice.round != round->plan.round || !is_active(event.peer)) {
        return;
    }
    const auto found = round->commits.find(event.peer);
    if (found == round->commits.end() || !found->second.payload || found->second.opening ||
        openings_.count(event.peer) > 0) {
        return;
    }
    if (Status form = check_opening(event.peer, event.notice); !form) {
        refuse(event.peer, RefusalCode::kOutOfBounds, form.reason());
        return;
    }
    OpeningProgress progress{event.notice, {}};
    const auto want = [&](BlobPurpose purpose, const BlobRef& blob) {
        if (blob.size_bytes > 0 && progress.missing.insert(blob.sha256).second) {
            fetch(event.peer, purpose, blob, now);
        }
    };
    want(BlobPurpose::kOpening, event.notice.opening);
    for (const StepStates& step : event.notice.steps) {
        want(BlobPurpose::kStepState, step.theta);
        want(BlobPurpose::kStepState, step.g);
        want(BlobPurpose::kStepState, step.v);
    }
    ASSAY_CHECK(!progress.missing.empty());  // the opening itself has bytes
    openings_[event.peer] = std::move(progress);
}

void RoundMachine::store_opening(const PeerId& peer, const OpeningProgress& progress) {
    ASSAY_CHECK(progress.missing.empty());
    const auto& commits = state_.current()->commits;
    const auto found = commits.find(peer);
    if (phase_ == RoundPhase::kChallenging && found != commits.end() && !found->second.opening) {
        persist({make_draft(RecordKind::kOpening,
                            state_.round(),
                            peer,
                            OpeningBody{true, encode_body(progress.notice)})});
    }
}

// T_c once more, in public, for peers that came back after the beacon.
void RoundMachine::extend(const std::vector<PeerId>& peers, Instant now) {
    const RoundState& round = *state_.current();
    Drafts drafts;
    for (const PeerId& peer : peers) {
        ASSAY_CHECK(round.extended.count(peer) == 0 && is_connected(peer));  // one a round
        const ExtensionBody body{now + round.plan.opening_time,
                                 "reconnected after the beacon without having opened"};
        drafts.push_back(make_draft(RecordKind::kExtension, round.plan.round, peer, body));
    }
    persist(std::move(drafts));
    ASSAY_CHECK(deadline_ && *deadline_ <= now);  // T_c is over: this never draws it in
    deadline_ = now + round.plan.opening_time;
    longest_ = std::max(longest_, *deadline_);
    grace_runs_ = true;  // what was said in public holds
}

// True if all openings are here, or T_c is over.
bool RoundMachine::challenge(Instant now) {
    const RoundState& round = *state_.current();
    std::vector<PeerId> missing;
    std::vector<PeerId> came_back;
    size_t here = 0;
    for (const PeerId& peer : closed_peers()) {
        if (!is_active(peer)) {
            continue;
        }
        if (round.commits.at(peer).opening) {
            ++here;
            continue;
        }
        missing.push_back(peer);
        const bool again = reconnected_.count(peer) > 0 && round.extended.count(peer) == 0;
        if (again && connected_.count(peer) > 0) {
            came_back.push_back(peer);
        }
    }
    if (awaits(missing, here, now)) {
        return false;
    }
    if (!came_back.empty()) {
        extend(came_back, now);
        return false;
    }
    if (here + missing.size() == 0) {
        void_round(is_short() ? "too few peers were there when its roster was frozen"
                              : "no payload came in time",
                   now);
        return true;
    }
    enter(RoundPhase::kJudging, now, std::nullopt);
    out_.push_back(judge_order());
    const JudgeRound& order = std::get<JudgeRound>(out_.back());
    ASSAY_CHECK_EQ(order.submissions.size(), here + missing.size());
    ASSAY_CHECK_LE(order.take_backs.size(), state_.take_backs().size());
    return true;
}

JudgeRound RoundMachine::judge_order() const {
    const RoundState& round = *state_.current();
    JudgeRound order;
    order.plan = round.plan;
    order.plan_digest = round.plan_digest;
    order.beacon = round.beacon->value;
    for (const PeerId& peer : closed_peers()) {
        if (!is_active(peer)) {
            continue;
        }
        const CommitState& commit = round.commits.at(peer);
        ASSAY_CHECK(find_peer(round.plan, peer) != nullptr);
        const PlanPeer& planned = *find_peer(round.plan, peer);
        order.submissions.push_back({planned,
                                     commit.commit,
                                     commit.hash,
                                     *commit.payload,
                                     commit.opening,
                                     plan_weight(round.plan, planned)});
    }
    for (const TakenShare& share : state_.take_backs()) {
        if (state_.find(share.round) != nullptr) {
            order.take_backs.push_back(take_back_of(state_, share));
        }
    }
    return order;
}

}  // namespace assay
