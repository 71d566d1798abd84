// RoundMachine, CLOSE, beacon, and openings until T_c. What is missing then is judged as owed: the
// round goes on, and the challenge stays open (round_machine_debt.cpp).

#include <algorithm>

#include "core/check.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"
#include "rounds/judge_orders.h"
#include "rounds/round_machine.h"
#include "rounds/round_plan.h"
#include "verify/challenge.h"

namespace assay {

namespace {

constexpr const char* kLostRound =
    "its draws are known: it was run before, in a history that an older copy of the coordinator's "
    "folder does not hold";

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

CloseNotice RoundMachine::close_notice(const RoundState& round, const PeerId& peer) {
    ASSAY_CHECK(round.close.has_value());
    CloseNotice notice{*round.close, std::nullopt};
    const std::vector<CloseEntry> entries = close_entries(round);
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const CloseEntry& entry) {
        return entry.peer == peer;
    });
    if (found != entries.end()) {
        const MerkleTree tree(leaves_of(entries));
        // What is said to be included is what the signed CLOSE binds.
        ASSAY_CHECK_EQ(tree.root(), round.close->entries_root);
        notice.inclusion = tree.path(static_cast<uint64_t>(found - entries.begin()));
    }
    return notice;
}

void RoundMachine::close_round(Instant now) {
    ASSAY_CHECK(phase_ == RoundPhase::kUploading || passes());
    ASSAY_CHECK(!state_.current()->close);
    const RoundState& round = *state_.current();
    CloseBody body;
    body.entries = close_entries(round);
    if (!body.entries.empty()) {  // a round that nobody's work came to is nobody's fault alone
        part_from_newcomers(now);
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
            out_.push_back(Send{peer.id, close_notice(round, peer.id)});
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
    enter_transfers(RoundPhase::kChallenging,
                    now,
                    round.plan.opening_time,
                    opened_bytes_max(rules_, round.plan));
}

// The notice has the form that the challenge asks for: what is fetched is bounded by it.
Status RoundMachine::check_opening(const RoundState& round,
                                   const PeerId& peer,
                                   const OpeningNotice& notice) const {
    ASSAY_CHECK(round.beacon && find_peer(round.plan, peer) != nullptr);
    const CommitState& commit = round.commits.at(peer);
    const PlanPeer& planned = *find_peer(round.plan, peer);
    const Challenge drawn = draw_challenge(round.beacon->value,
                                           commit.hash,
                                           rules_.layout,
                                           {},
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

std::vector<std::pair<BlobPurpose, BlobRef>> blobs_of(const OpeningNotice& notice) {
    std::vector<std::pair<BlobPurpose, BlobRef>> blobs{{BlobPurpose::kOpening, notice.opening}};
    for (const StepStates& step : notice.steps) {
        for (const BlobRef& state : {step.theta, step.g, step.v}) {
            if (state.size_bytes > 0) {
                blobs.emplace_back(BlobPurpose::kStepState, state);
            }
        }
    }
    return blobs;
}

void RoundMachine::on(const OpeningNoticed& event, Instant now) {
    const RoundState* round = state_.current();
    if (round == nullptr || !is_active(event.peer)) {
        return;
    }
    if (event.notice.round < round->plan.round || round->summary) {
        take_late(event);
        return;
    }
    if (phase_ != RoundPhase::kChallenging || event.notice.round != round->plan.round) {
        return;
    }
    const auto found = round->commits.find(event.peer);
    if (found == round->commits.end() || !found->second.payload || found->second.opening ||
        openings_.count(event.peer) > 0) {
        acknowledge(event.notice.round, event.peer, ReceiptKind::kOpening);
        return;
    }
    if (Status form = check_opening(*round, event.peer, event.notice); !form) {
        refuse(event.peer, RefusalCode::kOutOfBounds, form.reason());
        return;
    }
    OpeningProgress progress{event.notice, {}};
    for (const auto& [purpose, blob] : blobs_of(event.notice)) {
        if (progress.missing.insert(blob.sha256).second) {
            fetch(event.peer, purpose, blob, now);
        }
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
        acknowledge(state_.round(), peer, ReceiptKind::kOpening);
    }
}

// True if all openings are here, or T_c is over.
bool RoundMachine::challenge(Instant now) {
    if (state_.draws_known()) {
        void_round(kLostRound, now);
        return true;
    }
    const RoundState& round = *state_.current();
    std::vector<PeerId> missing;
    size_t here = 0;
    for (const PeerId& peer : closed_peers(round)) {
        if (!is_active(peer)) {
            continue;
        }
        if (round.commits.at(peer).opening) {
            ++here;
            continue;
        }
        missing.push_back(peer);
    }
    if (awaits(missing, here, now)) {
        return false;
    }
    if (here + missing.size() == 0) {
        void_round(is_short() ? "too few peers were there when its roster was frozen"
                              : "no payload came in time",
                   now);
        return true;
    }
    enter(RoundPhase::kJudging, now, std::nullopt);
    out_.push_back(judge_order(state_, rules_.verify));
    const JudgeRound& order = std::get<JudgeRound>(out_.back());
    ASSAY_CHECK_EQ(order.submissions.size(), here + missing.size());
    ASSAY_CHECK_LE(order.take_backs.size(), state_.take_backs().size());
    return true;
}

}  // namespace assay
