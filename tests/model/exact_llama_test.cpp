// The exact network against an independent one in double precision, and its gradients against
// finite differences; that its bits depend on nothing but the numbers.

#include "model/exact_llama.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>

#include "kernels/kernel_path.h"
#include "model/decoder.h"
#include "model/inner_loop.h"
#include "tests/model/double_decoder.h"

namespace assay {
namespace {

struct Computed {
    StepGradient step;
    std::vector<float> gradient;
};

Computed gradient_of(const ModelShape& shape,
                     const std::vector<float>& theta,
                     const TokenBatch& batch,
                     uint32_t grain,
                     const ExactOptions& options = {}) {
    auto model = make_exact_llama(shape, options);
    REQUIRE(model.ok());
    Computed result;
    result.gradient.assign(theta.size(), 7.0F);  // must be overwritten
    result.step = (*model)->gradient(theta, batch, grain, result.gradient);
    return result;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_CASE("exact logits equal an independent computation in double precision", "[exact]") {
    for (const bool tied : {true, false}) {
        const ModelShape shape = tiny_shape(tied);
        const std::vector<float> theta = made_theta(shape);
        const TokenBatch batch = made_batch(shape, 1);
        const std::vector<int32_t> tokens(batch.tokens.begin(), batch.tokens.end() - 1);
        Decoder decoder(shape, theta, 1);
        const std::vector<float> logits = decoder.prompt_logits(tokens);
        const auto expected = DoubleDecoder(shape, theta).logits(tokens);
        double worst = 0;
        for (size_t t = 0; t < expected.size(); ++t) {
            for (size_t i = 0; i < expected[t].size(); ++i) {
                const double got = logits[t * expected[t].size() + i];
                worst = std::max(worst, std::abs(got - expected[t][i]));
            }
        }
        CHECK(worst < 1e-5);
    }
}

TEST_CASE("exact losses and gradients equal the double computation's", "[exact]") {
    for (const bool tied : {true, false}) {
        const ModelShape shape = tiny_shape(tied);
        std::vector<float> theta = made_theta(shape);
        const TokenBatch batch = made_batch(shape, 2);
        const Computed found = gradient_of(shape, theta, batch, 1);
        CHECK(found.step.mean_loss == Approx(double_loss(shape, theta, batch)).epsilon(1e-6));
        CHECK((*make_exact_llama(shape, {}))->losses(theta, batch) == found.step.sequence_losses);
        CounterRng rng(derive_seed(Digest{}, "entries"));
        for (const TensorLayout& tensor : llama_layout(shape).tensors) {
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
                CHECK(found.gradient[at] ==
                      Approx((above - below) / (2 * width)).epsilon(2e-3).margin(2e-5));
            }
        }
    }
}

TEST_CASE("a gradient is the sum of its grains, and padding stays zero", "[exact]") {
    const ModelShape shape = tiny_shape(true);
    const std::vector<float> theta = made_theta(shape);
    const TokenBatch batch = made_batch(shape, 5);
    const Computed fine = gradient_of(shape, theta, batch, 1);
    const Computed coarse = gradient_of(shape, theta, batch, 5);
    for (const TensorLayout& tensor : llama_layout(shape).tensors) {
        for (uint64_t i = tensor.live(); i < tensor.tile_count() * kTileValues; ++i) {
            REQUIRE(fine.gradient[tensor.first_value() + i] == 0.0F);
            REQUIRE(coarse.gradient[tensor.first_value() + i] == 0.0F);
        }
    }
    CHECK_FALSE(same_bits(fine.gradient, coarse.gradient));
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < fine.gradient.size(); ++i) {
        difference += std::pow(double{fine.gradient[i]} - double{coarse.gradient[i]}, 2);
        norm += std::pow(double{fine.gradient[i]}, 2);
    }
    CHECK(std::sqrt(difference / norm) < 1e-5);
    CHECK(fine.step.sequence_losses == coarse.step.sequence_losses);
}

void require_one_gradient(const ModelShape& shape, const TokenBatch& batch, uint32_t grain) {
    const std::vector<float> theta = made_theta(shape);
    const Computed expected = [&] {
        const ForcedKernelPath scalar(KernelPath::kScalar);
        return gradient_of(shape, theta, batch, grain);
    }();
    for (const KernelPath path : available_kernel_paths()) {
        const ForcedKernelPath forced(path);
        for (const int threads : {1, 2, 3}) {
            for (const bool recompute : {false, true}) {
                INFO(kernel_path_name(path) << ", " << threads << " threads, " << recompute);
                const Computed found =
                    gradient_of(shape, theta, batch, grain, {threads, recompute});
                CHECK(same_bits(found.gradient, expected.gradient));
                CHECK(same_bits(found.step.sequence_losses, expected.step.sequence_losses));
            }
        }
    }
}

TEST_CASE("threads, kernels and recomputed layers change no bit", "[exact]") {
    ModelShape shape = tiny_shape(false);
    shape.width = 24;
    shape.heads = 3;
    shape.kv_heads = 1;
    shape.head_width = 8;
    shape.ffn_width = 37;
    shape.context = 40;
    require_one_gradient(shape, made_batch(shape, 3), 2);
}

// Large enough for products and attention to be shared among threads.
TEST_CASE("threads change no bit of a step that they share", "[exact]") {
    ModelShape shape = tiny_shape(false);
    shape.layers = 1;
    shape.width = 128;
    shape.heads = 2;
    shape.kv_heads = 1;
    shape.head_width = 64;
    shape.ffn_width = 131;
    shape.context = 140;
    require_one_gradient(shape, made_batch(shape, 2), 2);
}

TEST_CASE("a model used for batches of several sizes gives each its own bits", "[exact]") {
    const ModelShape shape = tiny_shape(true);
    const std::vector<float> theta = made_theta(shape);
    auto model = make_exact_llama(shape, {});
    REQUIRE(model.ok());
    for (const uint32_t sequences : {3U, 1U, 4U, 2U}) {
        const TokenBatch batch = made_batch(shape, sequences);
        std::vector<float> gradient(theta.size());
        (*model)->gradient(theta, batch, 2, gradient);
        CHECK(same_bits(gradient, gradient_of(shape, theta, batch, 2).gradient));
    }
}

TEST_CASE("a NaN among the parameters is found, and its tensor named", "[exact]") {
    const ModelShape shape = tiny_shape(true);
    const TokenBatch batch = made_batch(shape, 1);
    for (const TensorLayout& tensor : llama_layout(shape).tensors) {
        std::vector<float> theta = made_theta(shape);
        const size_t row = tensor.rows > 1 ? static_cast<size_t>(batch.tokens[0]) % tensor.rows : 0;
        theta[tensor.first_value() + row * tensor.columns] = std::nanf("");
        std::vector<float> g(theta.size());
        auto model = make_exact_llama(shape, {});
        CHECK(clipped_gradient(**model, theta, batch, 1, 1.0F, g).reason() ==
              "the parameters of " + tensor.name + " are not finite");
    }
}

// No token of the batch reads the row: neither loss nor gradient know of it.
TEST_CASE("a NaN in a row of the embedding that no batch reads stops the step", "[exact]") {
    const ModelShape shape = tiny_shape(false);
    const TokenBatch batch = made_batch(shape, 1);
    const auto batches = [&](uint32_t) -> Result<TokenBatch> { return batch; };
    const TensorLayout embedding = llama_layout(shape).tensors[0];
    const auto seen = [&](uint64_t token) {
        return std::count(batch.tokens.begin(), batch.tokens.end(), token) > 0;
    };
    uint64_t unread = 0;
    while (seen(unread)) {
        ++unread;
    }
    REQUIRE(unread < embedding.rows);
    const size_t place = embedding.first_value() + unread * embedding.columns + 1;
    const std::atomic<bool> never{false};
    InnerPlan plan;
    plan.steps = 2;
    plan.learning_rate_bits = {0x3A83126F, 0x3A83126F};
    for (const int array : {0, 1, 2}) {
        CAPTURE(array);
        auto model = make_exact_llama(shape, {});
        REQUIRE(model.ok());
        InnerState state{made_theta(shape), {}, {}};
        state.m.assign(state.theta.size(), 0.0F);
        state.v = state.m;
        std::vector<float>* const arrays[] = {&state.theta, &state.m, &state.v};
        (*arrays[array])[place] = std::nanf("");
        InnerLoop loop(**model, {}, plan, state);
        const auto end = loop.run(batches, nullptr, never);
        REQUIRE_FALSE(end.ok());
        CHECK(end.reason() ==
              "step 0: the parameters of " + embedding.name + " are not finite after the update");
        CHECK(loop.steps_done() == 0);
    }
}

TEST_CASE("activations take the documented memory", "[exact]") {
    ModelShape shape;
    shape.layers = 5;
    const auto of = [](int64_t value) { return static_cast<uint64_t>(value); };
    const uint64_t d = of(shape.width);
    const uint64_t q = of(shape.heads * shape.head_width);
    const uint64_t k = of(shape.kv_heads * shape.head_width);
    const uint64_t f = of(shape.ffn_width);
    const uint64_t layer = 2 * d + 2 * q + 2 * k + 2 * f + 2 * of(shape.heads) + 2;
    const uint64_t once = 4 * d + 2 * q + 2 * k + f + 2;
    for (const uint64_t tokens : {uint64_t{16}, uint64_t{256}, uint64_t{2048}}) {
        const uint64_t logits = std::min<uint64_t>(tokens, 256) * of(shape.vocab);
        CHECK(activation_values(shape, tokens, false) == tokens * (5 * layer + once) + logits);
        CHECK(activation_values(shape, tokens, true) ==
              tokens * (5 * d + layer - d + once) + logits);
    }
}

TEST_CASE("recomputed layers need less memory", "[exact]") {
    const ModelShape shape = tiny_shape(true);
    CHECK(activation_values(shape, 100, true) < activation_values(shape, 100, false));
}

}  // namespace
}  // namespace assay
