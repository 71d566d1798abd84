#include "serving/answer.h"

#include <algorithm>

#include "core/check.h"
#include "serving/api_error.h"

namespace assay {

Answer::Answer(ApiRequest request,
               AnswerHead head,
               const Tokenizer& tokenizer,
               std::shared_ptr<HttpReply> reply,
               OnDone on_done)
    : request_(std::move(request)),
      head_(std::move(head)),
      tokenizer_(tokenizer),
      reply_(std::move(reply)),
      on_done_(std::move(on_done)),
      started_(std::chrono::steady_clock::now()) {
    ASSAY_CHECK(reply_ != nullptr && on_done_);
}

void Answer::expect(std::vector<PromptTokens> prompts) {
    ASSAY_CHECK(choices_.empty() && !prompts.empty());
    ASSAY_CHECK_EQ(prompts.size(), request_.prompts.size());
    prompts_ = std::move(prompts);
    for (size_t prompt = 0; prompt < prompts_.size(); ++prompt) {
        ASSAY_CHECK(!prompts_[prompt].tokens.empty());
        for (int64_t n = 0; n < request_.choices; ++n) {
            Part part{prompt, TextStream(request_.stop), {}, {}, 0, false};
            part.choice.index = static_cast<int64_t>(choices_.size());
            if (request_.echo && !request_.stream) {
                part.choice.text = echo_of(prompts_[prompt]);
            }
            choices_.push_back(std::move(part));
        }
    }
    open_ = choices_.size();
    ASSAY_CHECK_LT(size_t{0}, open_);
}

GenerationRequest Answer::generation(size_t choice, int64_t context_tokens) const {
    ASSAY_CHECK_LT(choice, choices_.size());
    GenerationRequest generation;
    generation.prompt = prompts_[choices_[choice].prompt].tokens;
    const int64_t room = context_tokens - static_cast<int64_t>(generation.prompt.size());
    ASSAY_CHECK_LE(int64_t{0}, room);
    generation.tokens_max = std::min(room, request_.max_tokens.value_or(room));
    generation.tokens_min = request_.min_tokens;
    generation.sampling = request_.sampling;
    generation.sampling.seed += choice;  // choices of one request differ, and can be recomputed
    generation.alternatives = std::max(0, request_.logprobs);
    generation.end_tokens = request_.stop_tokens;
    if (!request_.ignore_end && tokenizer_.end_of_text()) {
        generation.end_tokens.push_back(*tokenizer_.end_of_text());
    }
    generation.rate_prompt = rates_prompts();
    return generation;
}

void Answer::start_stream(HttpHeaders headers) {
    ASSAY_CHECK(request_.stream && open_ == choices_.size());
    reply_->start_stream(std::move(headers));
    for (Part& part : choices_) {
        if (head_.chat) {
            reply_->send_event(chunk_json(head_, part.choice, true));
        } else if (request_.echo && !rates_prompts()) {
            Choice echo = part.choice;
            echo.text = part.stream.push(echo_of(prompts_[part.prompt]), false);
            reply_->send_event(chunk_json(head_, echo, false));
        }
    }
}

// Every token that was asked with is written out; the one that only begins the text is not.
std::string Answer::echo_of(const PromptTokens& prompt) const {
    std::string text;
    for (size_t i = prompt.begun ? 1 : 0; i < prompt.tokens.size(); ++i) {
        text += token_text(prompt.tokens[i]);
    }
    return text;
}

std::string Answer::visible(int32_t token) const {
    return request_.skip_special && tokenizer_.is_special(token) ? "" : token_text(token);
}

TokenText Answer::describe(Part& part,
                           const SampledToken& token,
                           const std::string& visible) const {
    TokenText text{token_text(token.token),
                   token.token,
                   token.log_probability,
                   part.offsets.append(visible),
                   {}};
    for (const TokenProbability& other : token.alternatives) {
        text.alternatives.push_back({token_text(other.token), other.token, other.log_probability});
    }
    return text;
}

void Answer::take_prompt(size_t choice, const std::vector<SampledToken>& rated) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failed_) {
        return;
    }
    Part& part = open_part(choice);
    ASSAY_CHECK(rates_prompts() && part.generated == 0 && part.choice.tokens.empty());
    const PromptTokens& prompt = prompts_[part.prompt];
    ASSAY_CHECK_EQ(rated.size() + 1, prompt.tokens.size());
    const int32_t first = prompt.tokens.front();
    part.choice.tokens.push_back(
        describe(part, {first, 0, {}}, prompt.begun ? "" : token_text(first)));
    part.choice.tokens.back().log_probability.reset();
    for (const SampledToken& token : rated) {
        part.choice.tokens.push_back(describe(part, token, token_text(token.token)));
    }
    if (request_.stream) {
        emit(part, part.stream.push(echo_of(prompt), false));
    }
}

