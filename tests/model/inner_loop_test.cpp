// The inner loop over a model with a closed form: what the hook sees, clip, decay, failure,
// resuming.
#include "model/inner_loop.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "kernels/norm.h"

namespace assay {

namespace {

// Loss 0.5 * ||theta - target||^2; the target is the batch's first token.
class QuadraticModel : public GradientModel {
public:
    QuadraticModel() {
        layout_.add("matrix", 70, 60);
        layout_.add("norm", 1, 5);
    }
    [[nodiscard]] const ParameterLayout& layout() const override { return layout_; }

    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t,
                          std::span<float> gradient) override {
        const auto target = static_cast<float>(batch.tokens[0]);
        std::fill(gradient.begin(), gradient.end(), 0.0F);
        double loss = 0;
        for (const TensorLayout& tensor : layout_.tensors) {
            for (uint64_t i = 0; i < tensor.live(); ++i) {
                const float difference = theta[tensor.first_value() + i] - target;
                gradient[tensor.first_value() + i] = difference;
                loss += 0.5 * static_cast<double>(difference) * static_cast<double>(difference);
            }
        }
        if (batch.tokens[0] == kPoison) {
            gradient[3] = std::numeric_limits<float>::quiet_NaN();
        }
        return {static_cast<float>(loss), {static_cast<float>(loss)}};
    }
    std::vector<float> losses(std::span<const float>, const TokenBatch&) override { return {}; }

    static constexpr int32_t kPoison = 99;

private:
    ParameterLayout layout_;
};

TokenBatch batch_of(int32_t token) {
    return {1, 1, {token, token}};
}

Result<TokenBatch> ones(uint32_t) {
    return batch_of(1);
}

InnerState zero_state(const ParameterLayout& layout) {
    const std::vector<float> zeros(layout.value_count(), 0.0F);
    return {zeros, zeros, zeros};
}

InnerPlan plan_of(uint32_t steps) {
    const BiasTable table = bias_table(0.9, 0.95);
    const uint32_t rate = std::bit_cast<uint32_t>(1e-2F);
    return {steps, 1, 0, std::vector<uint32_t>(steps, rate), table.bias1_bits, table.bias2_bits};
}

bool equal_bits(std::span<const float> a, std::span<const float> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
        return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
    });
}

const std::atomic<bool> kNever{false};

}  // namespace

TEST_CASE("the hook sees clipped g and the tiles' digests of each step; from g the end follows") {
    QuadraticModel model;
    const InnerPlan plan = plan_of(6);
    InnerLoop loop(model, {}, plan, zero_state(model.layout()), Hashed::kThetaGAndV);
    InnerState replica = zero_state(model.layout());
    uint32_t seen = 0;
    const auto hook = [&](const InnerStep& step) -> Status {
        CHECK(step.step == seen++);
        CHECK(merkle_root(step.tiles.theta) == tiles_root(replica.theta));
        CHECK(merkle_root(step.tiles.g) == tiles_root(step.g));
        CHECK(merkle_root(step.tiles.v) == tiles_root(replica.v));
        CHECK(step.gradient_norm > 1.0F);
        CHECK(squared_norm(step.g) == Approx(1.0));
        CHECK(step.mean_loss > 0.0F);
        CHECK(step.sequence_losses.size() == 1);
        REQUIRE(
            adamw_all(model.pool(), model.layout(), spans_of(replica), step.g, {}, plan, step.step)
                .ok());
        return {};
    };
    const Result<InnerLoop::End> end = loop.run(ones, hook, kNever);
    REQUIRE(end.ok());
    CHECK(*end == InnerLoop::End::kFinished);
    CHECK(seen == 6);
    CHECK(loop.steps_done() == 6);
    CHECK(equal_bits(loop.state().theta, replica.theta));
    CHECK(equal_bits(loop.state().m, replica.m));
    CHECK(equal_bits(loop.state().v, replica.v));
    CHECK(loop.state().theta[0] > 0.0F);
    // Padding of both tensors has stayed zero.
    CHECK(loop.state().theta[model.layout().tensors[0].live()] == 0.0F);
    CHECK(loop.state().m.back() == 0.0F);
}

