// One answer in the making: gathers the choices of a request and sends them, streamed or whole.
//
// start_stream() runs on the HTTP thread before all; take() and finish() may come from any thread.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "serving/api_answer.h"
#include "serving/api_request.h"
#include "serving/engine.h"
#include "serving/http_server.h"
#include "serving/text_offsets.h"
#include "serving/text_stream.h"
#include "tokenizer/tokenizer.h"

namespace assay {

// A prompt as the network reads it.
struct PromptTokens {
    std::vector<int32_t> tokens;
    bool begun = false;  // the first one is the end of a text before, of which nobody wrote
};

class Answer : public std::enable_shared_from_this<Answer> {
public:
    using OnDone = std::function<void(const std::string& finish_reason, double seconds)>;

    // `on_done` is called once, when the last choice is finished. The tokenizer must outlive it.
    Answer(ApiRequest request,
           AnswerHead head,
           const Tokenizer& tokenizer,
           std::shared_ptr<HttpReply> reply,
           OnDone on_done);

    // In order of ApiRequest::prompts.
    void expect(std::vector<PromptTokens> prompts);
    [[nodiscard]] size_t choice_count() const { return choices_.size(); }
    [[nodiscard]] GenerationRequest generation(size_t choice, int64_t context_tokens) const;
    void start_stream(HttpHeaders headers);

    // How likely the tokens of the choice's prompt are, from the second on; if rate_prompt asks.
    void take_prompt(size_t choice, const std::vector<SampledToken>& rated);
    // Called on the engine's thread. False ends the choice: a stop string was met.
    bool take(size_t choice, const SampledToken& token);
    // Once for each choice; nothing of it may come behind.
    void finish(size_t choice, FinishReason reason);
    // Something went wrong: says so, and nothing more.
    void fail();

private:
    struct Part {
        size_t prompt = 0;
        TextStream stream;
        TextOffsets offsets;
        Choice choice;
        int64_t generated = 0;
        bool done = false;
    };

    [[nodiscard]] std::string token_text(int32_t token) const {
        return std::string(tokenizer_.token_text(token));
    }
    [[nodiscard]] bool rates_prompts() const { return request_.echo && head_.with_logprobs; }
    // REQUIRES: the choice is not finished.
    [[nodiscard]] Part& open_part(size_t choice);
    [[nodiscard]] std::string echo_of(const PromptTokens& prompt) const;
    [[nodiscard]] std::string visible(int32_t token) const;
    // `visible`: what the token adds to the text.
    [[nodiscard]] TokenText describe(Part& part,
                                     const SampledToken& token,
                                     const std::string& visible) const;
    void emit(Part& part, const std::string& text);
    void complete();

    ApiRequest request_;
    AnswerHead head_;
    const Tokenizer& tokenizer_;
    std::shared_ptr<HttpReply> reply_;
    OnDone on_done_;
    std::vector<PromptTokens> prompts_;
    std::mutex mutex_;  // guards what follows
    std::vector<Part> choices_;
    size_t open_ = 0;
    bool cancelled_ = false;
    bool failed_ = false;
    std::chrono::steady_clock::time_point started_;
};

}  // namespace assay
