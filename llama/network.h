// The decoder's forward pass as tensor operations: shared by training and by decoding.
//
// For llama/ alone. Shapes: B sequences, T tokens, D width, H heads, K key-value heads, W head
// width.

#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/shape.h"
#include "protocol/layout.h"

namespace assay {

// Views into one flat fp32 buffer, in the layout's order; matrices as (rows, columns).
std::vector<at::Tensor> tensor_views(const ParameterLayout& layout, const at::Tensor& flat);

// Tables for positions [0, count), (count, W) each: the halves repeat (half-split), the first half
// of sin negated.
struct RotaryTable {
    at::Tensor cos;
    at::Tensor signed_sin;
};
RotaryTable rotary_table(const ModelShape& shape, int64_t count);

class Network {
public:
    // `parameters` in layout order (model/shape.h).
    Network(const ModelShape& shape, std::vector<at::Tensor> parameters);

    struct Layer {
        at::Tensor attention_norm;
        at::Tensor q, k, v, o;
        at::Tensor ffn_norm;
        at::Tensor gate, up, down;
    };

    // What a layer's attention reads and leaves: keys and values of all earlier positions. Room
    // doubles when it is used up, so that a step copies no more than its own position.
    struct Cache {
        at::Tensor keys;  // (B, K, room, W)
        at::Tensor values;
        int64_t length = 0;
        void append(const at::Tensor& k, const at::Tensor& v);
    };

    // tokens (B, T) at positions [past, past + T) -> hidden states (B, T, D) behind the last norm.
    // With caches, `caches` has one entry a layer and is extended.
    at::Tensor hidden(const at::Tensor& tokens,
                      const RotaryTable& rotary,
                      std::vector<Cache>* caches) const;
    // (N, D) -> logits (N, V).
    [[nodiscard]] at::Tensor logits(const at::Tensor& hidden_rows) const;

private:
    at::Tensor attention(const Layer& layer,
                         const at::Tensor& x,
                         const RotaryTable& rotary,
                         Cache* cache) const;
    [[nodiscard]] at::Tensor mixed(const at::Tensor& q,
                                   const at::Tensor& k,
                                   const at::Tensor& v) const;
    [[nodiscard]] at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const;

    ModelShape shape_;
    at::Tensor embedding_;
    std::vector<Layer> layers_;
    at::Tensor final_norm_;
    at::Tensor head_;
};

}  // namespace assay