TEST_CASE("AdamW and the digests of its tiles are the same on any number of threads") {
    ParameterLayout layout;  // 1 to 9 tiles a tensor, decayed or not
    layout.add("matrix", 90, 400);
    layout.add("norm", 1, 400);
    layout.add("wide", 3, 4096);
    layout.add("last", 1, 5);
    const auto made = [&](float scale) {
        std::vector<float> values(layout.value_count(), 0.0F);
        for (const TensorLayout& tensor : layout.tensors) {
            for (uint64_t i = 0; i < tensor.live(); ++i) {
                values[tensor.first_value() + i] = scale * static_cast<float>(i % 1009 + 1);
            }
        }
        return values;
    };
    const std::vector<float> g = made(-0x1p-14F);
    const InnerState before{made(0x1p-12F), made(0x1p-15F), made(0x1p-18F)};
    const InnerPlan plan = plan_of(1);
    InnerState expected = before;
    for (const TensorLayout& tensor : layout.tensors) {  // tensor by tensor
        const auto part = [&](auto& values) {
            return std::span(values).subspan(tensor.first_value(), tensor.live());
        };
        const AdamScalars scalars = adam_scalars(
            {}, plan.learning_rate_bits[0], plan.bias1_bits, plan.bias2_bits, 1, tensor.decayed());
        REQUIRE(
            adamw_step(part(expected.theta), part(expected.m), part(expected.v), part(g), scalars));
    }
    for (const int threads : {1, 2, 3, 40}) {
        for (const Hashed hashed : {Hashed::kNothing, Hashed::kThetaAndG, Hashed::kThetaGAndV}) {
            ThreadPool pool(threads);
            InnerState state = before;
            const auto tiles = adamw_all(pool, layout, spans_of(state), g, {}, plan, 0, hashed);
            REQUIRE(tiles.ok());
            CHECK(equal_bits(state.theta, expected.theta));
            CHECK(equal_bits(state.m, expected.m));
            CHECK(equal_bits(state.v, expected.v));
            const size_t count = hashed == Hashed::kNothing ? 0 : layout.tile_count();
            REQUIRE(tiles->theta.size() == count);
            REQUIRE(tiles->g.size() == count);
            REQUIRE(tiles->v.size() == (hashed == Hashed::kThetaGAndV ? count : 0));
            if (count > 0) {
                CHECK(merkle_root(tiles->theta) == tiles_root(before.theta));
                CHECK(merkle_root(tiles->g) == tiles_root(g));
            }
            if (!tiles->v.empty()) {
                CHECK(merkle_root(tiles->v) == tiles_root(before.v));
            }
        }
    }
}

TEST_CASE("the first tensor that is not finite after the update is named") {
    ParameterLayout layout;
    layout.add("matrix", 90, 400);
    layout.add("norm", 1, 400);
    const std::vector<float> g(layout.value_count(), 0.0F);
    const auto reason = [&](size_t theta_at, size_t v_at) {
        InnerState state = zero_state(layout);
        state.theta[theta_at] = std::numeric_limits<float>::infinity();
        state.v[v_at] = std::numeric_limits<float>::infinity();
        ThreadPool pool(2);
        return adamw_all(pool, layout, spans_of(state), g, {}, plan_of(1), 0).reason();
    };
    const size_t norm = layout.tensors[1].first_value();
    CHECK(reason(norm + 3, 35999) ==
          "the second moments of matrix are not finite after the update");
    CHECK(reason(35999, norm) == "the parameters of matrix are not finite after the update");
    CHECK(reason(norm, norm + 1) == "the parameters of norm are not finite after the update");
}

