#include "llama/network.h"

#include "core/check.h"
#include "llama/tf32.h"

namespace assay {

std::vector<at::Tensor> tensor_views(const ParameterLayout& layout, const at::Tensor& flat) {
    std::vector<at::Tensor> views;
    views.reserve(layout.tensors.size());
    for (const TensorLayout& tensor : layout.tensors) {
        const auto first = static_cast<int64_t>(tensor.first_value());
        const auto live = static_cast<int64_t>(tensor.live());
        at::Tensor view = flat.narrow(0, first, live);
        if (tensor.rows > 1) {
            view = view.view(
                {static_cast<int64_t>(tensor.rows), static_cast<int64_t>(tensor.columns)});
        }
        views.push_back(view);
    }
    return views;
}

RotaryTable rotary_table(const ModelShape& shape, int64_t count) {
    const int64_t half = shape.head_width / 2;
    const at::Tensor index = at::arange(half, at::kDouble) * 2.0 / shape.head_width;
    const at::Tensor frequency = at::pow(shape.rope_theta, index).reciprocal();
    const at::Tensor angle = at::arange(count, at::kDouble).unsqueeze(1) * frequency.unsqueeze(0);
    const at::Tensor both = at::cat({angle, angle}, 1);
    const at::Tensor sin = at::cat({-angle.sin(), angle.sin()}, 1);
    return {both.cos().to(at::kFloat), sin.to(at::kFloat)};
}

namespace {

// x (B, heads, T, W): (a, b) -> (a cos - b sin, b cos + a sin) in each pair of the two halves.
at::Tensor rotated(const at::Tensor& x, const RotaryTable& rotary) {
    const int64_t half = x.size(-1) / 2;
    const at::Tensor swapped = at::cat({x.narrow(-1, half, half), x.narrow(-1, 0, half)}, -1);
    return at::addcmul(x * rotary.cos, swapped, rotary.signed_sin);
}

// (B, T, heads * W) -> (B, heads, T, W)
at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
    return x.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
}

}  // namespace

Network::Network(const ModelShape& shape,
                 std::vector<at::Tensor> parameters,
                 NumericClass numeric_class)
    : shape_(shape),
      tf32_(numeric_class == NumericClass::kTf32),
      products_(numeric_class == NumericClass::kBf16 ? at::kBFloat16 : at::kFloat) {
    ASSAY_CHECK(numeric_class != NumericClass::kExact);
    constexpr size_t kPerLayer = 9;
    const auto layers = static_cast<size_t>(shape.layers);
    ASSAY_CHECK_EQ(parameters.size(), 2 + kPerLayer * layers + (shape.tied ? 0U : 1U));
    embedding_ = parameters[0];
    for (size_t i = 0; i < layers; ++i) {
        const auto at = [&](size_t part) { return parameters[1 + i * kPerLayer + part]; };
        layers_.push_back({at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8)});
    }
    final_norm_ = parameters[1 + kPerLayer * layers];
    head_ = shape.tied ? embedding_ : parameters.back();
}

at::Tensor Network::norm(const at::Tensor& x, const at::Tensor& weight) const {
    return at::rms_norm(x, {x.size(-1)}, weight, shape_.norm_epsilon);
}

// Casts are no-ops in fp32 and tf32; in bf16 each product's operands are rounded, its sum is made
// in fp32 inside the operator and rounded once: what autocast does for matrix products.
at::Tensor Network::linear(const at::Tensor& x, const at::Tensor& weight) const {
    if (tf32_) {
        return tf32_linear(x, weight);
    }
    return at::linear(x.to(products_), weight.to(products_)).to(at::kFloat);
}

// q (B, H, T, W), k and v (B, K, T, W) -> (B, H, T, W), causal.
at::Tensor Network::mixed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    const int64_t group = shape_.heads / shape_.kv_heads;
    const auto of_all_heads = [&](const at::Tensor& x) {
        const at::Tensor rounded = x.to(products_);
        return group > 1 ? rounded.repeat_interleave(group, 1) : rounded;
    };
    if (tf32_) {
        return tf32_attention(q, of_all_heads(k), of_all_heads(v));
    }
    return at::scaled_dot_product_attention(
               q.to(products_), of_all_heads(k), of_all_heads(v), std::nullopt, 0.0, true)
        .to(at::kFloat);
}

at::Tensor Network::attention(const Layer& layer,
                              const at::Tensor& x,
                              const RotaryTable& rotary) const {
    const at::Tensor q = rotated(split_heads(linear(x, layer.q), shape_.heads), rotary);
    const at::Tensor k = rotated(split_heads(linear(x, layer.k), shape_.kv_heads), rotary);
    const at::Tensor v = split_heads(linear(x, layer.v), shape_.kv_heads);
    const at::Tensor heads = mixed(q, k, v).transpose(1, 2);
    return linear(heads.reshape({x.size(0), x.size(1), -1}), layer.o);
}

at::Tensor Network::hidden(const at::Tensor& tokens, const RotaryTable& rotary) const {
    at::Tensor x = at::embedding(embedding_, tokens);
    for (const Layer& layer : layers_) {
        x = x + attention(layer, norm(x, layer.attention_norm), rotary);
        const at::Tensor y = norm(x, layer.ffn_norm);
        x = x + linear(at::silu(linear(y, layer.gate)) * linear(y, layer.up), layer.down);
    }
    return norm(x, final_norm_);
}

at::Tensor Network::logits(const at::Tensor& hidden_rows) const {
    return linear(hidden_rows, head_);
}

}  // namespace assay
