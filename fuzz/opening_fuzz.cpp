// Openings come from strangers: any bytes must be refused or decoded, decoded bytes must be the
// only ones that encode the same opening, and nothing but a true one may pass.
//
// Input: a byte (bit 0: class fp32, bit 1: the rest is the opening itself, filled up with zeros),
// then records of two u32, place and bits. Places below 2^31 overwrite a value of the round before
// the peer trains, so that true openings of any numbers are judged; the others overwrite the bytes
// that it opens. A true opening of finite numbers must pass, every other one must not.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "compression/error_feedback.h"
#include "model/tile_digests.h"
#include "protocol/codec.h"
#include "verify/chunk_audit.h"
#include "verify/gradient_chain.h"
#include "verify/inspect.h"

namespace assay {

namespace {

constexpr uint32_t kSteps = 2;
constexpr uint32_t kPlaceInBytes = 0x80000000U;

bool all_finite(std::span<const float> values) {
    return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

// Of the chains the first strip of all tiles but the first is opened.
bool chain_finite(std::span<const float> values) {
    return all_finite(values.subspan(kTileValues, kStripValues)) &&
           all_finite(values.subspan(2 * kTileValues, kStripValues));
}

std::vector<float> pattern(const ParameterLayout& layout, uint64_t multiplier) {
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = tensor.first_value(); i < tensor.first_value() + tensor.live(); ++i) {
            values[i] = static_cast<float>((i * multiplier) % 2001) / 1000.0F - 1.0F;
        }
    }
    return values;
}

// One peer's round on a layout of a matrix of two tiles and a short vector, and what judges it.
class Round {
public:
    explicit Round(NumericClass numeric_class);

    // Overwrites a value of theta, m, v, e or a gradient; padding stays zero.
    void edit(uint32_t place, uint32_t bits);
    // False where the compressor has nothing to send for want of finite numbers.
    bool train();
    // Whether every number that is opened or follows was finite: then the opening has to pass.
    [[nodiscard]] bool finite() const { return finite_; }
    [[nodiscard]] const Bytes& opening() const { return opening_; }
    [[nodiscard]] const OpeningShape& shape() const { return shape_; }
    // Why these bytes do not pass; "" if they do.
    [[nodiscard]] std::string refusal(ByteSpan bytes) const;

private:
    void check_finite(const InnerState& state);

