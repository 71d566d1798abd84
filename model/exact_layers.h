// The decoder's forward pass on the exact kernels: one definition for training and for decoding.
//
// Templates over how a matrix of weights is held (row-major views in training, panels in decoding)
// and over how positions and attention are done (`mix`). Only model/ includes this. Shapes: N rows
// (tokens of all sequences), D width, Q = heads * head width, K = key-value heads * head width,
// F inner width of the SwiGLU block.

#pragma once

#include <cstddef>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/rms_norm.h"
#include "kernels/swiglu.h"
#include "model/shape.h"
#include "protocol/layout.h"

namespace assay {

struct LayerSizes {
    size_t width = 0;  // D
    size_t query = 0;  // Q
    size_t key = 0;    // K
    size_t ffn = 0;    // F
    float norm_epsilon = 0;
};

// REQUIRES: check_shape passed.
LayerSizes layer_sizes(const ModelShape& shape);

// Row-major (n, k) somewhere in the flat buffer.
struct MatrixView {
    const float* data = nullptr;
    size_t n = 0;
    size_t k = 0;
};

// y (rows, n) = x (rows, k) w^T; packing changes no bit.
inline void product(ThreadPool& pool, size_t rows, const float* x, const MatrixView& w, float* y) {
    gemm(pool, {GemmLayout::kNT, rows, w.n, w.k}, x, w.data, y, false);
}
inline void product(
    ThreadPool& pool, size_t rows, const float* x, const PackedMatrix& w, float* y) {
    packed_gemm(pool, rows, x, w, y);
}

// A layer's tensors, Value float or const float, as they lie in the flat buffer.
template <class Value>
struct LayerTensors {
    Value* attention_norm = nullptr;
    Value* q = nullptr;
    Value* k = nullptr;
    Value* v = nullptr;
    Value* o = nullptr;
    Value* ffn_norm = nullptr;
    Value* gate = nullptr;
    Value* up = nullptr;
    Value* down = nullptr;
};

template <class Value>
struct ModelTensors {
    Value* embedding = nullptr;
    std::vector<LayerTensors<Value>> layers;
    Value* final_norm = nullptr;
    Value* head = nullptr;  // the embedding's matrix where they are tied
};

// REQUIRES: layout = llama_layout(shape); flat has layout.value_count() values.
template <class Value>
ModelTensors<Value> model_tensors(const ModelShape& shape,
                                  const ParameterLayout& layout,
                                  Value* flat) {
    size_t next = 0;
    const auto take = [&] { return flat + layout.tensors[next++].first_value(); };
    ModelTensors<Value> all;
    all.embedding = take();
    for (int64_t i = 0; i < shape.layers; ++i) {
        LayerTensors<Value> layer;
        layer.attention_norm = take();
        layer.q = take();
        layer.k = take();
        layer.v = take();
        layer.o = take();
        layer.ffn_norm = take();
        layer.gate = take();
        layer.up = take();
        layer.down = take();
        all.layers.push_back(layer);
    }
    all.final_norm = take();
    all.head = shape.tied ? all.embedding : take();
    return all;
}

template <class Matrix>
struct LayerWeights {
    const float* attention_norm = nullptr;
    Matrix q, k, v, o;
    const float* ffn_norm = nullptr;
    Matrix gate, up, down;
};

// Views of one layer's tensors, with the sizes that products need.
template <class Matrix>
LayerWeights<Matrix> layer_weights(const LayerSizes& sizes,
                                   const LayerTensors<const float>& layer) {
    return {layer.attention_norm,
            Matrix{layer.q, sizes.query, sizes.width},
            Matrix{layer.k, sizes.key, sizes.width},
            Matrix{layer.v, sizes.key, sizes.width},
            Matrix{layer.o, sizes.width, sizes.query},
            layer.ffn_norm,
            Matrix{layer.gate, sizes.ffn, sizes.width},
            Matrix{layer.up, sizes.ffn, sizes.width},
            Matrix{layer.down, sizes.width, sizes.ffn}};
}

// Where a layer's values go, N rows each. Training keeps those that the backward pass reads.
struct LayerActivations {
    float* normed = nullptr;         // D; scratch
    float* attention_rms = nullptr;  // 1
    float* q = nullptr;              // Q; rotated by mix
    float* k = nullptr;              // K; rotated by mix
    float* v = nullptr;              // K
    float* mixed = nullptr;          // Q
    float* middle = nullptr;         // D: the residual stream between attention and SwiGLU
    float* ffn_rms = nullptr;        // 1
    float* gate = nullptr;           // F
    float* up = nullptr;             // F
    float* inner = nullptr;          // F; scratch
};

// y (N, D) from x (N, D); y may be x. mix(q, k, v, mixed) turns q and k to their positions and
// writes the attention's output.
template <class Matrix, class Mix>
void layer_forward(ThreadPool& pool,  // NOLINT(readability-function-size)
                   const LayerSizes& sizes,
                   const LayerWeights<Matrix>& weights,
                   size_t rows,
                   const float* x,
                   const LayerActivations& a,
                   float* y,
                   const Mix& mix) {
    const size_t d = sizes.width;
    const float epsilon = sizes.norm_epsilon;
    rms_norm_forward(pool, rows, d, x, weights.attention_norm, epsilon, a.normed, a.attention_rms);
    product(pool, rows, a.normed, weights.q, a.q);
    product(pool, rows, a.normed, weights.k, a.k);
    product(pool, rows, a.normed, weights.v, a.v);
    mix(a.q, a.k, a.v, a.mixed);
    product(pool, rows, a.mixed, weights.o, a.middle);
    add_in_place(pool, rows * d, a.middle, x);

    rms_norm_forward(pool, rows, d, a.middle, weights.ffn_norm, epsilon, a.normed, a.ffn_rms);
    product(pool, rows, a.normed, weights.gate, a.gate);
    product(pool, rows, a.normed, weights.up, a.up);
    swiglu_forward(pool, rows * sizes.ffn, a.gate, a.up, a.inner);
    product(pool, rows, a.inner, weights.down, y);
    add_in_place(pool, rows * d, y, a.middle);
}

}  // namespace assay
