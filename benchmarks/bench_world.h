// A run of a small Llama in one process, for timing: real trainers and the real judge, rounds by
// hand, blobs in memory, no sockets and no ledger. All peers are honest.
//
// One thread owns it; peers take turns on one model.

#pragma once

#include <memory>
#include <vector>

#include "benchmarks/bench_text.h"
#include "ledger/tripwire_history.h"
#include "model/shape.h"
#include "peer/trainer.h"
#include "store/memory_blob_store.h"
#include "verify/round_judge.h"

namespace assay {

struct WorldSizes {
    ModelShape shape;
    uint32_t peers = 4;
    uint32_t inner_steps = 12;
    uint32_t sequences = 4;
    uint32_t sequence_tokens = 128;
    uint32_t grain = 4;
    double learning_rate = 3e-3;
    VerifySettings verify;  // as in configs/demo.toml where sizes are not tiny
    uint32_t loss_sequences = 64;
};

// d 128, 4 layers, vocabulary of 1024, rounds and checks of the demo; or something far smaller.
WorldSizes world_sizes(bool tiny);

struct RoundTimes {
    double train = 0;  // seconds, all peers together
    double open = 0;   // the same
    double judge = 0;  // gates, aggregate, shares, reported loss
    double audit = 0;  // all audited steps
    uint64_t audits = 0;
    uint64_t audits_passed = 0;
    uint64_t accepted = 0;
    uint64_t suspicious = 0;
    RoundJudged judged;
    std::vector<BlobRef> payloads;
};

class BenchWorld {
public:
    // Fails where the model's shape is none that class exact can train.
    static Result<std::unique_ptr<BenchWorld>> make(const WorldSizes& sizes,
                                                    int threads,
                                                    BenchText text);

    [[nodiscard]] const ParameterLayout& layout() const { return model_->layout(); }
    [[nodiscard]] const std::vector<float>& theta() const { return judge_->theta(); }
    [[nodiscard]] const CompressionSettings& compression() const { return compression_; }
    [[nodiscard]] const MemoryBlobStore& blobs() const { return blobs_; }
    // H steps of B sequences of T tokens: what one peer trains in a round.
    [[nodiscard]] uint64_t tokens_per_peer() const;

    // Of the round that comes; play_round moves on to the next one.
    [[nodiscard]] RoundPlan plan() const;
    // Trains one peer for the plan; may be repeated.
    Result<TrainedRound> train(const RoundPlan& plan, size_t peer);
    // Batches of one peer in the plan.
    [[nodiscard]] std::vector<TokenBatch> batches(const RoundPlan& plan, size_t peer) const;
    // A whole round: train, open, judge, audit, apply.
    Result<RoundTimes> play_round();

private:
    BenchWorld(const WorldSizes& sizes, BenchText text, std::unique_ptr<GradientModel> model);
    [[nodiscard]] TrainerSettings trainer_settings(const PeerId& self) const;
    [[nodiscard]] JudgeSettings judge_settings() const;
    Status start();
    Result<Submission> submit(const RoundPlan& plan, size_t peer, RoundTimes& times);
    Status finish(const RoundPlan& plan, const RoundJudged& judged);

    WorldSizes sizes_;
    BenchText text_;
    std::unique_ptr<GradientModel> model_;
    CompressionSettings compression_;
    OuterSettings outer_;
    Digest seed_;
    Digest beacon_;
    MemoryBlobStore blobs_;
    std::vector<PlanPeer> roster_;
    std::vector<std::unique_ptr<Trainer>> trainers_;
    std::unique_ptr<RoundJudge> judge_;
    TripwireHistory tripwire_;
    uint64_t round_ = 0;
    uint64_t position_ = 0;
};

}  // namespace assay