    ParameterLayout layout_;
    AdamSettings adam_;
    PayloadFormat format_;
    RoundPlan plan_;
    PlanPeer peer_;
    PeerAssignment assignment_;
    Challenge challenge_;
    OpeningShape shape_;
    InnerState start_;
    std::vector<float> e_;
    std::vector<std::vector<float>> g_;
    PeerPayload payload_;
    Commit commit_;
    Bytes opening_;
    bool finite_ = true;
};

Round::Round(NumericClass numeric_class) {
    layout_.add("matrix", 2, kTileValues);
    layout_.add("vector", 1, 100);
    format_.compression.keep = 8;
    peer_.numeric_class = numeric_class;
    peer_.sequences_per_step = 2;
    plan_.inner_steps = kSteps;
    plan_.learning_rate_bits.assign(kSteps, std::bit_cast<uint32_t>(0.01F));
    const BiasTable bias = bias_table(adam_.beta1, adam_.beta2);
    plan_.bias1_bits = bias.bias1_bits;
    plan_.bias2_bits = bias.bias2_bits;
    assignment_.samples = {3, 1, 4, 1};
    challenge_.compressor_chunks = {0, 1, 2};
    challenge_.strips = {5, 0, 0};
    challenge_.chain_chunks = {1, 2};
    shape_ = opening_shape(plan_, peer_, layout_.tile_count(), challenge_);
    start_ = {pattern(layout_, 7919), pattern(layout_, 104729), pattern(layout_, 1299709)};
    for (float& second_moment : start_.v) {
        second_moment *= second_moment;
    }
    e_ = pattern(layout_, 15485863);
    g_ = {pattern(layout_, 32452843), pattern(layout_, 49979687)};
}

void Round::edit(uint32_t place, uint32_t bits) {
    const std::array<std::vector<float>*, 6> buffers{
        &start_.theta, &start_.m, &start_.v, &e_, g_.data(), &g_[1]};
    const uint64_t value = place / buffers.size() % layout_.value_count();
    if (value % kTileValues < layout_.live_in_tile(value / kTileValues)) {
        (*buffers[place % buffers.size()])[value] = std::bit_cast<float>(bits);
    }
}

void Round::check_finite(const InnerState& state) {
    for (const std::vector<float>* values : {&state.theta, &state.m, &state.v}) {
        finite_ = finite_ && chain_finite(*values);
    }
}

bool Round::train() {
    plan_.base_root = tiles_root(start_.theta);
    peer_.m_root = tiles_root(start_.m);
    peer_.v_root = tiles_root(start_.v);
    const InnerPlan inner = inner_plan(plan_, peer_);
    InnerState state = start_;
    const auto chain =
        GradientChain::begin(peer_.id, layout_, peer_.numeric_class, adam_, inner, state).value();
    ThreadPool pool(1);
    const std::vector<float> losses(peer_.sequences_per_step, 1.5F);
    for (uint32_t t = 0; t < kSteps; ++t) {
        check_finite(state);
        finite_ = finite_ && chain_finite(g_[t]);
        const std::span<const uint64_t> samples = assignment_.step(t, kSteps);
        StepTiles tiles{tile_digests(pool, state.theta), tile_digests(pool, g_[t]), {}};
        if (chain->hashed() == Hashed::kThetaGAndV) {
            tiles.v = tile_digests(pool, state.v);
        }
        const Status recorded = chain->record({t, g_[t], std::move(tiles), 1.5F, 0.5F, losses},
                                              batch_digest({samples.begin(), samples.end()}));
        ASSAY_CHECK(recorded.ok());
        (void)adamw_all(pool, layout_, spans_of(state), g_[t], adam_, inner, t);
    }
    check_finite(state);
    finite_ = finite_ && all_finite(e_);
    chain->finish(state);
    std::vector<float> e_after = e_;
    Result<Compressed> sent =
        compress(start_.theta, state.theta, e_after, layout_, format_.compression);
    if (!sent) {
        return false;
    }
    payload_.sparse = std::move(sent->update);
    finite_ = finite_ && all_finite(e_after);
    chain->record_feedback(e_, e_after, format_);
    chain->fill(commit_);
    opening_ = chain->opening_bytes(plan_, peer_, challenge_).value();
    return true;
}

std::string Round::refusal(ByteSpan bytes) const {
    const Result<Opening> opening = decode_opening(bytes, shape_);
    if (!opening) {
        return opening.reason();
    }
    ASSAY_CHECK(std::ranges::equal(encode_opening(*opening, shape_), bytes));
    // What is refused by form is audited all the same: roots of one's own choice reach further.
    const ChunkAuditReport report = audit_chunks(
        {plan_, peer_, layout_, adam_, format_, start_.theta, payload_, commit_, *opening}, {});
    Status form = inspect_binding(peer_.id, *opening, commit_);
    form = form ? inspect_opening(*opening, plan_, peer_, assignment_) : form;
    return form.ok() ? report.reason : form.reason();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ByteReader reader(ByteSpan(data, size));
    const uint8_t mode = reader.u8();
    Round round((mode & 1) != 0 ? NumericClass::kFp32 : NumericClass::kExact);
    Bytes bytes;
    std::vector<std::pair<uint32_t, uint32_t>> lies;
    if ((mode & 2) != 0) {
        const ByteSpan rest = reader.raw(reader.remaining());
        bytes.assign(rest.begin(), rest.end());
        bytes.resize(std::max<size_t>(bytes.size(), opening_size(round.shape())));
    }
    while (reader.remaining() >= 8) {
        const uint32_t place = reader.u32();
        const uint32_t bits = reader.u32();
        if (place >= kPlaceInBytes) {
            lies.emplace_back(place - kPlaceInBytes, bits);
        } else {
            round.edit(place, bits);
        }
    }
    if (!round.train()) {
        return 0;
    }
    if (bytes.empty()) {
        bytes = round.opening();
    }
    for (const auto& [place, bits] : lies) {
        const size_t word = place % (bytes.size() / 4) * 4;
        for (size_t i = 0; i < 4; ++i) {
            bytes[word + i] = static_cast<uint8_t>(bits >> (8 * i));
        }
    }
    const std::string refusal = round.refusal(bytes);
    const bool honest = bytes == round.opening();
    ASSAY_CHECK_EQ(refusal.empty(), honest && round.finite());
    return 0;
}

}  // namespace assay
