// The engine alone, with a made-up network: batching, room, cancelling, limits, swapping.

#include "serving/engine.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace assay {
namespace {

constexpr int32_t kEngineVocabulary = 16;
constexpr int32_t kEngineEnd = 15;

// The next token is the sum of all tokens of the sequence plus `offset`, modulo 15: never
// kEngineEnd. Steps wait for open(), so that a test decides what has happened before one.
class SumModel : public SequenceModel {
public:
    explicit SumModel(int32_t offset, bool open = true) : offset_(offset), open_(open) {}

    [[nodiscard]] int64_t vocabulary() const override { return kEngineVocabulary; }
    [[nodiscard]] int64_t context_tokens() const override { return 40; }
    uint64_t begin_sequence() override {
        const std::lock_guard<std::mutex> lock(mutex_);
        sums_[++last_] = offset_;
        return last_;
    }
    void end_sequence(uint64_t sequence) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        ended_twice_ = ended_twice_ || sums_.erase(sequence) != 1;
    }
    std::vector<float> prefill(uint64_t sequence,
                               std::span<const int32_t> tokens,
                               const OnLogits& each) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        for (size_t i = 0; i < tokens.size(); ++i) {
            sums_[sequence] += tokens[i];
            if (each) {
                each(i, logits_of(sequence));
            }
        }
        return logits_of(sequence);
    }
    std::vector<std::vector<float>> step(std::span<const uint64_t> sequences,
                                         std::span<const int32_t> tokens) override {
        std::unique_lock<std::mutex> lock(mutex_);
        ++steps_;
        largest_batch_ = std::max(largest_batch_, sequences.size());
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        std::vector<std::vector<float>> all;
        for (size_t i = 0; i < sequences.size(); ++i) {
            sums_[sequences[i]] += tokens[i];
            all.push_back(logits_of(sequences[i]));
        }
        return all;
    }

    void await_step() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return steps_ > 0; });
    }
    void open() {
        const std::lock_guard<std::mutex> lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    [[nodiscard]] size_t alive() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return sums_.size();
    }
    [[nodiscard]] size_t largest_batch() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return largest_batch_;
    }
    [[nodiscard]] bool ended_twice() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return ended_twice_;
    }

private:
    std::vector<float> logits_of(uint64_t sequence) {
        std::vector<float> logits(kEngineVocabulary, 0.0F);
        logits[static_cast<size_t>(sums_[sequence] % (kEngineVocabulary - 1))] = 9;
        return logits;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<uint64_t, int32_t> sums_;
    int32_t offset_;
    bool open_;
    bool ended_twice_ = false;
    int steps_ = 0;
    size_t largest_batch_ = 0;
    uint64_t last_ = 0;
};

// What the engine said about one request.
class Heard {
public:
    uint64_t submit(Engine& engine, GenerationRequest request, size_t stop_after = 1000) {
        return engine.submit(
            std::move(request),
            [this, stop_after](const SampledToken& token) {
                const std::lock_guard<std::mutex> lock(mutex_);
                tokens_.push_back(token.token);
                return tokens_.size() < stop_after;
            },
            [this](FinishReason reason) {
                const std::lock_guard<std::mutex> lock(mutex_);
                ++ends_;
                reason_ = reason;
                changed_.notify_all();
            });
    }
    FinishReason await() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return reason_.has_value(); });
        return *reason_;
    }
    std::vector<int32_t> tokens() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return tokens_;
    }
    int ends() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return ends_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<int32_t> tokens_;
    std::optional<FinishReason> reason_;
    int ends_ = 0;
};

GenerationRequest greedy(std::vector<int32_t> prompt, int64_t tokens_max) {
    GenerationRequest request;
    request.prompt = std::move(prompt);
    request.tokens_max = tokens_max;
    request.sampling.temperature = 0;
    request.end_tokens = {kEngineEnd};
    return request;
}

std::vector<int32_t> expected(const std::vector<int32_t>& prompt, size_t count, int32_t offset) {
    int32_t sum = offset;
    for (const int32_t token : prompt) {
        sum += token;
    }
    std::vector<int32_t> tokens;
    while (tokens.size() < count) {
        tokens.push_back(sum % (kEngineVocabulary - 1));
        sum += tokens.back();
    }
    return tokens;
}

