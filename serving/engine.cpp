#include "serving/engine.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/check.h"
#include "core/owner_thread.h"

namespace assay {

namespace {

struct Running {
    uint64_t number = 0;
    GenerationRequest request;
    Engine::OnToken on_token;
    Engine::OnFinish on_finish;
    Engine::OnPrompt on_prompt;
    std::shared_ptr<SequenceModel> model;
    uint64_t sequence = 0;
    std::vector<int32_t> generated;
    size_t fed = 0;        // tokens that the model has read: its prompt, then one a step
    bool counted = false;  // among the running ones of the metrics
};

}  // namespace

struct Engine::State {
    Settings settings;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::shared_ptr<SequenceModel> model;
    std::deque<Running> waiting;
    std::set<uint64_t> cancelled;
    bool stopping = false;
    uint64_t next_number = 1;
    EngineMetrics metrics;

    std::vector<Running> running;  // the engine's thread only
    OwnerThread owner;
    std::thread thread;

    void run();
    void check_invariants() const;
    void end_all();
    bool admit();
    void drop_cancelled();
    void begin(Running& answer);
    void check_admitted(const Running& answer) const;
    static std::vector<float> read_prompt(Running& answer);
    void step_all();
    void step_group(const std::shared_ptr<SequenceModel>& group_model);
    bool take(Running& answer, const std::vector<float>& logits);
    void finish(Running& answer, FinishReason reason);
    void remove_finished();
    void count(uint64_t EngineMetrics::*field, uint64_t by) {
        const std::lock_guard<std::mutex> lock(mutex);
        metrics.*field += by;
    }
};

Engine::Engine(Settings settings, std::shared_ptr<SequenceModel> model)
    : state_(std::make_unique<State>()) {
    ASSAY_CHECK(model != nullptr);
    ASSAY_CHECK_LT(size_t{0}, settings.running_max);
    state_->settings = settings;
    state_->model = std::move(model);
    state_->thread = std::thread([this] { state_->run(); });
}

Engine::~Engine() {
    stop();
}

void Engine::stop() {
    {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        state_->stopping = true;
    }
    state_->changed.notify_one();
    ASSAY_CHECK(std::this_thread::get_id() != state_->thread.get_id());  // no callback stops it
    if (state_->thread.joinable()) {
        state_->thread.join();
    }
}

uint64_t Engine::submit(GenerationRequest request,
                        OnToken on_token,
                        OnFinish on_finish,
                        OnPrompt on_prompt) {
    ASSAY_CHECK(!request.prompt.empty());
    ASSAY_CHECK(on_token && on_finish && (on_prompt || !request.rate_prompt));
    ASSAY_CHECK(request.alternatives >= 0 && request.tokens_max >= 0);
    uint64_t number = 0;
    {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        if (state_->waiting.size() >= state_->settings.waiting_max || state_->stopping) {
            return 0;
        }
        number = state_->next_number++;
        std::shared_ptr<SequenceModel> model = request.model ? request.model : state_->model;
        // Room for the prompt and, unless only that is rated, for one token of an answer.
        const auto prompt = static_cast<int64_t>(request.prompt.size());
        ASSAY_CHECK_LE(prompt + std::min<int64_t>(1, request.tokens_max), model->context_tokens());
        request.model.reset();
        state_->waiting.push_back({number,
                                   std::move(request),
                                   std::move(on_token),
                                   std::move(on_finish),
                                   std::move(on_prompt),
                                   std::move(model),
                                   0,
                                   {},
                                   0});
        ASSAY_CHECK_LE(state_->waiting.size(), state_->settings.waiting_max);
    }
    state_->changed.notify_one();
    return number;
}

void Engine::cancel(uint64_t number) {
    {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        state_->cancelled.insert(number);
    }
    state_->changed.notify_one();
}

void Engine::swap_model(std::shared_ptr<SequenceModel> model) {
    ASSAY_CHECK(model != nullptr);
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->model = std::move(model);
}

EngineMetrics Engine::metrics() const {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    EngineMetrics metrics = state_->metrics;
    metrics.waiting = state_->waiting.size();
    return metrics;
}

void Engine::State::run() {
    while (true) {
        {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [this] {
                return stopping || !waiting.empty() || !running.empty() || !cancelled.empty();
            });
            if (stopping) {
                break;
            }
        }
        drop_cancelled();
        // Bounded: a long queue of prompts keeps nobody who runs waiting.
        for (size_t i = 0; i < settings.running_max && admit(); ++i) {
        }
        step_all();
        remove_finished();
        check_invariants();
    }
    end_all();
}

