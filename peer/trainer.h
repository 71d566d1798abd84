// The work of a peer: trains, records its gradient chain, compresses, commits, opens, applies.
//
// All tensors of a peer live here. No socket, no clock, no message loop: PeerMachine decides when.
// The virtual points in `protected` are where adversaries/ differ; nobody else overrides them.
// One thread owns it: the peer's compute thread.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compression/payload.h"
#include "data/assignment.h"
#include "kernels/adamw.h"
#include "model/gradient_model.h"
#include "model/outer_step.h"
#include "peer/peer_actions.h"
#include "protocol/messages.h"
#include "verify/gradient_store.h"
#include "verify/settings.h"

namespace assay {

// Where a trainer's large bytes lie. The payload, openings and states it puts are served to the
// coordinator alone by whoever owns the store.
struct TrainerPorts {
    std::function<Result<BlobRef>(ByteSpan bytes)> put;
    std::function<Result<Bytes>(const BlobRef& blob)> get;
    std::function<void(const Digest& sha256)> drop;
    // Tokens of samples, in order: (count, T + 1).
    std::function<Result<std::vector<int32_t>>(std::span<const uint64_t> samples)> read_samples;
};

struct TrainerSettings {
    PeerId self;
    NumericClass numeric_class = NumericClass::kFp32;
    Digest manifest_digest;
    Digest run_seed;
    uint64_t sample_count = 0;  // training samples of the data set
    StorePlace chain_place;     // where the gradients of a round are kept
    AdamSettings adam;
    CompressionSettings compression;
    OuterSettings outer;
    VerifySettings verify;
};

// Parameters and the peer's own triple, as they go on to the next round.
struct TrainerState {
    std::vector<float> theta;
    std::vector<float> m;
    std::vector<float> v;
    std::vector<float> e;
};

// What the triple becomes if a round counts.
struct NextTriple {
    RoundId round;
    std::vector<float> m;
    std::vector<float> v;
    std::vector<float> e;
};
struct NextTripleView {
    RoundId round;
    std::span<const float> m;
    std::span<const float> v;
    std::span<const float> e;
};

struct TrainedRound {
    Commit commit;
    BlobRef payload;
    float loss = 0;  // mean loss of the last step
};

class Trainer {
public:
    // Called before each step with (step, loss of the step before); false abandons the round.
    using StepHook = std::function<bool(uint32_t step, float loss)>;

    // REQUIRES: model outlives the trainer.
    Trainer(TrainerSettings settings, TrainerPorts ports, GradientModel& model);
    virtual ~Trainer();
    Trainer(const Trainer&) = delete;
    Trainer& operator=(const Trainer&) = delete;

    // theta from a verified source; moments and e start at zero unless restored.
    [[nodiscard]] Status adopt_theta(std::span<const float> theta);
    [[nodiscard]] Status adopt_theta_blob(const BlobRef& blob, const Digest& root);
    // A stopped peer's state; fails if sizes differ from the layout.
    [[nodiscard]] Status restore(TrainerState current);
    // And what it was about to become: the round may have counted in the meantime.
    [[nodiscard]] Status restore_next(NextTriple next);
    [[nodiscard]] const TrainerState& state() const { return current_; }
    // Of a trained round that is not decided. Both must be durable before its COMMIT is sent: the
    // next plan may ask for either, whatever becomes of this process.
    [[nodiscard]] std::optional<NextTripleView> next(RoundId round) const;
    [[nodiscard]] const TripleRoots& roots() const { return roots_; }
    [[nodiscard]] Digest theta_root() const { return theta_root_; }

    // H steps, chain, compression, COMMIT (tokens_per_second left to whoever holds a clock). Fails
    // if the plan has no place for this peer, if theta or the triple is not what the plan asks for,
    // or if the hook said no; the state is then as before.
    virtual Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook);
    // Answers the challenge that follows from the beacon and the own COMMIT.
    virtual Result<OpeningNotice> answer(const RoundPlan& plan,
                                         const Commit& commit,
                                         const Digest& commit_hash,
                                         const Digest& beacon);
    // The same where the chain of the round is gone (a crash, a reboot): the round is trained again
    // from what it started from. Fails if that, or this machine's arithmetic, gives another payload
    // than the one committed. The state is then as before, in every case.
    Result<OpeningNotice> answer_again(const RoundPlan& plan,
                                       const Commit& commit,
                                       const Digest& commit_hash,
                                       const Digest& beacon,
                                       TrainerState start,
                                       const StepHook& hook);
    // Whether the chain of that round is here.
    [[nodiscard]] bool holds_chain(RoundId round) const;
    // Its challenge is open: forget() leaves what is kept of it, until it is released.
    void owe(RoundId round) { owed_.insert(round); }
    void release(RoundId round) { owed_.erase(round); }
    // Applies Q(u), then keeps the new triple or goes back to the old one. Returns theta's root. On
    // failure (the aggregate is not canonical) theta is as before, the triple is decided.
    Result<Digest> apply(const RoundSummary& summary, bool counted);
    // Drops chains and blobs of that round and those before it, about which nobody will ask any
    // more, but for the newest triple where it is of an earlier round.
    void forget(RoundId round);

protected:
    // Where the round starts from; another answer than theta is another base_root in the COMMIT.
    virtual Result<std::vector<float>> base_parameters(const RoundPlan& plan);
    // The samples of one step as trained on.
    virtual std::vector<uint64_t> choose_samples(const RoundPlan& plan,
                                                 uint32_t step,
                                                 std::span<const uint64_t> assigned);
    // The unclipped gradient of the mean loss over the batch.
    virtual StepGradient step_gradient(const RoundPlan& plan,
                                       uint32_t step,
                                       std::span<const float> theta,
                                       const TokenBatch& batch,
                                       std::span<float> gradient);
    // Between compression and COMMIT. What stays must be canonical.
    virtual void edit_payload(const RoundPlan& plan, PeerPayload& payload);
    // After applying an aggregate, with theta as it was before.
    virtual void theta_moves(std::span<const float> before);

    // Trains with the place that `as` has in the plan. The triple may be anything whose roots are
    // known here when `as` is somebody else.
    Result<TrainedRound> train_as(const RoundPlan& plan, const PlanPeer& as, const StepHook& hook);

    TrainerSettings settings_;
    TrainerPorts ports_;
    GradientModel& model_;

private:
    struct UndecidedRound;  // what a round leaves until it is decided
    class SteppedModel;

    [[nodiscard]] Status choose_triple(const PlanPeer& as);
    Result<BlobRef> keep(UndecidedRound& undecided, ByteSpan bytes);
    Result<std::unique_ptr<UndecidedRound>> run_steps(const RoundPlan& plan,
                                                      const PlanPeer& as,
                                                      const PeerAssignment& assignment,
                                                      std::vector<float> base,
                                                      const StepHook& hook);
    Status compress_round(const RoundPlan& plan,
                          UndecidedRound& undecided,
                          std::span<const float> base);
    Result<StepStates> open_step(UndecidedRound& undecided, uint32_t step);

    TrainerState current_;
    TripleRoots roots_;
    Digest theta_root_;
    std::map<RoundId, std::unique_ptr<UndecidedRound>> rounds_;
    std::set<RoundId> owed_;
};

}  // namespace assay
