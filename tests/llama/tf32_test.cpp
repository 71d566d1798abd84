// Rounding to tf32 on hostile values, and products whose operands are rounded in both directions.

#include "llama/tf32.h"

#include <torch/csrc/autograd/autograd.h>

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/rng.h"

namespace assay {
namespace {

uint32_t rounded_bits(uint32_t bits) {
    const at::Tensor one = at::full({1}, std::bit_cast<float>(bits), at::kFloat);
    return std::bit_cast<uint32_t>(*rounded_to_tf32(one).const_data_ptr<float>());
}

TEST_CASE("values round to 10 mantissa bits, ties to even, carries and specials included",
          "[llama]") {
    const std::vector<std::pair<uint32_t, uint32_t>> cases = {
        {0x3F800000, 0x3F800000},  // 1
        {0x3F800FFF, 0x3F800000},  // below half of the last place
        {0x3F801000, 0x3F800000},  // half: to even, down
        {0x3F801001, 0x3F802000},  // above half
        {0x3F803000, 0x3F804000},  // half: to even, up
        {0x3FFFF000, 0x40000000},  // a carry into the exponent
        {0x7F7FEFFF, 0x7F7FE000},  // the largest that stays finite
        {0x7F7FF000, 0x7F800000},  // past it: infinity
        {0x7F7FFFFF, 0x7F800000},
        {0x00000000, 0x00000000},
        {0x00000001, 0x00000000},  // denormals
        {0x00001000, 0x00000000},
        {0x00001001, 0x00002000},
        {0x007FFFFF, 0x00800000},  // the largest of them, to the smallest normal number
        {0x7F800000, 0x7F800000}};
    for (const auto& [from, to] : cases) {
        CAPTURE(from);
        CHECK(rounded_bits(from) == to);
        CHECK(rounded_bits(from | 0x80000000U) == (to | 0x80000000U));
    }
    for (const uint32_t nan : {0x7F800001U, 0x7FC00000U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
        CHECK(std::isnan(std::bit_cast<float>(rounded_bits(nan))));
    }
    CounterRng rng(derive_seed(Digest{}, "tf32"));
    for (int i = 0; i < 20000; ++i) {  // the nearest multiple of the last place, in double
        const auto bits = static_cast<uint32_t>(rng.below(0x7F000000));
        const double value = static_cast<double>(std::bit_cast<float>(bits));
        const int exponent = std::max(std::ilogb(value), -126);
        const double place = std::ldexp(1.0, exponent - 10);
        const double nearest = std::nearbyint(value / place) * place;
        REQUIRE(static_cast<double>(std::bit_cast<float>(rounded_bits(bits))) == nearest);
    }
}

TEST_CASE("products read rounded operands forwards and backwards", "[llama]") {
    at::manual_seed(1);
    const at::Tensor x = at::randn({3, 5, 24}).requires_grad_();
    const at::Tensor weight = at::randn({16, 24}).requires_grad_();
    const at::Tensor pull = at::randn({3, 5, 16});
    const at::Tensor y = tf32_linear(x, weight);
    const auto gradients = torch::autograd::grad({y}, {x, weight}, {pull});
    const auto fine = [](const at::Tensor& t) { return rounded_to_tf32(t).to(at::kDouble); };
    const auto near = [](const at::Tensor& got, const at::Tensor& wanted) {
        return (got.to(at::kDouble) - wanted).norm().item<double>() <
               1e-6 * wanted.norm().item<double>();
    };
    const at::Tensor rows = fine(x).reshape({15, 24});
    const at::Tensor pulled = fine(pull).reshape({15, 16});
    CHECK(near(y.reshape({15, 16}), rows.matmul(fine(weight).t())));
    CHECK(near(gradients[0].reshape({15, 24}), pulled.matmul(fine(weight))));
    CHECK(near(gradients[1], pulled.t().matmul(rows)));
    CHECK_FALSE(near(y, x.detach().to(at::kDouble).matmul(weight.detach().to(at::kDouble).t())));
}

TEST_CASE("attention reads q, k, v and the incoming gradient rounded, and no later token",
          "[llama]") {
    at::manual_seed(2);
    const auto made = [] { return at::randn({2, 3, 9, 8}); };
    const std::vector<at::Tensor> inputs = {made(), made(), made(), made()};  // q, k, v, gradient
    const auto all_of = [](std::vector<at::Tensor> in) {
        for (size_t i = 0; i < 3; ++i) {
            in[i] = in[i].clone().requires_grad_();
        }
        std::vector<at::Tensor> out = {tf32_attention(in[0], in[1], in[2])};
        const auto gradients = torch::autograd::grad({out[0]}, {in[0], in[1], in[2]}, {in[3]});
        out.insert(out.end(), gradients.begin(), gradients.end());
        return out;
    };
    const std::vector<at::Tensor> wanted = all_of(inputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
        std::vector<at::Tensor> one_rounded = inputs;
        one_rounded[i] = rounded_to_tf32(inputs[i]);
        const std::vector<at::Tensor> got = all_of(one_rounded);
        CAPTURE(i);
        for (size_t j = 0; j < got.size(); ++j) {
            CHECK(got[j].equal(wanted[j]));
        }
    }
    const at::Tensor stock =
        at::scaled_dot_product_attention(inputs[0], inputs[1], inputs[2], std::nullopt, 0.0, true);
    const double error = ((wanted[0] - stock).norm() / stock.norm()).item<double>();
    CHECK(error > 1e-5);
    CHECK(error < 2e-3);
}

}  // namespace
}  // namespace assay
