// PeerMachine, a round from its plan to its opening.

#include <algorithm>

#include "core/check.h"
#include "peer/peer_machine.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

// ---- plan and training ---------------------------------------------------------------------

void PeerMachine::receive(const RoundPlan& plan, const Envelope&, Instant now) {
    if (!manifest_ || plan.manifest_digest != manifest_hash_) {
        note("ignored a plan of another run");
        return;
    }
    if (const auto debt = debts_.find(plan.round); debt != debts_.end()) {
        debt->second.plan = debt->second.plan ? debt->second.plan : plan;
        answer_if_ready(plan.round, debt->second);
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
    ASSAY_CHECK(!summary_);  // a summary comes into theta before the next round starts from it
    const bool another = own_ && plan.round == own_->plan.round && begins_anew(plan);
    if (own_ && plan.round <= own_->plan.round && !another) {
        return;  // said again, or of a round that is over
    }
    if (own_) {
        note(own_->plan.round, another ? " begins anew" : " went on without its summary");
        drop_own_round();
    }
    if (find_peer(plan, self_) == nullptr || draining_) {
        return;
    }
    own_ = OwnRound{};
    own_->plan = plan;
    own_->plan_digest = plan_digest(plan);
    say_at_ = now + rules_.retry;
    train_or_sync();
}

// A second plan of one round: the coordinator went back to an older copy of its folder. The first
// one counts no more: its work is dropped, and the round begins anew unless its draws are known.
bool PeerMachine::begins_anew(const RoundPlan& plan) {
    ASSAY_CHECK(own_ && own_->plan.round == plan.round);
    if (plan_digest(plan) == own_->plan_digest) {
        return false;
    }
    if (!told_of_older_copy_) {
        told_of_older_copy_ = true;
        note(plan.round,
             ": the coordinator has signed two plans of it, behind ledger heads " +
                 own_->plan.ledger_head.hex() + " and " + plan.ledger_head.hex() +
                 ": its folder is an older copy");
    }
    own_->silent = true;
    return !own_->beacon;
}

void PeerMachine::train_or_sync() {
    ASSAY_CHECK(own_ && !own_->commit);
    keep_undecided();
    if (theta_root_ == own_->plan.base_root) {
        phase_ = PeerPhase::kTraining;
        base_round_ = own_->plan.round;
        out_.push_back(TrainRound{own_->plan});
        return;
    }
    phase_ = PeerPhase::kSyncing;
    out_.push_back(WantBlob{own_->plan.theta});
}

// The new triple stays with the trainer: if that round counted, the next plan asks for it.
void PeerMachine::drop_own_round() {
    ASSAY_CHECK(own_ && !summary_);
    if (phase_ == PeerPhase::kTraining) {
        out_.push_back(AbandonRound{own_->plan.round});
    }
    if (phase_ == PeerPhase::kSyncing) {
        drop_blob(own_->plan.theta);
    }
    // Nobody said what became of it: it may have counted, or be owed.
    if (own_->owed || (own_->commit && !own_->silent)) {
        const bool known = own_->owed;
        mark_owed();
        own_->owed = known;
        keep_owed(*own_);
    }
    own_.reset();
    phase_ = PeerPhase::kIdle;
}

void PeerMachine::drop_blob(const BlobRef& blob) {
    if (blob.size_bytes > 0) {
        out_.push_back(DropBlob{blob.sha256});
    }
}

void PeerMachine::on(const BlobReady& event, Instant) {
    if (phase_ == PeerPhase::kSyncing && own_->plan.theta.sha256 == event.sha256) {
        out_.push_back(AdoptTheta{own_->plan.theta, own_->plan.base_root});
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
    if (theta_root_ == own_->plan.base_root) {
        drop_blob(own_->plan.theta);
        train_or_sync();
        return;
    }
    note("the fetched parameters are not those of the plan");
    drop_own_round();
}

void PeerMachine::on(const StateNotSaved& event, Instant) {
    finish(false, event.reason + "; free some space and start this peer again", true);
}

void PeerMachine::on(const RoundTrained& event, Instant now) {
    // Another plan of the same round may have taken the place of the one that this was trained for.
    if (phase_ != PeerPhase::kTraining || event.round != own_->plan.round ||
        event.commit.plan_digest != own_->plan_digest) {
        return;
    }
    // What is sent, hashed and challenged is this round's COMMIT, to this payload, in these bytes.
    ASSAY_CHECK(!own_->commit);
    ASSAY_CHECK_EQ(event.commit.round, event.round);
    ASSAY_CHECK_EQ(event.commit.payload_hash, event.payload.sha256);
    ASSAY_CHECK_EQ(event.envelope.signer, self_);
    phase_ = PeerPhase::kSubmitted;
    own_->commit = event.commit;
    own_->envelope = event.envelope;
    own_->commit_hash = commit_hash(event.envelope);
    own_->payload = event.payload;
    hello_.tokens_per_second = event.commit.tokens_per_second;
    if (event.round.value > 0) {
        out_.push_back(ForgetRound{RoundId{event.round.value - 1}});
    }
    say_submission();
    open_if_ready();
    say_at_ = now + rules_.retry;
}

void PeerMachine::on(const TrainingProgress& event, Instant now) {
    if (connected_ && phase_ == PeerPhase::kTraining && event.round == own_->plan.round) {
        out_.push_back(Say{Progress{event.round, event.step, event.loss, event.tokens_per_second}});
        say_at_ = now + rules_.retry;
    }
}

void PeerMachine::on(const TrainingFailed& event, Instant) {
    if (phase_ != PeerPhase::kTraining || event.round != own_->plan.round) {
        return;
    }
    note(event.round, " is not trained: " + event.reason);
    own_->silent = true;
    phase_ = PeerPhase::kSubmitted;
}

// ---- close, beacon, opening ----------------------------------------------------------------

void PeerMachine::receive(const CloseNotice& notice, const Envelope& envelope, Instant) {
    if (notice.close.manifest_digest != manifest_hash_) {
        return;
    }
    if (const auto debt = debts_.find(notice.close.round); debt != debts_.end()) {
        debt->second.close = debt->second.close ? debt->second.close : notice;
        answer_if_ready(notice.close.round, debt->second);
        return;
    }
    if (!own_ || notice.close.round != own_->plan.round) {
        return;
    }
    if (own_->close) {
        return;
    }
    if (notice.close.plan_digest != own_->plan_digest) {
        note(notice.close.round, " was closed for another plan than this peer has");
        own_->silent = true;
    }
    own_->close = notice;
    keep_proof(notice.close.round, envelope);
    if (own_->commit && !included()) {
        note(notice.close.round, ": this peer's COMMIT is not among those closed");
    }
    open_if_ready();
}

// The COMMIT that the coordinator holds of this peer is under the signed CLOSE.
bool PeerMachine::included() const {
    ASSAY_CHECK(own_->close && own_->commit);
    return includes(*own_->close, own_->commit_hash, own_->commit->payload_hash);
}

bool PeerMachine::includes(const CloseNotice& notice,
                           const Digest& commit_hash,
                           const Digest& payload_hash) const {
    const Digest leaf = close_leaf(CloseEntry{self_, commit_hash, payload_hash});
    return notice.inclusion && notice.inclusion->count == notice.close.entry_count &&
           merkle_contains(notice.close.entries_root, leaf, *notice.inclusion);
}

bool PeerMachine::continues_chain(const Beacon& beacon) const {
    const uint64_t index = beacon.round.value + 1;
    if (index <= last_element_index_) {
        return index < last_element_index_ || beacon.chain_element == last_element_;
    }
    ASSAY_CHECK(manifest_.has_value());
    if (index > manifest_->beacon_length) {
        return false;
    }
    Digest element = beacon.chain_element;
    for (uint64_t i = index; i > last_element_index_; --i) {
        element = BeaconChain::before(element);
    }
    return element == last_element_;
}

// Whether it is one of the run's; the newest one is remembered.
bool PeerMachine::take_element(const Beacon& beacon) {
    if (!manifest_ || beacon.value != beacon_value(beacon.chain_element, beacon.close_root) ||
        !continues_chain(beacon)) {
        return false;
    }
    if (beacon.round.value + 1 > last_element_index_) {
        last_element_ = beacon.chain_element;
        last_element_index_ = beacon.round.value + 1;
        newest_ = beacon;
    }
    return true;
}

void PeerMachine::receive(const Beacon& beacon, const Envelope& envelope, Instant) {
    const uint64_t before = last_element_index_;
    if (!take_element(beacon)) {
        note("ignored a beacon that does not continue the run's chain");
        return;
    }
    if (last_element_index_ > before) {
        out_.push_back(KeepHead{envelope});
    }
    if (const auto debt = debts_.find(beacon.round); debt != debts_.end()) {
        debt->second.beacon = beacon;
        answer_if_ready(beacon.round, debt->second);
    } else if (own_ && own_->plan.round == beacon.round && !own_->beacon) {
        own_->beacon = beacon;
        open_if_ready();
    }
}

void PeerMachine::open_if_ready() {
    ASSAY_CHECK(own_.has_value());
    if (!own_->commit || own_->silent || !own_->close || !own_->beacon || own_->opening_asked ||
        !included()) {
        return;
    }
    if (own_->beacon->close_root != own_->close->close.entries_root) {
        note(own_->plan.round, ": the beacon is not bound to the CLOSE");
        own_->silent = true;
        return;
    }
    own_->opening_asked = true;
    out_.push_back(BuildOpening{own_->plan, *own_->commit, own_->commit_hash, own_->beacon->value});
}

// ---- what can be proven --------------------------------------------------------------------

// Of a round that this peer has work in: nobody fills its disk with receipts of others.
void PeerMachine::receive(const Receipt& receipt, const Envelope& envelope, Instant) {
    const bool ours = own_ && own_->plan.round == receipt.round;
    if (receipt.manifest_digest == manifest_hash_ && receipt.peer == self_ &&
        (ours || debts_.contains(receipt.round))) {
        keep_proof(receipt.round, envelope);
    }
}

void PeerMachine::keep_proof(RoundId round, const Envelope& envelope) {
    ASSAY_CHECK(envelope.signer == coordinator_);
    out_.push_back(KeepProof{round, envelope});
}

void PeerMachine::on(const OpeningBuilt& event, Instant now) {
    if (const auto debt = debts_.find(event.notice.round); debt != debts_.end()) {
        debt->second.opening = event.notice;
        say_debts(now);
        return;
    }
    if (!own_ || event.notice.round != own_->plan.round || !own_->commit) {
        return;
    }
    ASSAY_CHECK(own_->opening_asked && !own_->opening);  // one opening a COMMIT
    own_->opening = event.notice;
    if (phase_ == PeerPhase::kSubmitted) {
        phase_ = PeerPhase::kOpened;
        out_.push_back(Say{event.notice});
        say_at_ = now + rules_.retry;
    }
}

void PeerMachine::on(const OpeningFailed& event, Instant) {
    const auto debt = debts_.find(event.round);
    if (debt != debts_.end()) {
        debt->second.failed = true;
    }
    note(event.round,
         " is not opened: " + event.reason +
             (debt != debts_.end()
                  ? "; if it never is, this peer loses its deposit and all that is unvested"
                  : ""));
}

}  // namespace assay