TEST_CASE("decay reaches matrices alone, and steps go on counting from round to round") {
    QuadraticModel model;
    InnerState state = zero_state(model.layout());
    for (const TensorLayout& tensor : model.layout().tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            state.theta[tensor.first_value() + i] = 1.0F;  // at the target: zero gradient
        }
    }
    InnerLoop loop(model, {}, plan_of(1), state);
    REQUIRE(loop.run(ones, nullptr, kNever).ok());
    CHECK(loop.state().theta[0] < 1.0F);
    CHECK(loop.state().theta[model.layout().tensors[1].first_value()] == 1.0F);

    // Two rounds of three steps are one round of six.
    InnerLoop whole(model, {}, plan_of(6), zero_state(model.layout()));
    REQUIRE(whole.run(ones, nullptr, kNever).ok());
    InnerLoop first(model, {}, plan_of(3), zero_state(model.layout()));
    REQUIRE(first.run(ones, nullptr, kNever).ok());
    InnerPlan rest = plan_of(3);
    rest.optimiser_steps_before = 3;
    InnerLoop second(model, {}, rest, first.state());
    REQUIRE(second.run(ones, nullptr, kNever).ok());
    CHECK(equal_bits(whole.state().theta, second.state().theta));
}

TEST_CASE("the plan's numbers reach the loop") {
    RoundPlan plan;
    plan.inner_steps = 7;
    plan.grain_sequences = 2;
    plan.learning_rate_bits = {1, 2, 3};
    plan.bias1_bits = {4};
    plan.bias2_bits = {5, 6};
    PlanPeer peer;
    peer.optimiser_steps = 70;
    const InnerPlan inner = inner_plan(plan, peer);
    CHECK(inner.steps == 7);
    CHECK(inner.grain_sequences == 2);
    CHECK(inner.optimiser_steps_before == 70);
    CHECK(inner.learning_rate_bits == plan.learning_rate_bits);
    CHECK(inner.bias1_bits == plan.bias1_bits);
    CHECK(inner.bias2_bits == plan.bias2_bits);
}

TEST_CASE("a set flag abandons the round between two steps") {
    QuadraticModel model;
    InnerLoop loop(model, {}, plan_of(5), zero_state(model.layout()));
    std::atomic<bool> cancel{false};
    const auto hook = [&cancel](const InnerStep& step) -> Status {
        cancel = step.step == 1;
        return {};
    };
    const Result<InnerLoop::End> end = loop.run(ones, hook, cancel);
    REQUIRE(end.ok());
    CHECK(*end == InnerLoop::End::kAbandoned);
    CHECK(loop.steps_done() == 2);
}

TEST_CASE("failures name the step and change nothing") {
    QuadraticModel model;
    const auto poisoned = [](uint32_t step) -> Result<TokenBatch> {
        return batch_of(step == 2 ? QuadraticModel::kPoison : 1);
    };
    InnerLoop loop(model, {}, plan_of(5), zero_state(model.layout()));
    const Result<InnerLoop::End> broken = loop.run(poisoned, nullptr, kNever);
    REQUIRE_FALSE(broken.ok());
    CHECK(broken.reason().find("step 2") != std::string::npos);
    CHECK(broken.reason().find("not finite") != std::string::npos);
    CHECK(loop.steps_done() == 2);
    InnerLoop two(model, {}, plan_of(2), zero_state(model.layout()));
    REQUIRE(two.run(ones, nullptr, kNever).ok());
    CHECK(equal_bits(loop.state().theta, two.state().theta));
    CHECK(broken.reason() == "step 2: the gradient of matrix is not finite");

    // Every gradient is a NaN then, that of the matrix in front of it too.
    InnerState spoiled = zero_state(model.layout());
    spoiled.theta[model.layout().tensors[1].first_value() + 4] =
        std::numeric_limits<float>::infinity();
    InnerLoop infinite(model, {}, plan_of(1), spoiled);
    CHECK(infinite.run(poisoned, nullptr, kNever).reason() ==
          "step 0: the parameters of norm are not finite");

    InnerLoop absent(model, {}, plan_of(1), zero_state(model.layout()));
    const auto missing = [](uint32_t) -> Result<TokenBatch> { return fail("no such sample"); };
    CHECK(absent.run(missing, nullptr, kNever).reason() == "step 0: no such sample");
    const auto full = [](const InnerStep&) -> Status { return fail("disk full"); };
    CHECK(absent.run(ones, full, kNever).reason() == "step 0: disk full");
}

}  // namespace assay
