// A small run for the tests of verification: a toy language model, its text, peers that train and
// lie.
//
// Rounds go through the same calls as a real peer and coordinator make: inner loop, gradient chain,
// compressor, COMMIT, challenge, opening, checks. Everything follows from a seed.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "data/assignment.h"
#include "model/gradient_model.h"
#include "protocol/codec.h"
#include "verify/chunk_audit.h"
#include "verify/gradient_audit.h"
#include "verify/gradient_chain.h"
#include "verify/inspect.h"
#include "verify/judge.h"
#include "verify/overlap.h"
#include "verify/peer_payload.h"

namespace assay {

// Next-token logits = row of the last token + row of the token before it + bias: closed form.
class TrigramModel : public GradientModel {
public:
    static constexpr uint32_t kVocab = 128;
    TrigramModel();
    [[nodiscard]] const ParameterLayout& layout() const override { return layout_; }
    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t grain_sequences,
                          std::span<float> gradient) override;
    std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) override;

private:
    [[nodiscard]] double sequence_loss(std::span<const float> theta,
                                       std::span<const int32_t> row,
                                       double scale,
                                       std::span<float> gradient) const;
    ParameterLayout layout_;
};

// Tokens of a sample: a noisy walk that the model can learn. Held-out samples are others.
TokenBatch toy_batch(std::span<const uint64_t> samples,
                     uint32_t sequence_tokens,
                     bool held_out = false);

// Where a peer departs from honest work. What is empty is honest.
struct Lie {
    std::function<void(std::vector<float>& theta)> base;
    std::function<void(Digest& base_root)> base_root;
    std::function<std::vector<uint64_t>(uint32_t step, std::vector<uint64_t>)> samples;
    std::function<bool(uint32_t step)> claim_own_batch;  // false: the trace names what was used
    std::function<void(uint32_t step, std::span<float> g)> gradient;  // before clipping
    std::function<void(RoundPlan& plan)> plan;                        // that the optimiser follows
    std::function<void(AdamSettings& adam)> adam;
    std::function<void(std::vector<float>& m, std::vector<float>& v)> moments;
    std::function<void(std::vector<float>& e)> feedback;
    std::function<void(std::vector<float>& e_after)> feedback_after;
    std::function<void(std::vector<float>& theta_end)> theta_end;
    std::function<void(SparseUpdate& update)> update;
};

struct ToyPeer {
    Identity identity;
    PeerId id;
    std::vector<float> m, v, e;
    uint64_t optimiser_steps = 0;
    uint32_t tenure = 0;
};

// What a peer has after training: to commit, submit and open.
struct PeerRound {
    std::vector<float> m, v, e;
    Commit commit;
    Digest commit_hash;
    Bytes payload;
    std::unique_ptr<GradientChain> chain;
};

struct VerifyWorld {
    explicit VerifyWorld(NumericClass numeric_class = NumericClass::kExact, size_t peers = 2);

    // Plan of the next round from the present state.
    [[nodiscard]] RoundPlan plan() const;
    [[nodiscard]] Assignment assignment(const RoundPlan& plan) const;
    PeerRound train(const RoundPlan& plan, size_t peer, const Lie& lie = {});
    [[nodiscard]] Challenge challenge(const RoundPlan& plan,
                                      size_t peer,
                                      const PeerRound& done) const;
    // All checks of one peer, L2 and L3 apart; audits every drawn step.
    Evidence check(const RoundPlan& plan, size_t peer, PeerRound& done);
    std::vector<AuditReport> audit(const RoundPlan& plan,
                                   size_t peer,
                                   PeerRound& done,
                                   const Opening& opening,
                                   const std::vector<uint32_t>& steps);
    [[nodiscard]] PeerPayload decoded(const PeerRound& done) const;
    // Takes the peers' new triples and moves theta by the mean of the payloads.
    void finish(const RoundPlan& plan, std::vector<PeerRound>& rounds);

    TrigramModel model;
    NumericClass numeric_class;
    AdamSettings adam;
    PayloadFormat format;
    VerifySettings settings;
    BiasTable bias;
    Digest run_seed;
    Digest beacon;
    uint64_t round = 0;
    uint64_t position = 0;
    std::vector<float> theta;
    std::vector<ToyPeer> peers;
    uint32_t inner_steps = 6;
    uint32_t sequences = 4;
    uint32_t sequence_tokens = 16;
    uint64_t sample_count = 100000;
};

}  // namespace assay
