#include "benchmarks/bench_world.h"

#include <bit>

#include "core/merkle.h"
#include "core/rng.h"
#include "model/exact_llama.h"
#include "protocol/codec.h"
#include "rounds/round_plan.h"
#include "verify/tripwire.h"

namespace assay {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

WorldSizes world_sizes(bool tiny) {
    WorldSizes sizes;
    sizes.verify.audit_steps = 4;
    sizes.verify.gate_group_sequences = 2;
    sizes.verify.share_sequences = 32;
    if (tiny) {
        sizes.shape.vocab = 300;
        sizes.shape.width = 32;
        sizes.shape.layers = 1;
        sizes.shape.head_width = 8;
        sizes.shape.ffn_width = 64;
        sizes.peers = 2;
        sizes.inner_steps = 4;
        sizes.sequence_tokens = 16;
        sizes.verify.audit_steps = 1;
        sizes.verify.gate_groups = 4;
        sizes.verify.share_sequences = 4;
        sizes.verify.compressor_chunks = 4;
        sizes.verify.chain_chunks = 2;
        sizes.loss_sequences = 8;
    }
    return sizes;
}

Result<std::unique_ptr<BenchWorld>> BenchWorld::make(const WorldSizes& sizes,
                                                     int threads,
                                                     BenchText text) {
    Result<std::unique_ptr<GradientModel>> model = make_exact_llama(sizes.shape, {threads, false});
    if (!model) {
        return model.error();
    }
    std::unique_ptr<BenchWorld> world(new BenchWorld(sizes, std::move(text), std::move(*model)));
    if (Status started = world->start(); !started) {
        return started.error();
    }
    return world;
}

BenchWorld::BenchWorld(const WorldSizes& sizes,
                       BenchText text,
                       std::unique_ptr<GradientModel> model)
    : sizes_(sizes),
      text_(std::move(text)),
      model_(std::move(model)),
      seed_(derive_seed(Digest{}, "bench world")) {}

TrainerSettings BenchWorld::trainer_settings(const PeerId& self) const {
    TrainerSettings settings;
    settings.self = self;
    settings.manifest_digest = derive_seed(seed_, "manifest");
    settings.run_seed = seed_;
    settings.sample_count = text_.training_count();
    settings.compression = compression_;
    settings.outer = outer_;
    settings.verify = sizes_.verify;
    return settings;
}

JudgeSettings BenchWorld::judge_settings() const {
    JudgeSettings settings;
    settings.run_seed = seed_;
    settings.manifest_digest = derive_seed(seed_, "manifest");
    settings.sample_count = text_.training_count();
    settings.held_out_count = text_.held_out_count();
    settings.compression = compression_;
    settings.outer = outer_;
    settings.verify = sizes_.verify;
    settings.grain_sequences = sizes_.grain;
    settings.bias2_bits = bias_table(0.9, 0.95).bias2_bits;
    settings.loss_sequences = sizes_.loss_sequences;
    settings.payload_bytes_max = payload_bytes_max(strategy_of(outer_), layout(), compression_);
    return settings;
}

Status BenchWorld::start() {
    const std::vector<float> theta = initial_parameters(sizes_.shape, derive_seed(seed_, "theta"));
    const auto put = [this](ByteSpan bytes) -> Result<BlobRef> {
        return blobs_.put(bytes, Visibility::kPrivate);
    };
    const auto get = [this](const BlobRef& blob) {
        return blobs_.get(blob.sha256, blob.size_bytes);
    };
    const auto read = [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        return text_.read(samples);
    };
    const auto read_held_out =
        [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        return text_.read_held_out(samples);
    };
    const Digest zero = zero_tiles_root(layout().tile_count());
    for (uint32_t i = 0; i < sizes_.peers; ++i) {
        PlanPeer peer;
        peer.id.key[0] = static_cast<uint8_t>(i + 1);
        peer.sequences_per_step = sizes_.sequences;
        peer.m_root = peer.v_root = peer.e_root = zero;
        roster_.push_back(peer);
        const TrainerPorts ports{
            put, get, [this](const Digest& sha256) { (void)blobs_.remove(sha256); }, read};
        trainers_.push_back(std::make_unique<Trainer>(trainer_settings(peer.id), ports, *model_));
        if (Status adopted = trainers_.back()->adopt_theta(theta); !adopted) {
            return adopted;
        }
    }
    judge_ = std::make_unique<RoundJudge>(
        judge_settings(), JudgePorts{put, get, read, read_held_out, {}}, *model_);
    return judge_->load(theta, initial_outer_state(outer_, layout()));
}

uint64_t BenchWorld::tokens_per_peer() const {
    return uint64_t{sizes_.inner_steps} * sizes_.sequences * sizes_.sequence_tokens;
}

RoundPlan BenchWorld::plan() const {
    RoundPlan plan;
    plan.round = RoundId{round_};
    plan.manifest_digest = derive_seed(seed_, "manifest");
    plan.previous_beacon = beacon_;
    plan.base_root = tiles_root(judge_->theta());
    plan.accumulator_root = tiles_root(judge_->outer().accumulator);
    plan.peers = roster_;
    plan.roster_root = roster_root(roster_);
    plan.pool_root = pool_root({});
    plan.stream_position = position_;
    plan.inner_steps = sizes_.inner_steps;
    plan.grain_sequences = sizes_.grain;
    plan.sequence_tokens = sizes_.sequence_tokens;
    // One round of warm-up, as in the demo.
    for (uint32_t t = 0; t < sizes_.inner_steps; ++t) {
        const double warm = round_ == 0 ? (t + 1.0) / sizes_.inner_steps : 1.0;
        plan.learning_rate_bits.push_back(
            std::bit_cast<uint32_t>(static_cast<float>(sizes_.learning_rate * warm)));
    }
    const BiasTable bias = bias_table(0.9, 0.95);
    plan.bias1_bits = bias.bias1_bits;
    plan.bias2_bits = bias.bias2_bits;
    return plan;
}

Result<TrainedRound> BenchWorld::train(const RoundPlan& plan, size_t peer) {
    return trainers_[peer]->train(plan, [](uint32_t, float) { return true; });
}

std::vector<TokenBatch> BenchWorld::batches(const RoundPlan& plan, size_t peer) const {
    const Assignment dealt = assign(seed_, plan, text_.training_count());
    const PeerAssignment& own = *dealt.find(roster_[peer].id);
    std::vector<TokenBatch> result;
    for (uint32_t step = 0; step < plan.inner_steps; ++step) {
        const std::span<const uint64_t> samples = own.step(step, plan.inner_steps);
        result.push_back(
            {static_cast<uint32_t>(samples.size()), plan.sequence_tokens, text_.read(samples)});
    }
    return result;
}

Result<Submission> BenchWorld::submit(const RoundPlan& plan, size_t peer, RoundTimes& times) {
    const auto start = std::chrono::steady_clock::now();
    Result<TrainedRound> trained = train(plan, peer);
    if (!trained) {
        return trained.error();
    }
    times.train += seconds_since(start);
    times.payloads.push_back(trained->payload);
    Submission submission;
    submission.expected = roster_[peer];
    submission.commit = trained->commit;
    submission.commit_hash = derive_seed(trained->commit.states_root, "commit", {peer});
    submission.payload = trained->payload;
    submission.weight = plan_weight(plan, roster_[peer]);
    const auto opening_start = std::chrono::steady_clock::now();
    Result<OpeningNotice> opening = trainers_[peer]->answer(
        plan, submission.commit, submission.commit_hash, derive_seed(beacon_, "next"));
    if (!opening) {
        return opening.error();
    }
    times.open += seconds_since(opening_start);
    submission.opening = *opening;
    return submission;
}

Result<RoundTimes> BenchWorld::play_round() {
    RoundTimes times;
    JudgeRound order;
    order.plan = plan();
    order.plan_digest = plan_digest(order.plan);
    order.beacon = derive_seed(beacon_, "next");
    order.tripwire = tripwire_.limits(tripwire_floor(sizes_.verify));
    for (size_t i = 0; i < trainers_.size(); ++i) {
        Result<Submission> submission = submit(order.plan, i, times);
        if (!submission) {
            return submission.error();
        }
        order.submissions.push_back(std::move(*submission));
    }
    const auto start = std::chrono::steady_clock::now();
    Result<RoundJudged> judged = judge_->judge(order);
    if (!judged) {
        return judged.error();
    }
    times.judge = seconds_since(start);
    const auto audit_start = std::chrono::steady_clock::now();
    for (const AuditJob& job : judged->audits) {
        times.audits_passed += judge_->audit(job).pass ? 1 : 0;
        judge_->forget_audit(job);
    }
    times.audit = seconds_since(audit_start);
    times.audits = judged->audits.size();
    for (const JudgedPeer& peer : judged->peers) {
        times.accepted += peer.entered ? 1 : 0;
        times.suspicious += peer.verdict.suspicious ? 1 : 0;
        tripwire_.add(peer.verdict.figures);
    }
    times.judged = *judged;
    if (Status finished = finish(order.plan, *judged); !finished) {
        return finished.error();
    }
    return times;
}

Status BenchWorld::finish(const RoundPlan& plan, const RoundJudged& judged) {
    RoundSummary summary;
    summary.round = plan.round;
    summary.voided = judged.voided;
    summary.aggregate = judged.aggregate;
    summary.theta_root = judged.theta_root;
    for (size_t i = 0; i < trainers_.size(); ++i) {
        const Result<Digest> root = trainers_[i]->apply(summary, true);
        if (!root) {
            return root.error();
        }
        if (*root != judged.theta_root) {
            return fail("a replica differs from the judge's parameters");
        }
        roster_[i].m_root = trainers_[i]->roots().m;
        roster_[i].v_root = trainers_[i]->roots().v;
        roster_[i].e_root = trainers_[i]->roots().e;
        roster_[i].optimiser_steps += plan.inner_steps;
        roster_[i].tenure_rounds += 1;
    }
    position_ = assign(seed_, plan, text_.training_count()).stream_position_after;
    beacon_ = derive_seed(beacon_, "next");
    ++round_;
    return {};
}

}  // namespace assay
