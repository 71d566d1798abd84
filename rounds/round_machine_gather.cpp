// RoundMachine, COMMITs until D1 and payloads until D2.

#include <algorithm>
#include <optional>
#include <string>

#include "core/check.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "rounds/round_machine.h"
#include "rounds/round_plan.h"

namespace assay {

namespace {

Digest fetch_key(const PeerId& peer, const Digest& blob) {
    return sha256("fetch", peer.span(), blob.span());
}

struct CommitRefusal {
    RefusalCode code = RefusalCode::kWrongRound;
    std::string reason;
    Digest expected;
    Digest received;
};

// Why a COMMIT does not answer the open round's plan.
std::optional<CommitRefusal> to_another_plan(const Commit& commit, const RoundState& open) {
    const std::string its_round = in_words(commit.round);
    if (commit.round < open.plan.round) {
        return CommitRefusal{RefusalCode::kTooLate, its_round + " is closed", {}, {}};
    }
    if (commit.round != open.plan.round) {
        return CommitRefusal{RefusalCode::kWrongRound, its_round + " is not open", {}, {}};
    }
    if (commit.plan_digest != open.plan_digest) {  // signed before a copy was put back
        return CommitRefusal{RefusalCode::kWrongRound,
                             "a COMMIT to another plan of " + its_round,
                             open.plan_digest,
                             commit.plan_digest};
    }
    return std::nullopt;
}

}  // namespace

void RoundMachine::on(const CommitArrived& event, Instant now) {
    const Digest hash = commit_hash(event.envelope);
    if (!admit_commit(event, hash)) {
        return;
    }
    ASSAY_CHECK(event.envelope->signer == event.peer);
    ASSAY_CHECK_EQ(event.commit.round, state_.round());
    ASSAY_CHECK(state_.current()->commits.count(event.peer) == 0);
    if (state_.member(event.peer) == nullptr) {
        const NumericClass planned = find_peer(state_.current()->plan, event.peer)->numeric_class;
        const auto here = connected_.find(event.peer);
        const uint64_t nonce = here == connected_.end() ? 0 : here->second.entry_nonce;
        persist({make_draft(RecordKind::kJoin,
                            event.commit.round,
                            event.peer,
                            JoinBody{now, planned, 0, 0, nonce})});
        newcomers_.joined(event.peer);
    }
    persist({RecordKind::kCommit, event.commit.round, event.peer, event.envelope.wire()},
            CommitEvent{event.envelope, event.commit, hash});
    acknowledge(event.commit.round, event.peer, ReceiptKind::kCommit);
}

// Refuses what has no place in this round; a COMMIT said again gets what the peer waits for.
bool RoundMachine::admit_commit(const CommitArrived& event, const Digest& hash) {
    const PeerId& peer = event.peer;
    const RoundState* round = state_.current();
    const Member* member = state_.member(peer);
    if (round == nullptr || (member == nullptr && find_peer(round->plan, peer) == nullptr)) {
        refuse(peer, RefusalCode::kNotInRoster, "a COMMIT of somebody who has not joined");
        return false;
    }
    if (member != nullptr && member->ejected) {
        refuse(peer, RefusalCode::kRejected, member->ejected_why);
        return false;
    }
    if (member == nullptr && rules_.entry_work_bits > 0 && !is_connected(peer)) {
        refuse(peer,
               RefusalCode::kNotInRoster,
               "a first COMMIT needs a Hello with entry work in front of it");
        return false;
    }
    if (event.commit.manifest_digest != manifest_hash_) {
        refuse(peer,
               RefusalCode::kWrongManifest,
               "a COMMIT of another run",
               manifest_hash_,
               event.commit.manifest_digest);
        return false;
    }
    if (const RoundState* of_commit = state_.find(event.commit.round)) {
        const auto known = of_commit->commits.find(peer);
        if (known != of_commit->commits.end() && known->second.hash == hash) {
            acknowledge(event.commit.round, peer, ReceiptKind::kCommit);
            if (phase_ != RoundPhase::kGathering || event.commit.round != round->plan.round) {
                tell_last_round(peer);
            }
            return false;
        }
        if (known != of_commit->commits.end()) {
            refuse(peer,
                   RefusalCode::kDuplicate,
                   "another COMMIT of this peer was accepted for " + in_words(event.commit.round),
                   known->second.hash,
                   hash);
            return false;
        }
    }
    if (const std::optional<CommitRefusal> other = to_another_plan(event.commit, *round)) {
        refuse(peer, other->code, other->reason, other->expected, other->received);
        return false;
    }
    if (find_peer(round->plan, peer) == nullptr || passes()) {
        refuse(peer,
               RefusalCode::kNotInRoster,
               "not in the roster of " + in_words(event.commit.round));
        return false;
    }
    if (phase_ != RoundPhase::kGathering) {
        refuse(peer,
               RefusalCode::kTooLate,
               "COMMITs of " + in_words(event.commit.round) + " are no longer taken");
        return false;
    }
    if (event.commit.payload_bytes > rules_.payload_bytes_max) {
        refuse(peer,
               RefusalCode::kOutOfBounds,
               "a payload of " + std::to_string(event.commit.payload_bytes) + " bytes, at most " +
                   std::to_string(rules_.payload_bytes_max) + " are taken");
        return false;
    }
    return true;
}

void RoundMachine::on(const PayloadNoticed& event, Instant now) {
    const RoundState* round = state_.current();
    if (round == nullptr || event.notice.round != round->plan.round || !is_active(event.peer)) {
        return;  // of a round that is over: the summary says what became of it
    }
    const auto found = round->commits.find(event.peer);
    if (found == round->commits.end() || found->second.payload) {
        acknowledge(event.notice.round, event.peer, ReceiptKind::kPayload);
        return;  // said again, or overtook its COMMIT: the peer repeats both
    }
    if (phase_ > RoundPhase::kUploading) {
        refuse(event.peer, RefusalCode::kTooLate, "payloads are no longer taken");
        return;
    }
    const Commit& commit = found->second.commit;
    const BlobRef& payload = event.notice.payload;
    if (payload.sha256 != commit.payload_hash || payload.size_bytes != commit.payload_bytes) {
        refuse(event.peer,
               RefusalCode::kOutOfBounds,
               "not the payload of this peer's COMMIT",
               commit.payload_hash,
               payload.sha256);
        return;
    }
    ASSAY_CHECK_LE(payload.size_bytes, rules_.payload_bytes_max);
    if (fetching_.insert(fetch_key(event.peer, payload.sha256)).second) {
        fetch(event.peer, BlobPurpose::kPayload, payload, now);
    }
}

void RoundMachine::on(const BlobsMoved& event, Instant now) {
    const uint64_t before = uplinks_.rate(event.peer);
    const uint64_t assumed = before > 0 ? before : rules_.deadlines.default_uplink_bytes_per_second;
    uplinks_.moved(event.peer, event.bytes, event.busy, assumed, now);
}

// Bytes of what this phase needs and is on its way from this peer; none if nothing is.
std::optional<uint64_t> RoundMachine::fetched_from(const PeerId& peer) const {
    if (phase_ == RoundPhase::kChallenging) {
        const auto opening = openings_.find(peer);
        if (opening == openings_.end()) {
            return std::nullopt;
        }
        uint64_t bytes = 0;
        for (const auto& [purpose, blob] : blobs_of(opening->second.notice)) {
            bytes += blob.size_bytes;
        }
        return bytes;
    }
    ASSAY_CHECK(phase_ == RoundPhase::kUploading);
    const auto& commits = state_.current()->commits;
    const auto found = commits.find(peer);
    const bool fetching = found != commits.end() &&
                          fetching_.count(fetch_key(peer, found->second.commit.payload_hash)) > 0;
    return fetching ? std::optional(found->second.commit.payload_bytes) : std::nullopt;
}

void RoundMachine::on(const BlobStored& event, Instant now) {
    const RoundState* round = state_.current();
    if (round == nullptr || store_late(event) || event.round != round->plan.round) {
        return;
    }
    if (event.purpose != BlobPurpose::kPayload) {
        const auto opening = openings_.find(event.peer);
        if (opening != openings_.end() && opening->second.missing.erase(event.sha256) > 0 &&
            opening->second.missing.empty()) {
            store_opening(event.peer, opening->second);
        }
        return;
    }
    fetching_.erase(fetch_key(event.peer, event.sha256));
    const auto found = round->commits.find(event.peer);
    if (found == round->commits.end() || found->second.payload ||
        found->second.commit.payload_hash != event.sha256 || phase_ > RoundPhase::kUploading) {
        return;
    }
    persist({make_draft(RecordKind::kPayload,
                        event.round,
                        event.peer,
                        PayloadBody{event.sha256, found->second.commit.payload_bytes, now})});
    acknowledge(event.round, event.peer, ReceiptKind::kPayload);
}

void RoundMachine::on(const BlobFailed& event, Instant) {
    fetching_.erase(fetch_key(event.peer, event.sha256));
    const auto late = late_.find({event.round, event.peer});
    if (late != late_.end() && event.purpose != BlobPurpose::kPayload && !late->second.at_judge) {
        late->second.progress.reset();
    } else if (event.purpose != BlobPurpose::kPayload) {
        openings_.erase(event.peer);  // its next notice starts again
    }
    note(event.peer.brief() + ": a blob did not come: " + event.reason, event.peer);
}

// True if D1 is over: nobody is left, or time is.
bool RoundMachine::gather(Instant now) {
    const RoundState& round = *state_.current();
    if (passes()) {
        if (candidates().size() < rules_.peers_min) {
            return false;
        }
        close_round(now);
        return true;
    }
    ASSAY_CHECK(deadline_.has_value());
    uint32_t active = 0;
    uint32_t committed = 0;
    uint32_t proven = 0;
    uint32_t proven_here = 0;
    bool awaited = false;
    for (const PlanPeer& peer : round.plan.peers) {
        const bool here = round.commits.count(peer.id) > 0;
        const bool counts = state_.is_proven(peer.id);
        active += is_active(peer.id) ? 1 : 0;
        committed += here ? 1 : 0;
        proven += counts ? 1 : 0;
        proven_here += here && counts ? 1 : 0;
        awaited = awaited || (!here && is_active(peer.id) && connected_.count(peer.id) > 0);
    }
    ASSAY_CHECK_LE(committed, round.commits.size());  // COMMITs come from the roster alone
    // Of those whose work came lately, if there are any: who never commits delays no quorum.
    const bool quorum = proven > 0 ? proven_here >= quorum_of(proven, rules_.quorum_percent)
                                   : committed >= quorum_of(active, rules_.quorum_percent);
    const DurationMs took = now - gathers_since_;
    if (committed > 0 && (quorum || !awaited)) {
        leave_grace(took, now);
    }
    if (committed < active && now < *deadline_) {
        return false;
    }
    ASSAY_CHECK_LE(round.plan.commit_deadline.ms, round.plan.payload_deadline.ms);
    gathered_ = took;
    const DurationMs planned = round.plan.payload_deadline - round.plan.commit_deadline;
    enter_transfers(RoundPhase::kUploading, now, planned, rules_.payload_bytes_max);
    return true;
}

// True if D2 is over.
bool RoundMachine::upload(Instant now) {
    const RoundState& round = *state_.current();
    std::vector<PeerId> missing;
    size_t here = 0;
    for (const auto& [peer, commit] : round.commits) {
        if (commit.payload) {
            ++here;
        } else if (is_active(peer)) {
            missing.push_back(peer);
        }
    }
    if (!passes() && awaits(missing, here, now)) {
        return false;
    }
    close_round(now);
    return true;
}

}  // namespace assay
