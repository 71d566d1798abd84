// The shape of a Llama-style decoder, the order of its parameters, and their initial values.
//
// RMSNorm, RoPE (half-split), grouped-query attention, SwiGLU, no biases. Names and order follow
// Hugging Face: embed_tokens, each layer, model.norm, lm_head unless tied. Only sizes and numbers:
// the network itself is in llama/. A plain value; part of the run's manifest.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "core/fields.h"
#include "core/result.h"
#include "protocol/layout.h"
#include "protocol/limits.h"
#include "tokenizer/bpe.h"

namespace assay {

struct ModelShape {
    int64_t vocab = 1024;
    int64_t width = 128;
    int64_t layers = 4;
    int64_t heads = 4;
    int64_t kv_heads = 2;
    int64_t head_width = 32;
    int64_t ffn_width = 480;
    int64_t context = 128;
    double rope_theta = 10000.0;
    double norm_epsilon = 1e-5;
    bool tied = true;

    bool operator==(const ModelShape&) const = default;

    // All settings, in the order of the digest (core/fields.h).
    template <class V>
    void for_each(V& visitor) {
        visitor(Field{"vocab_size", "tokens", 256, Bpe::kVocabMax, "size of the vocabulary"},
                vocab);
        visitor(Field{"width", "", 2, 65536, "width of the residual stream: heads * head_width"},
                width);
        visitor(Field{"layers", "layers", 1, 1024, "decoder layers"}, layers);
        visitor(Field{"heads", "heads", 1, 1024, "query heads of each layer"}, heads);
        visitor(Field{"kv_heads", "heads", 1, 1024, "key and value heads; divides heads"},
                kv_heads);
        visitor(Field{"head_width", "", 2, 1024, "width of a head; even, for rotary positions"},
                head_width);
        visitor(Field{"ffn_width", "", 1, 1 << 20, "inner width of the SwiGLU block"}, ffn_width);
        visitor(Field{"context",
                      "tokens",
                      1,
                      limits::kSequenceTokensMax,
                      "longest sequence that the model is made for"},
                context);
        visitor(Field{"rope_theta", "", 1, 1e9, "base of the rotary frequencies"}, rope_theta);
        visitor(Field{"norm_epsilon", "", 1e-12, 1e-2, "epsilon of RMSNorm"}, norm_epsilon);
        visitor(Field{"tied", "", 0, 1, "the output layer shares the embedding's matrix"}, tied);
    }
    template <class V>
    void for_each(V& visitor) const {
        const_cast<ModelShape*>(this)->for_each(visitor);
    }
};

// What no single bound says: heads divide, widths fit together, the number of parameters is sane.
Status check_shape(const ModelShape& shape);

// REQUIRES: check_shape(shape).ok().
ParameterLayout llama_layout(const ModelShape& shape);

// model.layers.<layer>.<part>.weight, e.g. part "self_attn.q_proj".
std::string layer_tensor_name(int64_t layer, std::string_view part);

// Normal values of standard deviation 0.02, those of o_proj and down_proj 0.02 / sqrt(2 * layers),
// norm weights 1, padding 0, in llama_layout's order. The same bits on every machine: a normal
// value is a sum of twelve 16-bit uniform integers, scaled by one fp32 multiplication. REQUIRES:
// check_shape(shape).ok().
std::vector<float> initial_parameters(const ModelShape& shape, const Digest& seed);

}  // namespace assay