// Between two steps: what runs is counted, stands where it was fed, and shares its sequence with
// nobody.
void Engine::State::check_invariants() const {
    std::set<std::pair<const SequenceModel*, uint64_t>> sequences;
    for (const Running& answer : running) {
        ASSAY_CHECK(answer.counted && !answer.generated.empty());
        ASSAY_CHECK_EQ(answer.fed + 1, answer.request.prompt.size() + answer.generated.size());
        ASSAY_CHECK(sequences.emplace(answer.model.get(), answer.sequence).second);
    }
    const std::lock_guard<std::mutex> lock(mutex);
    ASSAY_CHECK_EQ(metrics.running, running.size());
    ASSAY_CHECK_LE(running.size(), settings.running_max);
}

// Nothing is added any more once `stopping` is set.
void Engine::State::end_all() {
    for (Running& answer : running) {
        finish(answer, FinishReason::kCancelled);
    }
    remove_finished();
    ASSAY_CHECK(running.empty());
    std::deque<Running> dropped;
    {
        const std::lock_guard<std::mutex> lock(mutex);
        ASSAY_CHECK(stopping && metrics.running == 0);
        dropped.swap(waiting);
        metrics.cancelled += dropped.size();
    }
    for (Running& answer : dropped) {
        answer.on_finish(FinishReason::kCancelled);
    }
}

// Takes one waiting request in, if there is room; its prompt is read at once.
bool Engine::State::admit() {
    Running answer;
    {
        const std::lock_guard<std::mutex> lock(mutex);
        if (waiting.empty() || running.size() >= settings.running_max) {
            return false;
        }
        answer = std::move(waiting.front());
        waiting.pop_front();
        metrics.prompt_tokens += answer.request.prompt.size();
    }
    begin(answer);
    return true;
}

// A sequence of its own, with nothing in it.
void Engine::State::check_admitted(const Running& answer) const {
    ASSAY_CHECK(answer.model != nullptr && answer.generated.empty() && !answer.counted);
    ASSAY_CHECK_EQ(answer.fed, size_t{0});
    ASSAY_CHECK_LT(running.size(), settings.running_max);
    for (const Running& other : running) {
        ASSAY_CHECK(other.number != answer.number);  // admitted once
        ASSAY_CHECK(other.model != answer.model || other.sequence != answer.sequence);
    }
}

std::vector<float> Engine::State::read_prompt(Running& answer) {
    const std::vector<int32_t>& prompt = answer.request.prompt;
    answer.fed = prompt.size();
    if (!answer.request.rate_prompt) {
        return answer.model->prefill(answer.sequence, prompt, {});
    }
    std::vector<SampledToken> rated;
    std::vector<float> logits = answer.model->prefill(
        answer.sequence, prompt, [&](size_t index, std::span<const float> behind) {
            if (index + 1 < prompt.size()) {
                rated.push_back(rate_token(behind, prompt[index + 1], answer.request.alternatives));
            }
        });
    ASSAY_CHECK_EQ(rated.size() + 1, prompt.size());
    answer.on_prompt(rated);
    return logits;
}

void Engine::State::begin(Running& answer) {
    answer.sequence = answer.model->begin_sequence();
    check_admitted(answer);
    const std::vector<float> logits = read_prompt(answer);
    if (answer.request.tokens_max <= 0) {
        finish(answer, FinishReason::kLength);
        return;
    }
    // Before its client can see the first token.
    answer.counted = true;
    count(&EngineMetrics::running, 1);
    if (take(answer, logits)) {
        running.push_back(std::move(answer));
    }
}

