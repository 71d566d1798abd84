// Two steps of a tiny decoder, compared with a second implementation in another language:
// scripts/exact_reference.py was written from docs/exact-arithmetic.md alone and reaches the same
// digests of theta and losses (tests/golden/exact.txt, reference_*).

#include <catch2/catch.hpp>
#include <cstdlib>

#include "core/digest.h"
#include "kernels/kernel_path.h"
#include "tests/golden/golden_run.h"
#include "tests/golden/golden_values.h"
#include "tests/support/skip.h"
#include "tests/support/tested_path.h"

namespace assay {
namespace {

struct Case {
    const char* name;
    ModelShape shape;
    uint32_t sequences = 0;
    uint32_t sequence_tokens = 0;
    uint32_t grain_sequences = 0;
};

ModelShape small_shape(bool tied) {
    ModelShape shape;
    shape.vocab = 37;
    shape.width = 20;
    shape.layers = 2;
    shape.heads = 2;
    shape.kv_heads = 1;
    shape.head_width = 10;
    shape.ffn_width = 18;
    shape.context = 19;
    shape.tied = tied;
    return shape;
}

// With more rows in a grain than logits exist at a time.
ModelShape narrow_shape() {
    ModelShape shape = small_shape(false);
    shape.vocab = 11;
    shape.width = 4;
    shape.layers = 1;
    shape.heads = 1;
    shape.head_width = 4;
    shape.ffn_width = 3;
    return shape;
}

std::vector<Case> cases() {
    return {{"reference_untied", small_shape(false), 3, 19, 2},
            {"reference_tied", small_shape(true), 3, 19, 2},
            {"reference_rows", narrow_shape(), 262, 2, 261}};
}

// Matrices four times those of the golden run, so that scores and logits differ.
std::vector<float> reference_theta(const ModelShape& shape) {
    std::vector<float> theta(llama_layout(shape).value_count(), 0.0F);
    uint64_t state = 1;
    for (const TensorLayout& tensor : llama_layout(shape).tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            const auto number = static_cast<int32_t>(next_number(state) % 2001) - 1000;
            theta[tensor.first_value() + i] =
                (tensor.rows == 1 ? 1.0F : 0.0F) + static_cast<float>(number) * 0x1.0p-11F;
        }
    }
    return theta;
}

TokenBatch reference_batch(const Case& one, uint32_t step) {
    TokenBatch batch;
    batch.sequences = one.sequences;
    batch.sequence_tokens = one.sequence_tokens;
    uint64_t state = 12345 + step;
    for (uint32_t i = 0; i < batch.sequences * (batch.sequence_tokens + 1); ++i) {
        batch.tokens.push_back(
            static_cast<int32_t>(next_number(state) % static_cast<uint64_t>(one.shape.vocab)));
    }
    return batch;
}

// SHA-256 of theta after two steps and of the last losses.
Digest reference_digest(const Case& one, const ExactOptions& options) {
    const auto model = make_exact_llama(one.shape, options);
    REQUIRE(model);
    const AdamSettings adam;
    InnerPlan plan;
    plan.steps = 2;
    plan.learning_rate_bits.assign(plan.steps, 0x3c23d70aU);  // 0.01
    const BiasTable bias = bias_table(0.9, 0.95);
    plan.bias1_bits = bias.bias1_bits;
    plan.bias2_bits = bias.bias2_bits;
    InnerState state{reference_theta(one.shape), {}, {}};
    state.m.assign(state.theta.size(), 0.0F);
    state.v.assign(state.theta.size(), 0.0F);
    std::vector<float> g(state.theta.size());
    std::vector<float> losses;
    for (uint32_t step = 0; step < plan.steps; ++step) {
        const auto gradient = clipped_gradient(
            **model, state.theta, reference_batch(one, step), one.grain_sequences, adam.clip, g);
        REQUIRE(gradient);
        losses = gradient->losses.sequence_losses;
        if (step == 0 && one.shape.layers > 1) {
            CHECK(gradient->norm > adam.clip);  // the clip is part of what is compared
        }
        REQUIRE(
            adamw_all((*model)->pool(), (*model)->layout(), spans_of(state), g, adam, plan, step));
    }
    std::vector<float> all = state.theta;
    all.insert(all.end(), losses.begin(), losses.end());
    return sha256_plain(
        ByteSpan(reinterpret_cast<const uint8_t*>(all.data()), all.size() * sizeof(float)));
}

void check_reference(KernelPath path) {
    const auto golden = golden_values();
    const ForcedKernelPath forced(path);
    for (const int threads : {1, 3}) {
        INFO(kernel_path_name(path) << ", " << threads << " threads");
        for (const Case& one : cases()) {
            INFO(one.name);
            CHECK(reference_digest(one, {threads, threads == 3}).hex() == golden.at(one.name));
        }
    }
}

TEST_CASE("a second implementation reaches the bits of every machine's paths", "[exact][golden]") {
    on_paths_of_every_machine(check_reference);
}

TEST_CASE("a second implementation reaches the bits of AVX2", "[exact][golden][needs_avx2]") {
    on_path(KernelPath::kAvx2, check_reference);
}

TEST_CASE("a second implementation reaches the bits of AVX-512", "[exact][golden][needs_avx512]") {
    on_path(KernelPath::kAvx512, check_reference);
}

TEST_CASE("the second implementation runs", "[exact][golden][slow][needs_python]") {
    if (std::system("python3 --version >/dev/null 2>&1") != 0) {
        skip_case("no python3 on this machine");
        return;
    }
    const std::string script = std::string(ASSAY_SOURCE_DIR) + "/scripts/exact_reference.py";
    CHECK(std::system(("python3 '" + script + "'").c_str()) == 0);
}

}  // namespace
}  // namespace assay
