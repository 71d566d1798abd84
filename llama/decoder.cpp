#include "llama/decoder.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <map>

#include "core/check.h"
#include "llama/network.h"

namespace assay {

namespace {

at::Tensor token_row(std::span<const int32_t> tokens) {
    return at::from_blob(const_cast<int32_t*>(tokens.data()),
                         {1, static_cast<int64_t>(tokens.size())},
                         at::kInt)
        .to(at::kLong);
}

std::vector<float> to_vector(const at::Tensor& tensor) {
    const at::Tensor flat = tensor.to(at::kFloat).contiguous();
    const float* data = flat.const_data_ptr<float>();
    return {data, data + flat.numel()};
}

std::vector<at::Tensor> weight_views(const ModelShape& shape, const std::vector<float>& weights) {
    const ParameterLayout layout = llama_layout(shape);
    ASSAY_CHECK_EQ(weights.size(), layout.value_count());
    const at::Tensor flat =
        at::from_blob(const_cast<float*>(weights.data()), {static_cast<int64_t>(weights.size())});
    return tensor_views(layout, flat);
}

}  // namespace

struct Decoder::State {
    State(const ModelShape& s, std::shared_ptr<const std::vector<float>> w)
        : shape(s),
          weights(std::move(w)),
          network(s, weight_views(s, *weights)),
          rotary(rotary_table(s, s.context)) {}

    // Rows [first, first + count) of the rotary tables.
    [[nodiscard]] RotaryTable at_positions(int64_t first, int64_t count) const {
        return {rotary.cos.narrow(0, first, count), rotary.signed_sin.narrow(0, first, count)};
    }

    struct Sequence {
        std::vector<Network::Cache> caches;
        int64_t length = 0;
    };

    ModelShape shape;
    std::shared_ptr<const std::vector<float>> weights;
    Network network;
    RotaryTable rotary;
    std::map<uint64_t, Sequence> sequences;
    uint64_t next = 1;
};

Decoder::Decoder(const ModelShape& shape, std::shared_ptr<const std::vector<float>> weights)
    : state_(std::make_unique<State>(shape, std::move(weights))) {}

Decoder::~Decoder() = default;

const ModelShape& Decoder::shape() const {
    return state_->shape;
}

uint64_t Decoder::begin_sequence() {
    const uint64_t sequence = state_->next++;
    state_->sequences[sequence].caches.resize(static_cast<size_t>(state_->shape.layers));
    return sequence;
}

void Decoder::end_sequence(uint64_t sequence) {
    state_->sequences.erase(sequence);
}

std::vector<float> Decoder::prefill(uint64_t sequence, std::span<const int32_t> tokens) {
    const c10::InferenceMode inference;
    State::Sequence& one = state_->sequences.at(sequence);
    const auto count = static_cast<int64_t>(tokens.size());
    ASSAY_CHECK(count > 0 && count <= state_->shape.context && one.length == 0);
    const at::Tensor hidden =
        state_->network.hidden(token_row(tokens), state_->at_positions(0, count), &one.caches);
    one.length = count;
    return to_vector(state_->network.logits(hidden.select(1, count - 1)));
}

std::vector<float> Decoder::prompt_logits(std::span<const int32_t> tokens) {
    const c10::InferenceMode inference;
    const auto count = static_cast<int64_t>(tokens.size());
    ASSAY_CHECK(count > 0 && count <= state_->shape.context);
    const at::Tensor hidden =
        state_->network.hidden(token_row(tokens), state_->at_positions(0, count), nullptr);
    return to_vector(state_->network.logits(hidden.squeeze(0)));
}

std::vector<std::vector<float>> Decoder::step(std::span<const uint64_t> sequences,
                                              std::span<const int32_t> tokens) {
    const c10::InferenceMode inference;
    ASSAY_CHECK_EQ(sequences.size(), tokens.size());
    std::vector<std::vector<float>> logits;
    for (size_t i = 0; i < sequences.size(); ++i) {
        State::Sequence& one = state_->sequences.at(sequences[i]);
        ASSAY_CHECK_LT(one.length, state_->shape.context);
        const at::Tensor hidden = state_->network.hidden(
            token_row(tokens.subspan(i, 1)), state_->at_positions(one.length, 1), &one.caches);
        ++one.length;
        logits.push_back(to_vector(state_->network.logits(hidden.select(1, 0))));
    }
    return logits;
}

}  // namespace assay
