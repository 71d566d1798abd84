// Decoding with a key-value cache on the exact kernels: prompts in, logits out, several sequences
// at once.
//
// Logits have the bits of the training forward pass at every position, whatever else is in the
// batch: each row of a product is a chain of its own. Weights are packed once and never written, so
// that new ones can be swapped in beside them. An object belongs to one thread at a time and has a
// thread pool of its own.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "model/shape.h"

namespace assay {

class Decoder {
public:
    // REQUIRES: weights has llama_layout(shape).value_count() values; threads > 0. The weights are
    // copied.
    Decoder(const ModelShape& shape, std::span<const float> weights, int threads);
    ~Decoder();
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    // What the constructor was given.
    [[nodiscard]] const ModelShape& shape() const;

    // An id that is never used again. Ending a sequence frees its keys and values; an unknown id
    // is passed over.
    uint64_t begin_sequence();
    void end_sequence(uint64_t sequence);
    // Hears the logits (vocab) behind each token of a prompt, in order; valid during the call.
    using OnLogits = std::function<void(size_t index, std::span<const float> logits)>;
    // Reads a prompt into an empty sequence; logits (vocab) behind its last token. With `each`, a
    // few positions' logits are held at a time.
    // REQUIRES: 0 < tokens.size() <= shape().context.
    std::vector<float> prefill(uint64_t sequence,
                               std::span<const int32_t> tokens,
                               const OnLogits& each = {});
    // Logits (tokens.size() x vocab) at every position of a prompt: for tests and checks.
    std::vector<float> prompt_logits(std::span<const int32_t> tokens);
    // Appends one token to each sequence; logits (vocab) of each, in order.
    // REQUIRES: the sequences differ, and each is shorter than the context.
    std::vector<std::vector<float>> step(std::span<const uint64_t> sequences,
                                         std::span<const int32_t> tokens);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay
