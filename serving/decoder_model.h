// The decoder as the engine's SequenceModel: one snapshot's weights and the root that names them.

#pragma once

#include <memory>
#include <string>

#include "checkpoints/snapshot.h"
#include "model/decoder.h"
#include "serving/engine.h"

namespace assay {

class DecoderModel : public SequenceModel {
public:
    // The weights are packed for decoding; the snapshot is not kept.
    DecoderModel(const Snapshot& snapshot, int threads);

    [[nodiscard]] const std::string& root() const { return root_; }  // of theta, hexadecimal
    [[nodiscard]] int64_t vocabulary() const override { return decoder_.shape().vocab; }
    [[nodiscard]] int64_t context_tokens() const override { return decoder_.shape().context; }
    uint64_t begin_sequence() override { return decoder_.begin_sequence(); }
    void end_sequence(uint64_t sequence) override { decoder_.end_sequence(sequence); }
    std::vector<float> prefill(uint64_t sequence,
                               std::span<const int32_t> tokens,
                               const OnLogits& each) override {
        return decoder_.prefill(sequence, tokens, each);
    }
    std::vector<std::vector<float>> step(std::span<const uint64_t> sequences,
                                         std::span<const int32_t> tokens) override {
        return decoder_.step(sequences, tokens);
    }

private:
    std::string root_;
    Decoder decoder_;
};

}  // namespace assay