// Choices are told apart by their place, and nothing comes behind the end of one.
Answer::Part& Answer::open_part(size_t choice) {
    ASSAY_CHECK_LT(choice, choices_.size());
    Part& part = choices_[choice];
    ASSAY_CHECK_EQ(part.choice.index, static_cast<int64_t>(choice));
    ASSAY_CHECK(!part.done && part.choice.finish_reason.empty());
    ASSAY_CHECK(open_ > 0 && open_ <= choices_.size());
    return part;
}

void Answer::emit(Part& part, const std::string& text) {
    if (!request_.stream) {
        part.choice.text += text;
        return;
    }
    if (text.empty() && part.choice.tokens.empty()) {
        return;
    }
    Choice delta = part.choice;
    delta.text = text;
    reply_->send_event(chunk_json(head_, delta, false));
    part.choice.tokens.clear();
}

bool Answer::take(size_t choice, const SampledToken& token) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failed_) {
        return false;
    }
    Part& part = open_part(choice);
    ASSAY_CHECK(!part.stream.stopped());
    ++part.generated;
    const std::string added = visible(token.token);
    const std::string text = part.stream.push(added, part.generated > request_.min_tokens);
    if (head_.with_logprobs) {
        part.choice.tokens.push_back(describe(part, token, added));
    }
    emit(part, text);
    return !part.stream.stopped();
}

void Answer::finish(size_t choice, FinishReason reason) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failed_) {
        return;
    }
    Part& part = open_part(choice);
    part.done = true;
    cancelled_ = cancelled_ || reason == FinishReason::kCancelled;
    emit(part, part.stream.flush());
    part.choice.finish_reason = reason == FinishReason::kLength ? "length" : "stop";
    if (request_.stream && reason != FinishReason::kCancelled) {
        Choice last = part.choice;
        last.text.clear();
        last.tokens.clear();
        reply_->send_event(chunk_json(head_, last, false));
    }
    if (--open_ == 0) {
        complete();
    }
}

void Answer::fail() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(failed_, true)) {
        return;
    }
    const std::string error = error_json({500, "the server failed", "server_error", "", ""});
    if (request_.stream) {
        reply_->send_event(error);
        reply_->finish();
    } else {
        reply_->respond(500, error, "application/json", {});
    }
}

void Answer::complete() {
    Usage usage;
    for (const PromptTokens& prompt : prompts_) {
        usage.prompt_tokens += static_cast<int64_t>(prompt.tokens.size());
    }
    std::vector<Choice> choices;
    for (Part& part : choices_) {
        ASSAY_CHECK(part.done && !part.choice.finish_reason.empty());
        usage.completion_tokens += part.generated;
        choices.push_back(std::move(part.choice));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_;
    on_done_(cancelled_ ? "abort" : choices.front().finish_reason, took.count());
    const std::string cancelled =
        error_json({503, "the request was cancelled", "unavailable_error", "", ""});
    if (!request_.stream) {
        reply_->respond(cancelled_ ? 503 : 200,
                        cancelled_ ? cancelled : answer_json(head_, choices, usage),
                        "application/json",
                        {});
        return;
    }
    if (cancelled_) {
        reply_->send_event(cancelled);
    } else if (request_.include_usage) {
        reply_->send_event(usage_chunk_json(head_, usage));
    }
    reply_->send_event("[DONE]");
    reply_->finish();
}

}  // namespace assay