TEST_CASE("requests share steps and none sees another's tokens", "[serving]") {
    const auto model = std::make_shared<SumModel>(0, false);
    Engine engine({4, 16}, model);
    std::vector<Heard> heard(7);
    heard[0].submit(engine, greedy({1}, 12));
    model->await_step();
    for (int32_t i = 1; i < 7; ++i) {
        heard[static_cast<size_t>(i)].submit(engine, greedy({1 + i, 3}, 5 + i));
    }
    CHECK(engine.metrics().waiting == 6);
    model->open();
    CHECK(heard[0].await() == FinishReason::kLength);
    CHECK(heard[0].tokens() == expected({1}, 12, 0));
    for (int32_t i = 1; i < 7; ++i) {
        Heard& one = heard[static_cast<size_t>(i)];
        CHECK(one.await() == FinishReason::kLength);
        CHECK(one.tokens() == expected({1 + i, 3}, static_cast<size_t>(5 + i), 0));
    }
    engine.stop();
    CHECK(model->largest_batch() == 4);
    CHECK(model->alive() == 0);
    CHECK_FALSE(model->ended_twice());
    const EngineMetrics metrics = engine.metrics();
    CHECK(metrics.running == 0);
    CHECK(metrics.finished == 7);
    CHECK(metrics.prompt_tokens == 13);
    CHECK(metrics.generated_tokens == 12 + 6 + 7 + 8 + 9 + 10 + 11);
}

TEST_CASE("an answer ends at its end token, its callback's word, or the context", "[serving]") {
    const auto model = std::make_shared<SumModel>(0);
    Engine engine({}, model);
    Heard ended;
    GenerationRequest request = greedy({2}, 30);
    request.end_tokens = {kEngineEnd, expected({2}, 3, 0).back()};
    ended.submit(engine, request);
    CHECK(ended.await() == FinishReason::kStop);
    CHECK(ended.tokens() == expected({2}, 2, 0));
    Heard stopped;
    stopped.submit(engine, greedy({2}, 30), 4);
    CHECK(stopped.await() == FinishReason::kStop);
    CHECK(stopped.tokens().size() == 4);
    Heard full;
    full.submit(engine, greedy(std::vector<int32_t>(35, 1), 1000));
    CHECK(full.await() == FinishReason::kLength);
    CHECK(full.tokens().size() == 5);
    Heard nothing;
    nothing.submit(engine, greedy({2}, 0));
    CHECK(nothing.await() == FinishReason::kLength);
    CHECK(nothing.tokens().empty());
    engine.stop();
    CHECK(model->alive() == 0);
}

TEST_CASE("a full queue refuses, and takes more once there is room", "[serving]") {
    const auto model = std::make_shared<SumModel>(0, false);
    Engine engine({1, 2}, model);
    std::vector<Heard> heard(4);
    CHECK(heard[0].submit(engine, greedy({1}, 3)) != 0);
    model->await_step();
    CHECK(heard[1].submit(engine, greedy({1}, 3)) != 0);
    CHECK(heard[2].submit(engine, greedy({1}, 3)) != 0);
    Heard refused;
    CHECK(refused.submit(engine, greedy({1}, 3)) == 0);
    model->open();
    CHECK(heard[2].await() == FinishReason::kLength);
    CHECK(heard[3].submit(engine, greedy({1}, 3)) != 0);
    CHECK(heard[3].await() == FinishReason::kLength);
    engine.stop();
    CHECK(refused.ends() == 0);
    CHECK(model->largest_batch() == 1);
}

TEST_CASE("cancelling frees what runs and what waits, and nothing else", "[serving]") {
    const auto model = std::make_shared<SumModel>(0, false);
    Engine engine({2, 16}, model);
    Heard running;
    Heard mate;
    Heard waiting;
    const uint64_t first = running.submit(engine, greedy({1}, 39));
    model->await_step();
    mate.submit(engine, greedy({4}, 6));
    const uint64_t last = waiting.submit(engine, greedy({5}, 6));
    engine.cancel(first);
    engine.cancel(last);
    engine.cancel(last + 100);  // one that never was
    model->open();
    CHECK(running.await() == FinishReason::kCancelled);
    CHECK(waiting.await() == FinishReason::kCancelled);
    CHECK(mate.await() == FinishReason::kLength);
    CHECK(mate.tokens() == expected({4}, 6, 0));
    engine.cancel(first);  // one that has ended
    engine.stop();
    CHECK(running.tokens().size() == 2);  // its prompt's, and the step that ran
    CHECK(waiting.tokens().empty());
    CHECK(engine.metrics().cancelled == 2);
    CHECK(running.ends() == 1);
    CHECK(model->alive() == 0);
}

TEST_CASE("a new model serves what begins later; what runs keeps its own", "[serving]") {
    const auto old = std::make_shared<SumModel>(0, false);
    const auto next = std::make_shared<SumModel>(7);
    Engine engine({}, old);
    Heard before;
    before.submit(engine, greedy({3}, 9));
    old->await_step();
    engine.swap_model(next);
    Heard after;
    after.submit(engine, greedy({3}, 9));
    Heard pinned;
    GenerationRequest request = greedy({3}, 9);
    request.model = old;
    pinned.submit(engine, std::move(request));
    old->open();
    CHECK(before.await() == FinishReason::kLength);
    CHECK(after.await() == FinishReason::kLength);
    CHECK(pinned.await() == FinishReason::kLength);
    CHECK(before.tokens() == expected({3}, 9, 0));
    CHECK(after.tokens() == expected({3}, 9, 7));
    CHECK(pinned.tokens() == expected({3}, 9, 0));
    engine.stop();
    CHECK(old.use_count() == 1);  // its weights are free again
}

TEST_CASE("a request that waits while the model is swapped keeps that of its submission",
          "[serving]") {
    const auto old = std::make_shared<SumModel>(0, false);
    Engine engine({1, 4}, old);
    Heard running;
    running.submit(engine, greedy({3}, 9));
    old->await_step();
    Heard waiting;
    waiting.submit(engine, greedy({4}, 9));
    engine.swap_model(std::make_shared<SumModel>(7));
    old->open();
    CHECK(waiting.await() == FinishReason::kLength);
    CHECK(waiting.tokens() == expected({4}, 9, 0));
}

TEST_CASE("a stopped engine has told every request, and takes none", "[serving]") {
    const auto model = std::make_shared<SumModel>(0, false);
    Engine engine({1, 8}, model);
    std::vector<Heard> heard(3);
    for (Heard& one : heard) {
        one.submit(engine, greedy({1}, 39));
    }
    model->await_step();
    model->open();
    engine.stop();
    for (Heard& one : heard) {
        CHECK(one.ends() == 1);
    }
    Heard late;
    CHECK(late.submit(engine, greedy({1}, 3)) == 0);
    CHECK(model->alive() == 0);
}

TEST_CASE("end tokens are drawn only behind the least number of tokens", "[engine]") {
    const auto model = std::make_shared<SumModel>(0);
    Engine engine({}, model);
    GenerationRequest request = greedy({2}, 5);
    const int32_t end = expected({2}, 3, 0).back();
    request.end_tokens = {end};
    request.tokens_min = 5;
    Heard heard;
    heard.submit(engine, request);
    CHECK(heard.await() == FinishReason::kLength);
    const std::vector<int32_t> tokens = heard.tokens();
    REQUIRE(tokens.size() == 5);
    CHECK(std::count(tokens.begin(), tokens.end(), end) == 0);
}

TEST_CASE("a prompt's tokens are rated from the second on, before any is generated", "[engine]") {
    const auto model = std::make_shared<SumModel>(0);
    Engine engine({}, model);
    GenerationRequest request = greedy({2, 2, 7, 9}, 0);  // 2 then 4 would have been likely
    request.rate_prompt = true;
    request.alternatives = 1;
    std::vector<SampledToken> rated;
    std::atomic<bool> done{false};
    engine.submit(
        request,
        [](const SampledToken& /*token*/) { return true; },
        [&done](FinishReason /*reason*/) { done = true; },
        [&rated](const std::vector<SampledToken>& all) { rated = all; });
    while (!done) {
        std::this_thread::yield();
    }
    REQUIRE(rated.size() == 3);
    CHECK(rated[0].token == 2);
    CHECK(rated[0].alternatives.front().token == 2);
    CHECK(rated[0].log_probability == rated[0].alternatives.front().log_probability);
    CHECK(rated[1].token == 7);
    CHECK(rated[1].alternatives.front().token == 4);
    CHECK(rated[1].log_probability < rated[1].alternatives.front().log_probability);
}

}  // namespace
}  // namespace assay
