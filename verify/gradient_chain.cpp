#include "verify/gradient_chain.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/feedback.h"
#include "model/tile_digests.h"
#include "protocol/codec.h"

namespace assay {

namespace {

std::span<const float> tile_of(std::span<const float> values, uint64_t chunk) {
    return values.subspan(chunk * kTileValues, kTileValues);
}

OpenedStrip opened_strip(uint64_t chunk, uint32_t strip, std::span<const float> tile) {
    const std::span<const float> values = tile.subspan(strip * kStripValues, kStripValues);
    return {{values.begin(), values.end()}, strip_path(chunk, tile, strip)};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size)
Result<std::unique_ptr<GradientChain>> GradientChain::begin(const PeerId& peer,
                                                            const ParameterLayout& layout,
                                                            NumericClass numeric_class,
                                                            const AdamSettings& adam,
                                                            InnerPlan plan,
                                                            InnerState start,
                                                            const StorePlace& place,
                                                            ThreadPool* pool) {
    Result<std::unique_ptr<GradientStore>> store =
        GradientStore::open(layout.value_count(), plan.steps, place);
    if (!store) {
        return store.error();
    }
    std::unique_ptr<GradientChain> chain(
        new GradientChain(peer, layout, numeric_class, adam, std::move(start), std::move(*store)));
    chain->plan_ = std::move(plan);
    chain->pool_ = pool;
    return chain;
}

ThreadPool& GradientChain::pool() const {
    static thread_local ThreadPool alone(1);
    return pool_ != nullptr ? *pool_ : alone;
}

GradientChain::Tiles GradientChain::tile_digests(std::span<const float> values) const {
    return assay::tile_digests(pool(), values);
}

GradientChain::GradientChain(const PeerId& peer,
                             const ParameterLayout& layout,
                             NumericClass numeric_class,
                             const AdamSettings& adam,
                             InnerState start,
                             std::unique_ptr<GradientStore> store)
    : peer_(peer),
      layout_(layout),
      numeric_class_(numeric_class),
      adam_(adam),
      start_(std::move(start)),
      store_(std::move(store)) {
    ASSAY_CHECK_EQ(start_.theta.size(), layout_.value_count());
    ASSAY_CHECK_EQ(start_.m.size(), layout_.value_count());
    ASSAY_CHECK_EQ(start_.v.size(), layout_.value_count());
}

Hashed GradientChain::hashed() const {
    return numeric_class_ == NumericClass::kExact ? Hashed::kThetaAndG : Hashed::kThetaGAndV;
}

Status GradientChain::record(const InnerStep& step, const Digest& batch_id) {
    ASSAY_CHECK_EQ(size_t{step.step}, states_.size());
    ASSAY_CHECK_LT(step.step, plan_.steps);
    ASSAY_CHECK_EQ(step.tiles.theta.size(), layout_.tile_count());
    if (Status stored = store_->put(step.step, step.g); !stored) {
        return stored;
    }
    const StepTiles& tiles = step.tiles;
    StateLeaf leaf{merkle_root(tiles.theta), merkle_root(tiles.g), {}};
    if (numeric_class_ != NumericClass::kExact) {
        leaf.v_root = merkle_root(tiles.v);
    }
    tiles_.push_back(tiles);
    states_.push_back(leaf);
    trace_.push_back({step.mean_loss,
                      step.gradient_norm,
                      batch_id,
                      {step.sequence_losses.begin(), step.sequence_losses.end()}});
    return {};
}

void GradientChain::finish(const InnerState& end) {
    ASSAY_CHECK_EQ(states_.size(), size_t{plan_.steps});
    ASSAY_CHECK_EQ(end.theta.size(), layout_.value_count());
    ASSAY_CHECK_EQ(end.m.size(), layout_.value_count());
    ASSAY_CHECK_EQ(end.v.size(), layout_.value_count());
    theta_end_ = end.theta;
    theta_end_tiles_ = tile_digests(theta_end_);
    m_before_ = tile_digests(start_.m);
    v_before_ = tile_digests(start_.v);
    m_after_ = tile_digests(end.m);
    v_after_ = tile_digests(end.v);
    end_.theta_root = merkle_root(theta_end_tiles_);
    end_.m_before_root = merkle_root(m_before_);
    end_.v_before_root = merkle_root(v_before_);
    end_.m_after_root = merkle_root(m_after_);
    end_.v_after_root = merkle_root(v_after_);
}

void GradientChain::record_feedback(std::vector<float> e_before,
                                    std::span<const float> e_after,
                                    const PayloadFormat& format) {
    ASSAY_CHECK_EQ(e_before.size(), layout_.value_count());
    ASSAY_CHECK_EQ(e_after.size(), layout_.value_count());
    ASSAY_CHECK_EQ(theta_end_.size(), layout_.value_count());
    e_before_ = std::move(e_before);
    e_before_tiles_ = tile_digests(e_before_);
    e_after_ = tile_digests(e_after);
    sum_ = e_before_;
    if (!is_dense(format.strategy)) {
        feedback_step(
            start_.theta, theta_end_, e_before_, static_cast<float>(format.compression.beta), sum_);
    }
    sum_tiles_ = tile_digests(sum_);
    end_.sum_root = merkle_root(sum_tiles_);
}

Digest GradientChain::states_root() const {
    std::vector<Digest> leaves;
    for (size_t t = 0; t < states_.size(); ++t) {
        leaves.push_back(state_leaf_digest(peer_, t, states_[t]));
    }
    leaves.push_back(end_leaf_digest(peer_, end_));
    return merkle_root(leaves);
}

Digest GradientChain::trace_root() const {
    std::vector<Digest> leaves;
    for (size_t t = 0; t < trace_.size(); ++t) {
        leaves.push_back(trace_leaf_digest(peer_, t, trace_[t]));
    }
    return merkle_root(leaves);
}

void GradientChain::fill(Commit& commit) const {
    ASSAY_CHECK(!theta_end_tiles_.empty() && !e_after_.empty());
    commit.numeric_class = numeric_class_;
    commit.states_root = states_root();
    commit.trace_root = trace_root();
    commit.e_before_root = merkle_root(e_before_tiles_);
    commit.e_after_root = merkle_root(e_after_);
}

ChunkOpening GradientChain::open_chunk(uint64_t chunk, uint32_t strip) const {
    ASSAY_CHECK_LT(chunk, layout_.tile_count());
    ChunkOpening opened;
    opened.chunk = chunk;
    opened.strip = strip;
    const std::span<const float> sum = tile_of(sum_, chunk);
    opened.sum.assign(sum.begin(), sum.end());
    opened.e_before = opened_strip(chunk, strip, tile_of(e_before_, chunk));
    opened.theta_end = opened_strip(chunk, strip, tile_of(theta_end_, chunk));
    return opened;
}

AdamScalars GradientChain::scalars(uint32_t step, uint64_t chunk) const {
    return adam_scalars(adam_,
                        plan_.learning_rate_bits[step],
                        plan_.bias1_bits,
                        plan_.bias2_bits,
                        plan_.optimiser_steps_before + step + 1,
                        layout_.tensor_of_tile(chunk).decayed());
}

// The chunk's steps once more: of theta, m and v in between the roots alone are kept.
Status GradientChain::open_chain(ChunkOpening& opened) const {
    const uint64_t chunk = opened.chunk;
    const uint32_t strip = opened.strip;
    const auto whole = [&](const std::vector<float>& values) {
        const std::span<const float> tile = tile_of(values, chunk);
        return std::vector<float>(tile.begin(), tile.end());
    };
    std::vector<float> theta = whole(start_.theta);
    std::vector<float> m = whole(start_.m);
    std::vector<float> v = whole(start_.v);
    std::vector<float> g(kTileValues);
    ChainOpening& chain = opened.chain.emplace();
    opened.theta_end.values.clear();  // it follows
    chain.m_before = opened_strip(chunk, strip, m);
    chain.v_before = opened_strip(chunk, strip, v);
    for (uint32_t t = 0; t < plan_.steps; ++t) {
        if (Status got = store_->get(t, chunk * kTileValues, g); !got) {
            return got;
        }
        chain.g.push_back(opened_strip(chunk, strip, g));
        if (t > 0) {
            chain.theta.push_back(strip_path(chunk, theta, strip));
        }
        if (t > 0 && numeric_class_ != NumericClass::kExact) {
            chain.v.push_back(strip_path(chunk, v, strip));
        }
        adamw_step(theta, m, v, g, scalars(t, chunk));
    }
    chain.m_after = strip_path(chunk, m, strip);
    chain.v_after = strip_path(chunk, v, strip);
    return {};
}

// One proof a tree. One step's trees at a time.
void GradientChain::prove(Opening& opening, const Challenge& challenge) const {
    const auto proof = [](const Tiles& tiles, const std::vector<uint64_t>& chunks) {
        return multi_proof(MerkleTree(tiles), chunks);
    };
    const std::vector<uint64_t>& all = challenge.compressor_chunks;
    const std::vector<uint64_t>& chain = challenge.chain_chunks;
    OpeningProofs& proofs = opening.proofs;
    proofs.sum = proof(sum_tiles_, all);
    proofs.e_before = proof(e_before_tiles_, all);
    proofs.e_after = proof(e_after_, all);
    proofs.theta_end = proof(theta_end_tiles_, all);
    proofs.m_before = proof(m_before_, chain);
    proofs.v_before = proof(v_before_, chain);
    proofs.m_after = proof(m_after_, chain);
    proofs.v_after = proof(v_after_, chain);
    for (uint32_t t = 0; t < plan_.steps; ++t) {
        proofs.g.push_back(proof(tiles_[t].g, chain));
        if (t > 0) {
            proofs.theta.push_back(proof(tiles_[t].theta, chain));
        }
        if (t > 0 && numeric_class_ != NumericClass::kExact) {
            proofs.v.push_back(proof(tiles_[t].v, chain));
        }
    }
}

Result<Opening> GradientChain::build_opening(const Challenge& challenge) const {
    ASSAY_CHECK(!theta_end_tiles_.empty() && !e_after_.empty());
    ASSAY_CHECK_EQ(challenge.strips.size(), challenge.compressor_chunks.size());
    Opening opening;
    opening.states = states_;
    opening.end = end_;
    opening.trace = trace_;
    const std::vector<uint64_t>& chain = challenge.chain_chunks;
    for (size_t i = 0; i < challenge.compressor_chunks.size(); ++i) {
        ChunkOpening opened = open_chunk(challenge.compressor_chunks[i], challenge.strips[i]);
        if (std::binary_search(chain.begin(), chain.end(), opened.chunk)) {
            if (Status status = open_chain(opened); !status) {
                return status.error();
            }
        }
        opening.chunks.push_back(std::move(opened));
    }
    prove(opening, challenge);
    return opening;
}

Result<Bytes> GradientChain::opening_bytes(const RoundPlan& plan,
                                           const PlanPeer& peer,
                                           const Challenge& challenge) const {
    Result<Opening> opening = build_opening(challenge);
    if (!opening) {
        return opening.error();
    }
    return encode_opening(*opening, opening_shape(plan, peer, layout_.tile_count(), challenge));
}

Result<StepState> GradientChain::step_state(uint32_t step) {
    if (step >= states_.size()) {
        return fail("step " + std::to_string(step) + " was not recorded");
    }
    if (!cursor_ || cursor_->step > step) {
        cursor_ = Cursor{0, start_};
    }
    std::vector<float> g(layout_.value_count());
    for (; cursor_->step < step; ++cursor_->step) {
        if (Status got = store_->get(cursor_->step, 0, g); !got) {
            return got.error();
        }
        // As it was recorded: whether it is finite was said then.
        (void)adamw_all(pool(), layout_, spans_of(cursor_->state), g, adam_, plan_, cursor_->step);
    }
    ASSAY_CHECK_EQ(cursor_->step, step);
    if (Status got = store_->get(step, 0, g); !got) {
        return got.error();
    }
    StepState state{cursor_->state.theta, std::move(g), {}};
    if (numeric_class_ != NumericClass::kExact) {
        state.v = cursor_->state.v;
    }
    return state;
}

}  // namespace assay
