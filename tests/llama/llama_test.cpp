// The network on libtorch against an independent forward pass in double precision, and its
// gradients against finite differences.

#include "llama/llama.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"
#include "kernels/norm.h"
#include "model/inner_loop.h"
#include "tests/model/double_decoder.h"

namespace assay {
namespace {

TEST_CASE("losses and gradients equal the double computation and its differences", "[llama]") {
    for (const bool tied : {true, false}) {
        const ModelShape shape = tiny_shape(tied);
        std::vector<float> theta = made_theta(shape);
        const TokenBatch batch = made_batch(shape, 2);
        auto model = make_llama(shape, NumericClass::kFp32, {1, false});
        REQUIRE(model.ok());
        std::vector<float> gradient(theta.size());
        const StepGradient step = (*model)->gradient(theta, batch, 1, gradient);
        CHECK(step.mean_loss == Approx(double_loss(shape, theta, batch)).epsilon(1e-5));
        CHECK((*model)->losses(theta, batch) == step.sequence_losses);
        CounterRng rng(derive_seed(Digest{}, "entries"));
        for (const TensorLayout& tensor : (*model)->layout().tensors) {
            for (int sample = 0; sample < 3; ++sample) {
                const size_t at = tensor.first_value() + rng.below(tensor.live());
                const float kept = theta[at];
                const float width = 1.0F / 256;
                theta[at] = kept + width;
                const double above = double_loss(shape, theta, batch);
                theta[at] = kept - width;
                const double below = double_loss(shape, theta, batch);
                theta[at] = kept;
                INFO(tensor.name);
                CHECK(gradient[at] ==
                      Approx((above - below) / (2 * width)).epsilon(2e-3).margin(2e-5));
            }
        }
    }
}

TEST_CASE("grains are summed left to right and padding stays zero", "[llama]") {
    const ModelShape shape = tiny_shape(true);
    const std::vector<float> theta = made_theta(shape);
    const TokenBatch batch = made_batch(shape, 4);
    auto model = make_llama(shape, NumericClass::kFp32, {1, false});
    std::vector<float> whole(theta.size());
    (*model)->gradient(theta, batch, 1, whole);
    std::vector<float> again(theta.size());
    (*model)->gradient(theta, batch, 1, again);
    CHECK(whole == again);
    for (const TensorLayout& tensor : (*model)->layout().tensors) {
        for (uint64_t i = tensor.live(); i < tensor.tile_count() * kTileValues; ++i) {
            REQUIRE(whole[tensor.first_value() + i] == 0.0F);
        }
    }
    std::vector<float> coarse(theta.size());
    (*model)->gradient(theta, batch, 4, coarse);
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
        difference += std::pow(double{whole[i]} - double{coarse[i]}, 2);
        norm += std::pow(double{whole[i]}, 2);
    }
    CHECK(std::sqrt(difference / norm) < 1e-5);
}

TEST_CASE("clipping and AdamW beside libtorch give the same bits on any number of threads",
          "[llama]") {
    const ModelShape shape = tiny_shape(true);
    InnerPlan plan;
    plan.steps = 1;
    plan.learning_rate_bits = {0x3A83126F};
    std::vector<float> expected;
    for (const int threads : {1, 2, 3}) {
        CAPTURE(threads);
        auto model = make_llama(shape, NumericClass::kFp32, {threads, false});
        REQUIRE(model.ok());
        ThreadPool& pool = (*model)->pool();
        CHECK(pool.threads() == threads);
        InnerState state{made_theta(shape), {}, {}};
        state.m.assign(state.theta.size(), 0.0F);
        state.v = state.m;
        std::vector<float> g = made_theta(shape);  // libtorch's own sums may depend on threads
        scale_in_place(pool, g, clip_scale(squared_norm(pool, g), 0.5F));
        REQUIRE(adamw_all(pool, (*model)->layout(), spans_of(state), g, {}, plan, 0).ok());
        g.insert(g.end(), state.theta.begin(), state.theta.end());
        g.insert(g.end(), state.m.begin(), state.m.end());
        g.insert(g.end(), state.v.begin(), state.v.end());
        expected = threads == 1 ? g : expected;
        CHECK(g == expected);
    }
    set_model_threads(1);
}

TEST_CASE("class tf32 is fp32 but for its roundings, which leave the later tokens unseen",
          "[llama]") {
    const ModelShape shape = tiny_shape(true);
    const std::vector<float> theta = made_theta(shape);
    const TokenBatch batch = made_batch(shape, 2);
    const auto model = make_llama(shape, NumericClass::kTf32, {1, false});
    REQUIRE(model.ok());
    std::vector<float> gradient(theta.size());
    const StepGradient step = (*model)->gradient(theta, batch, 1, gradient);
    CHECK(step.mean_loss == Approx(double_loss(shape, theta, batch)).epsilon(2e-3));
    CHECK((*model)->losses(theta, batch) == step.sequence_losses);
    std::vector<float> stock(theta.size());
    (*make_llama(shape, NumericClass::kFp32, {1, false}))->gradient(theta, batch, 1, stock);
    double difference = 0;
    for (size_t i = 0; i < stock.size(); ++i) {
        difference += std::pow(double{gradient[i]} - double{stock[i]}, 2);
    }
    const double error = std::sqrt(difference / squared_norm(stock));
    CHECK(error > 1e-5);
    CHECK(error < 4e-3);
}

}  // namespace
}  // namespace assay
