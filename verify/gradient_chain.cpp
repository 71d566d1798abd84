#include "verify/gradient_chain.h"

#include <algorithm>

#include "core/check.h"
#include "model/tile_digests.h"
#include "protocol/codec.h"

namespace assay {

namespace {

std::vector<float> tile_of(std::span<const float> values, uint64_t chunk) {
    const std::span<const float> tile = values.subspan(chunk * kTileValues, kTileValues);
    return {tile.begin(), tile.end()};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size)
Result<std::unique_ptr<GradientChain>> GradientChain::begin(const ParameterLayout& layout,
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
    std::unique_ptr<GradientChain> chain(new GradientChain(
        layout, numeric_class, adam, std::move(plan), std::move(start), std::move(*store)));
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

GradientChain::GradientChain(const ParameterLayout& layout,
                             NumericClass numeric_class,
                             const AdamSettings& adam,
                             InnerPlan plan,
                             InnerState start,
                             std::unique_ptr<GradientStore> store)
    : layout_(layout),
      numeric_class_(numeric_class),
      adam_(adam),
      plan_(std::move(plan)),
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

void GradientChain::record_feedback(std::vector<float> e_before, std::span<const float> e_after) {
    ASSAY_CHECK_EQ(e_before.size(), layout_.value_count());
    ASSAY_CHECK_EQ(e_after.size(), layout_.value_count());
    e_before_ = std::move(e_before);
    e_before_tiles_ = tile_digests(e_before_);
    e_after_ = tile_digests(e_after);
}

Digest GradientChain::states_root() const {
    std::vector<Digest> leaves;
    for (size_t t = 0; t < states_.size(); ++t) {
        leaves.push_back(state_leaf_digest(t, states_[t]));
    }
    leaves.push_back(end_leaf_digest(end_));
    return merkle_root(leaves);
}

Digest GradientChain::trace_root() const {
    std::vector<Digest> leaves;
    for (size_t t = 0; t < trace_.size(); ++t) {
        leaves.push_back(trace_leaf_digest(t, trace_[t]));
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

Result<Opening> GradientChain::build_opening(const Challenge& challenge) const {
    ASSAY_CHECK(!theta_end_tiles_.empty() && !e_after_.empty());
    Opening opening;
    opening.states = states_;
    opening.end = end_;
    opening.trace = trace_;
    const MerkleTree e_before(e_before_tiles_);
    const MerkleTree e_after(e_after_);
    const MerkleTree theta_end(theta_end_tiles_);
    for (const uint64_t chunk : challenge.compressor_chunks) {
        ASSAY_CHECK_LT(chunk, layout_.tile_count());
        ChunkOpening opened;
        opened.chunk = chunk;
        opened.e_before = {tile_of(e_before_, chunk), e_before.path(chunk)};
        opened.theta_end = {tile_of(theta_end_, chunk), theta_end.path(chunk)};
        opened.e_after = e_after.path(chunk);
        opening.chunks.push_back(std::move(opened));
    }
    if (Status status = fill_chains(opening, challenge.chain_chunks); !status) {
        return status.error();
    }
    return opening;
}

Status GradientChain::fill_chains(Opening& opening, const std::vector<uint64_t>& chunks) const {
    const MerkleTree m_before(m_before_);
    const MerkleTree v_before(v_before_);
    const MerkleTree m_after(m_after_);
    const MerkleTree v_after(v_after_);
    const auto chained = [&chunks](const ChunkOpening& opened) {
        return std::binary_search(chunks.begin(), chunks.end(), opened.chunk);
    };
    for (ChunkOpening& opened : opening.chunks) {
        if (chained(opened)) {
            const uint64_t chunk = opened.chunk;
            opened.chain.emplace();
            opened.chain->m_before = {tile_of(start_.m, chunk), m_before.path(chunk)};
            opened.chain->v_before = {tile_of(start_.v, chunk), v_before.path(chunk)};
            opened.chain->m_after = m_after.path(chunk);
            opened.chain->v_after = v_after.path(chunk);
        }
    }
    for (uint32_t t = 0; t < plan_.steps; ++t) {  // one step's trees at a time
        const MerkleTree theta(tiles_[t].theta);
        const MerkleTree g(tiles_[t].g);
        const MerkleTree v(tiles_[t].v);
        for (ChunkOpening& opened : opening.chunks) {
            if (!chained(opened)) {
                continue;
            }
            OpenedTile tile{std::vector<float>(kTileValues), g.path(opened.chunk)};
            if (Status got = store_->get(t, opened.chunk * kTileValues, tile.values); !got) {
                return got;
            }
            opened.chain->g.push_back(std::move(tile));
            opened.chain->theta.push_back(theta.path(opened.chunk));
            if (numeric_class_ != NumericClass::kExact) {
                opened.chain->v.push_back(v.path(opened.chunk));
            }
        }
    }
    return {};
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
