// The decoder's forward pass as tensor operations.
//
// For llama/ alone. Shapes: B sequences, T tokens, D width, H heads, K key-value heads, W head
// width.

#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/shape.h"
#include "protocol/layout.h"
#include "protocol/messages.h"

namespace assay {

// Views into one flat fp32 buffer, in the layout's order; matrices as (rows, columns).
std::vector<at::Tensor> tensor_views(const ParameterLayout& layout, const at::Tensor& flat);

// Tables for positions [0, count), (count, W) each: the halves repeat (half-split), the first half
// of sin negated.
struct RotaryTable {
    at::Tensor cos;
    at::Tensor signed_sin;
};
// REQUIRES: shape.head_width is even.
RotaryTable rotary_table(const ModelShape& shape, int64_t count);

class Network {
public:
    // `parameters` in layout order (model/shape.h), fp32. Matrix products and attention read their
    // operands rounded as the class says; all else, and what they give, is fp32.
    // REQUIRES: numeric_class is not exact.
    Network(const ModelShape& shape,
            std::vector<at::Tensor> parameters,
            NumericClass numeric_class = NumericClass::kFp32);

    struct Layer {
        at::Tensor attention_norm;
        at::Tensor q, k, v, o;
        at::Tensor ffn_norm;
        at::Tensor gate, up, down;
    };

    // tokens (B, T) -> hidden states (B, T, D) behind the last norm.
    [[nodiscard]] at::Tensor hidden(const at::Tensor& tokens, const RotaryTable& rotary) const;
    // (N, D) -> logits (N, V).
    [[nodiscard]] at::Tensor logits(const at::Tensor& hidden_rows) const;

private:
    [[nodiscard]] at::Tensor attention(const Layer& layer,
                                       const at::Tensor& x,
                                       const RotaryTable& rotary) const;
    [[nodiscard]] at::Tensor mixed(const at::Tensor& q,
                                   const at::Tensor& k,
                                   const at::Tensor& v) const;
    [[nodiscard]] at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const;
    [[nodiscard]] at::Tensor linear(const at::Tensor& x, const at::Tensor& weight) const;

    ModelShape shape_;
    bool tf32_;
    at::ScalarType products_;  // fp32 in class tf32
    at::Tensor embedding_;
    std::vector<Layer> layers_;
    at::Tensor final_norm_;
    at::Tensor head_;
};

}  // namespace assay
