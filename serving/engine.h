// Generates tokens for many requests at once: continuous batching over one decoder.
//
// Knows only token ids: no text, no HTTP. submit() and cancel() may be called from any thread; the
// callbacks run on the engine's thread. New parameters are swapped in between two steps: requests
// that wait or run finish with the ones that were current when they were submitted.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serving/sampler.h"

namespace assay {

// What the engine needs of a network with a key-value cache. One thread at a time.
class SequenceModel {
public:
    virtual ~SequenceModel() = default;
    // Tokens that a sampler may name, and the longest sequence with its prompt.
    [[nodiscard]] virtual int64_t vocabulary() const = 0;
    [[nodiscard]] virtual int64_t context_tokens() const = 0;
    // A sequence holds its keys and values until it is ended.
    virtual uint64_t begin_sequence() = 0;
    virtual void end_sequence(uint64_t sequence) = 0;
    // Hears the logits behind each token of a prompt, in order; valid during the call.
    using OnLogits = std::function<void(size_t index, std::span<const float> logits)>;
    // Appends a prompt; returns the logits behind its last token. `each` may be empty.
    virtual std::vector<float> prefill(uint64_t sequence,
                                       std::span<const int32_t> tokens,
                                       const OnLogits& each) = 0;
    // Appends one token to each sequence; logits in the same order.
    virtual std::vector<std::vector<float>> step(std::span<const uint64_t> sequences,
                                                 std::span<const int32_t> tokens) = 0;
};

struct GenerationRequest {
    std::shared_ptr<SequenceModel> model;  // null: the engine's at submit()
    std::vector<int32_t> prompt;           // not empty
    int64_t tokens_max = 16;
    int64_t tokens_min = 0;  // before them no end token is drawn
    SamplingSettings sampling;
    int alternatives = 0;
    std::vector<int32_t> end_tokens;  // each ends the answer
    bool rate_prompt = false;         // say how likely the prompt's tokens are, from the second on
};

enum class FinishReason : uint8_t { kStop, kLength, kCancelled };

struct EngineMetrics {
    uint64_t running = 0;
    uint64_t waiting = 0;
    uint64_t prompt_tokens = 0;
    uint64_t generated_tokens = 0;
    uint64_t finished = 0;
    uint64_t cancelled = 0;
};

class Engine {
public:
    struct Settings {
        size_t running_max = 16;
        size_t waiting_max = 2048;
    };
    // Hears what was asked with rate_prompt, before any token is generated.
    using OnPrompt = std::function<void(const std::vector<SampledToken>&)>;
    // Returns false to end the answer here (a stop string was met).
    using OnToken = std::function<bool(const SampledToken&)>;
    using OnFinish = std::function<void(FinishReason)>;

    // Starts the thread that generates; at most running_max sequences go through a step together.
    Engine(Settings settings, std::shared_ptr<SequenceModel> model);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Cancels all that runs and waits, and joins the thread; submit() gives 0 from then on.
    void stop();

    // 0 if the queue is full or the engine stopped; else a number for cancel().
    uint64_t submit(GenerationRequest request,
                    OnToken on_token,
                    OnFinish on_finish,
                    OnPrompt on_prompt = {});
    void cancel(uint64_t number);
    // Requests that are submitted from now on use this one.
    void swap_model(std::shared_ptr<SequenceModel> model);
    [[nodiscard]] EngineMetrics metrics() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay
