// What a gradient's bits depend on: the grains, and within the class fp32 the threads; nothing
// else.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"
#include "llama/llama.h"

namespace assay {
namespace {

ModelShape demo_like_shape() {
    ModelShape shape;  // the demo's, with fewer layers
    shape.vocab = 512;
    shape.layers = 2;
    return shape;
}

TokenBatch random_batch(const ModelShape& shape, uint32_t sequences, uint32_t length) {
    CounterRng rng(derive_seed(Digest{}, "batch"));
    TokenBatch batch{sequences, length, {}};
    batch.tokens.resize(size_t{sequences} * (length + 1));
    for (int32_t& token : batch.tokens) {
        token = static_cast<int32_t>(rng.below(static_cast<uint64_t>(shape.vocab)));
    }
    return batch;
}

// Sequences [first, first + count) alone.
TokenBatch part_of(const TokenBatch& batch, uint32_t first, uint32_t count) {
    const size_t row = batch.sequence_tokens + 1;
    const auto begin = batch.tokens.begin() + static_cast<std::ptrdiff_t>(first * row);
    return {
        count, batch.sequence_tokens, {begin, begin + static_cast<std::ptrdiff_t>(count * row)}};
}

struct Trained {
    explicit Trained(int threads = 1)
        : model(make_llama(shape, NumericClass::kFp32, {threads, false}).value()) {}
    std::vector<float> gradient(const TokenBatch& batch, uint32_t grain) {
        std::vector<float> out(theta.size(), 7.0F);
        step = model->gradient(theta, batch, grain, out);
        return out;
    }
    ModelShape shape = demo_like_shape();
    std::vector<float> theta = initial_parameters(shape, derive_seed(Digest{}, "theta"));
    std::unique_ptr<GradientModel> model;
    StepGradient step;
};

double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        difference += std::pow(double{a[i]} - double{b[i]}, 2);
        norm += std::pow(double{b[i]}, 2);
    }
    return std::sqrt(difference / norm);
}

TEST_CASE("a batch's gradient is the left-to-right sum of its grains'", "[llama]") {
    Trained trained;
    // Powers of two, so that the loss scale of a part and of the whole differ by an exact factor.
    const TokenBatch batch = random_batch(trained.shape, 8, 32);
    for (const uint32_t grain : {1U, 2U, 4U}) {
        const std::vector<float> whole = trained.gradient(batch, grain);
        const std::vector<float> losses = trained.step.sequence_losses;
        std::vector<float> sum(whole.size(), 0.0F);
        for (uint32_t first = 0; first < 8; first += grain) {
            const std::vector<float> part = trained.gradient(part_of(batch, first, grain), grain);
            const float share = static_cast<float>(grain) / 8;
            for (size_t i = 0; i < sum.size(); ++i) {
                sum[i] += share * part[i];
            }
            CHECK(std::equal(trained.step.sequence_losses.begin(),
                             trained.step.sequence_losses.end(),
                             losses.begin() + first));
        }
        CHECK(sum == whole);
    }
}

TEST_CASE("the last grain may be short, and a grain may be longer than the batch", "[llama]") {
    Trained trained;
    const TokenBatch batch = random_batch(trained.shape, 3, 24);
    const std::vector<float> ones = trained.gradient(batch, 1);
    CHECK(relative_difference(trained.gradient(batch, 2), ones) < 1e-5);
    const std::vector<float> whole = trained.gradient(batch, 3);
    CHECK(trained.gradient(batch, 100) == whole);
    CHECK(trained.step.sequence_losses.size() == 3);
    double sum = 0;
    for (const float loss : trained.step.sequence_losses) {
        sum += loss;
    }
    CHECK(trained.step.mean_loss == static_cast<float>(sum / 3));
}

TEST_CASE("one altered token is far outside what threads change", "[llama]") {
    Trained one(1);
    const TokenBatch batch = random_batch(one.shape, 4, 64);
    const std::vector<float> gradient = one.gradient(batch, 2);
    TokenBatch altered = batch;
    altered.tokens[70] = (altered.tokens[70] + 1) % static_cast<int32_t>(one.shape.vocab);
    CHECK(relative_difference(one.gradient(altered, 2), gradient) > 1e-3);
    Trained two(2);
    CHECK(relative_difference(two.gradient(batch, 2), gradient) < 1e-5);
    set_model_threads(1);
}

TEST_CASE("shapes that do not fit are refused in words", "[llama]") {
    ModelShape shape = demo_like_shape();
    shape.kv_heads = 3;
    const auto model = make_llama(shape, NumericClass::kFp32, {1, false});
    REQUIRE_FALSE(model.ok());
    CHECK(model.reason().find("kv_heads") != std::string::npos);
}

}  // namespace
}  // namespace assay
