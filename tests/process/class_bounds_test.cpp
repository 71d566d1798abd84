// Classes bf16 and tf32 against class exact, which audits them: honest gradients lie inside the
// class's bounds, those of another batch outside.

#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"
#include "llama/device.h"
#include "llama/llama.h"
#include "tests/support/skip.h"
#include "verify/gradient_audit.h"

namespace assay {
namespace {

ModelShape demo_like_shape() {
    ModelShape shape;  // the demo's, with fewer layers
    shape.vocab = 512;
    shape.layers = 2;
    return shape;
}

TokenBatch random_batch(const ModelShape& shape, uint64_t number) {
    CounterRng rng(derive_seed(Digest{}, "batch", {number}));
    TokenBatch batch{8, 64, {}};
    batch.tokens.resize(size_t{8} * 65);
    for (int32_t& token : batch.tokens) {
        token = static_cast<int32_t>(rng.below(static_cast<uint64_t>(shape.vocab)));
    }
    return batch;
}

struct Gradient {
    std::vector<float> values;
    StepGradient step;
};

Gradient gradient_of(const ModelShape& shape,
                     NumericClass numeric_class,
                     int threads,
                     const TokenBatch& batch) {
    const auto model = make_llama(shape, numeric_class, {threads, false});
    REQUIRE(model.ok());
    const std::vector<float> theta = initial_parameters(shape, derive_seed(Digest{}, "theta"));
    Gradient gradient{std::vector<float>(theta.size()), {}};
    gradient.step = (*model)->gradient(theta, batch, 4, gradient.values);
    return gradient;
}

// The second moments after some steps on other batches, v_hat itself.
std::vector<float> second_moments(const ModelShape& shape) {
    constexpr uint64_t kSteps = 8;
    std::vector<float> v;
    for (uint64_t step = 1; step <= kSteps; ++step) {
        const Gradient g = gradient_of(shape, NumericClass::kExact, 1, random_batch(shape, step));
        v.resize(g.values.size(), 0.0F);
        for (size_t i = 0; i < v.size(); ++i) {
            v[i] += g.values[i] * g.values[i] / kSteps;
        }
    }
    return v;
}

TEST_CASE("honest gradients lie inside the bounds of the class, an altered token does not",
          "[process][needs_torch]") {
    if (!torch_compiled()) {
        skip_case("this build has no libtorch, which these classes compute with");
        return;
    }
    const auto numeric_class = GENERATE(NumericClass::kBf16, NumericClass::kTf32);
    CAPTURE(class_name(numeric_class));
    const ModelShape shape = demo_like_shape();
    const TokenBatch batch = random_batch(shape, 0);
    const Gradient exact = gradient_of(shape, NumericClass::kExact, 1, batch);
    const std::vector<float> v = second_moments(shape);
    const auto compare = [&](const Gradient& peer, const Gradient& auditor) {
        return compare_gradients(
            llama_layout(shape), peer.values, auditor.values, v, 1.0F, AdamSettings{}.epsilon);
    };
    const ToleranceBounds bounds = tolerance_of(VerifySettings{}, numeric_class);
    for (const int threads : {1, 2}) {
        const Gradient peer = gradient_of(shape, numeric_class, threads, batch);
        const GradientFigures honest = compare(peer, exact);
        CHECK(honest.rho < bounds.rho);
        CHECK(honest.rho_plain < bounds.rho);
        CHECK(honest.rho_worst_tensor < bounds.worst_tensor);
        CHECK(honest.rho_worst_chunk < bounds.worst_tensor);
        CHECK(std::abs(honest.alpha - 1) < bounds.alpha);
        CHECK(std::abs(peer.step.mean_loss - exact.step.mean_loss) < bounds.loss);
        CHECK(honest.rho_plain > 1e-4);  // it is another arithmetic
    }
    TokenBatch altered = batch;
    altered.tokens[70] = (altered.tokens[70] + 1) % static_cast<int32_t>(shape.vocab);
    const Gradient other = gradient_of(shape, numeric_class, 1, altered);
    CHECK(compare(other, exact).rho > 2 * bounds.rho);
}

}  // namespace
}  // namespace assay