void Engine::State::drop_cancelled() {
    std::set<uint64_t> numbers;
    std::vector<Running> dropped;
    {
        const std::lock_guard<std::mutex> lock(mutex);
        numbers.swap(cancelled);
        for (auto it = waiting.begin(); it != waiting.end();) {
            const bool drop = numbers.count(it->number) > 0;
            if (drop) {
                dropped.push_back(std::move(*it));
            }
            it = drop ? waiting.erase(it) : it + 1;
        }
        metrics.cancelled += dropped.size();
    }
    for (Running& answer : dropped) {
        answer.on_finish(FinishReason::kCancelled);
    }
    for (Running& answer : running) {
        if (numbers.count(answer.number) > 0) {
            finish(answer, FinishReason::kCancelled);
        }
    }
    remove_finished();
}

// Samples the next token and hands it out. False: the answer is complete.
bool Engine::State::take(Running& answer, const std::vector<float>& logits) {
    const GenerationRequest& request = answer.request;
    const uint64_t position = request.prompt.size() + answer.generated.size();
    ASSAY_CHECK(owner.is_here());
    ASSAY_CHECK(answer.model != nullptr);  // nothing comes behind the finish
    ASSAY_CHECK_EQ(position, answer.fed);
    ASSAY_CHECK_LT(static_cast<int64_t>(position), answer.model->context_tokens());
    ASSAY_CHECK_LT(static_cast<int64_t>(answer.generated.size()), request.tokens_max);
    ASSAY_CHECK_EQ(static_cast<int64_t>(logits.size()), answer.model->vocabulary());
    const bool may_end = static_cast<int64_t>(answer.generated.size()) >= request.tokens_min;
    SamplingPlace place{request.prompt, answer.generated, {}, position};
    if (!may_end) {
        place.forbidden = request.end_tokens;
    }
    const SampledToken sampled =
        sample_token(logits, place, request.sampling, request.alternatives);
    const bool ends =
        std::count(request.end_tokens.begin(), request.end_tokens.end(), sampled.token) != 0;
    if (ends && may_end) {
        finish(answer, FinishReason::kStop);
        return false;
    }
    answer.generated.push_back(sampled.token);
    count(&EngineMetrics::generated_tokens, 1);
    if (!answer.on_token(sampled)) {
        finish(answer, FinishReason::kStop);
        return false;
    }
    const bool full = static_cast<int64_t>(position) + 1 >= answer.model->context_tokens();
    const bool enough = static_cast<int64_t>(answer.generated.size()) >= answer.request.tokens_max;
    if (full || enough) {
        finish(answer, FinishReason::kLength);
        return false;
    }
    return true;
}

void Engine::State::finish(Running& answer, FinishReason reason) {
    ASSAY_CHECK(owner.is_here());
    ASSAY_CHECK(answer.model != nullptr);  // finished once
    answer.model->end_sequence(answer.sequence);
    answer.model.reset();
    if (answer.counted) {
        const std::lock_guard<std::mutex> lock(mutex);
        ASSAY_CHECK_LT(uint64_t{0}, metrics.running);
        --metrics.running;  // before the client can know that its answer is complete
    }
    count(reason == FinishReason::kCancelled ? &EngineMetrics::cancelled : &EngineMetrics::finished,
          1);
    answer.on_finish(reason);
}

void Engine::State::remove_finished() {
    running.erase(std::remove_if(running.begin(),
                                 running.end(),
                                 [](const Running& answer) { return answer.model == nullptr; }),
                  running.end());
}

// One token for every running answer; those of one model share a batch.
void Engine::State::step_all() {
    std::set<std::shared_ptr<SequenceModel>> models;
    for (const Running& answer : running) {
        models.insert(answer.model);
    }
    for (const std::shared_ptr<SequenceModel>& group_model : models) {
        step_group(group_model);
    }
}

void Engine::State::step_group(const std::shared_ptr<SequenceModel>& group_model) {
    std::vector<Running*> group;
    std::vector<uint64_t> sequences;
    std::vector<int32_t> tokens;
    for (Running& answer : running) {
        if (answer.model == group_model) {
            group.push_back(&answer);
            sequences.push_back(answer.sequence);
            tokens.push_back(answer.generated.back());
            ++answer.fed;
        }
    }
    ASSAY_CHECK(!group.empty() && group.size() <= settings.running_max);
    const std::vector<std::vector<float>> logits = group_model->step(sequences, tokens);
    ASSAY_CHECK_EQ(logits.size(), group.size());
    for (size_t i = 0; i < group.size(); ++i) {
        take(*group[i], logits[i]);
    }
}

}  // namespace assay
