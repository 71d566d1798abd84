// One answer in the making: gathers the choices of a request and sends them, streamed or whole.
//
// start_stream() runs on the HTTP thread before all; take() and finish() may come from any thread.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "serving/engine.h"
#include "serving/http_server.h"
#include "serving/openai_api.h"
#include "serving/text_stream.h"
#include "tokenizer/tokenizer.h"

namespace assay {

class Answer : public std::enable_shared_from_this<Answer> {
public:
    using OnDone = std::function<void(const std::string& finish_reason, double seconds)>;

    // `on_done` is called once, when the last choice is finished. The tokenizer must outlive it.
    Answer(ApiRequest request,
           AnswerHead head,
           const Tokenizer& tokenizer,
           std::shared_ptr<HttpReply> reply,
           OnDone on_done);

    // Tokens of each prompt, in order of ApiRequest::prompts.
    void expect(std::vector<std::vector<int32_t>> prompts);
    [[nodiscard]] size_t choice_count() const { return choices_.size(); }
    [[nodiscard]] GenerationRequest generation(size_t choice, int64_t context_tokens) const;
    void start_stream(HttpHeaders headers);

    // Called on the engine's thread. False ends the choice: a stop string was met.
    bool take(size_t choice, const SampledToken& token);
    void finish(size_t choice, FinishReason reason);

private:
    struct Part {
        size_t prompt = 0;
        TextStream stream;
        Choice choice;
        int64_t generated = 0;
        bool done = false;
    };

    [[nodiscard]] std::string token_text(int32_t token) const {
        return std::string(tokenizer_.token_text(token));
    }
    [[nodiscard]] TokenText describe(const SampledToken& token) const;
    void emit(Part& part, const std::string& text);
    void complete();

    ApiRequest request_;
    AnswerHead head_;
    const Tokenizer& tokenizer_;
    std::shared_ptr<HttpReply> reply_;
    OnDone on_done_;
    std::vector<std::vector<int32_t>> prompts_;
    std::mutex mutex_;  // guards what follows
    std::vector<Part> choices_;
    size_t open_ = 0;
    bool cancelled_ = false;
    std::chrono::steady_clock::time_point started_;
};

}  // namespace assay
