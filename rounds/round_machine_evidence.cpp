// RoundMachine, what a peer is given to prove by: receipts of what was recorded of it, and the
// index of what a closed round was judged by.

#include "core/check.h"
#include "protocol/limits.h"
#include "rounds/retention.h"
#include "rounds/round_machine.h"

namespace assay {

namespace {

constexpr DurationMs kIndexEvery{1000};  // a small request, and up to 3 MiB to answer it with

Digest acknowledged_hash(const CommitState& commit, ReceiptKind kind) {
    switch (kind) {
        case ReceiptKind::kCommit:
            return commit.hash;
        case ReceiptKind::kPayload:
            return commit.commit.payload_hash;
        case ReceiptKind::kOpening:
            return commit.opening ? commit.opening->opening.sha256 : Digest{};
    }
    return {};
}

}  // namespace

// What was recorded, again and again if it is said again. The record is durable before this is
// sent, and nothing is said of what is not recorded.
void RoundMachine::acknowledge(RoundId round, const PeerId& peer, ReceiptKind kind) {
    const RoundState* of_receipt = state_.find(round);
    const auto found = of_receipt == nullptr ? std::map<PeerId, CommitState>::const_iterator()
                                             : of_receipt->commits.find(peer);
    if (of_receipt == nullptr || found == of_receipt->commits.end()) {
        return;
    }
    const CommitState& commit = found->second;
    const RecordPlace& place = commit.recorded.at(static_cast<size_t>(kind) - 1);
    const Digest hash = acknowledged_hash(commit, kind);
    if (place.height == 0 || hash.is_zero()) {
        return;
    }
    ASSAY_CHECK_LT(place.height, state_.height());
    out_.push_back(
        Send{peer, Receipt{manifest_hash_, round, peer, kind, hash, place.height, place.hash}});
}

// To members alone; in the verdict window of that round.
void RoundMachine::on(const EvidenceAsked& event, Instant now) {
    const auto told = evidence_told_.find(event.peer);
    if (!is_active(event.peer) || !is_connected(event.peer) ||
        (told != evidence_told_.end() && now < told->second + kIndexEvery)) {
        return;
    }
    evidence_told_[event.peer] = now;
    ASSAY_CHECK_LE(evidence_told_.size(), connected_.size());
    EvidenceIndex index;
    index.manifest_digest = manifest_hash_;
    index.round = event.round;
    index.height = state_.height() - 1;
    index.ledger_head = state_.head();
    const RoundState* round = state_.find(event.round);
    if (round != nullptr && round->summary &&
        state_.round().value - event.round.value <= evidence_rounds(rules_.pay)) {
        index.entries = evidence_of(*round);
    }
    if (index.entries.size() > limits::kEvidenceMax) {
        index.left_out = index.entries.size() - limits::kEvidenceMax;
        index.entries.resize(limits::kEvidenceMax);
    }
    out_.push_back(Send{event.peer, std::move(index)});
}

}  // namespace assay
