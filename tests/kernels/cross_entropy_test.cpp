// Cross-entropy: every path against the scalar file, both losses, double precision, gradients.
#include "kernels/cross_entropy.h"

#include "tests/kernels/exact_inputs.h"

namespace assay {

namespace {

std::vector<float> run_both(ThreadPool& pool, size_t rows, size_t vocab, Inputs inputs) {
    const std::vector<int32_t> targets = random_tokens(rows, rows, vocab);
    std::vector<float> logits = exact_inputs(vocab, rows * vocab, inputs);
    std::vector<float> only(rows);
    std::vector<float> losses(rows);
    cross_entropy_losses(pool, targets, vocab, logits.data(), only.data());
    cross_entropy_backward(pool, targets, vocab, 0.125F, logits.data(), losses.data());
    require_same(only, losses);
    return joined(losses, logits);
}

double exact_loss(const std::vector<double>& logits, size_t target) {
    double greatest = logits[0];
    for (const double x : logits) {
        greatest = std::max(greatest, x);
    }
    double sum = 0;
    for (const double x : logits) {
        sum += std::exp(x - greatest);
    }
    return std::log(sum) - (logits[target] - greatest);
}

}  // namespace

TEST_CASE("cross-entropy has the scalar bits on every path, and one loss") {
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t vocab : {1U, 2U, 15U, 16U, 17U, 100U, 259U}) {
            require_same_on_all_paths(
                [&](ThreadPool& pool) { return run_both(pool, 5, vocab, inputs); });
        }
        require_same_on_all_paths(
            [&](ThreadPool& pool) { return run_both(pool, 40, 2001, inputs); });
    }
}

TEST_CASE("cross-entropy and its gradient follow double precision", "[double]") {
    ThreadPool pool(1);
    for (const size_t vocab : {3U, 50U, 5003U}) {
        const size_t target = vocab / 2;
        std::vector<float> logits = exact_inputs(vocab, vocab, Inputs::kPlain);
        for (float& value : logits) {
            value = 8 * value - 300.0F;
        }
        std::vector<double> wide(logits.begin(), logits.end());
        const std::vector<int32_t> targets{static_cast<int32_t>(target)};
        float loss = 0;
        cross_entropy_backward(pool, targets, vocab, 0.5F, logits.data(), &loss);
        const double exact = exact_loss(wide, target);
        CHECK(std::abs(static_cast<double>(loss) - exact) < 1e-6 * exact);
        for (size_t j = 0; j < vocab; j += 1 + vocab / 50) {
            const double slope =
                finite_difference(wide[j], [&] { return 0.5 * exact_loss(wide, target); });
            REQUIRE(static_cast<double>(logits[j]) == Approx(slope).epsilon(3e-6).margin(1e-8));
        }
    }
}

TEST_CASE("a certain row costs nothing, a NaN reaches the loss") {
    ThreadPool pool(1);
    std::vector<float> logits{500.0F, 0.0F, -3e38F};
    float loss = -1;
    cross_entropy_losses(pool, std::vector<int32_t>{0}, 3, logits.data(), &loss);
    CHECK(loss == 0.0F);
    for (const size_t at : {0U, 1U, 2U}) {
        std::vector<float> broken = logits;
        broken[at] = std::numeric_limits<float>::quiet_NaN();
        cross_entropy_losses(pool, std::vector<int32_t>{0}, 3, broken.data(), &loss);
        CHECK(std::isnan(loss));
    }
}

TEST_CASE("a logit of +inf makes the loss NaN, one of -inf counts as e^-87") {
    const float infinity = std::numeric_limits<float>::infinity();
    for (const KernelPath path : available_kernel_paths()) {
        const ForcedKernelPath forced(path);
        ThreadPool pool(1);
        for (const size_t vocab : {2U, 16U, 17U, 35U}) {
            for (size_t at = 0; at < vocab; ++at) {
                INFO(kernel_path_name(path) << ", logit " << at << " of " << vocab);
                const std::vector<int32_t> target{static_cast<int32_t>((at + 1) % vocab)};
                const auto with = [&](float value) {
                    std::vector<float> logits(vocab, -100.0F);
                    logits[at] = value;
                    std::vector<float> loss(1);
                    cross_entropy_backward(pool, target, vocab, 1.0F, logits.data(), loss.data());
                    return joined(loss, logits);
                };
                CHECK(std::isnan(with(infinity)[0]));
                CHECK(std::isfinite(with(-infinity)[0]));
                CHECK(with(-infinity)[1 + at] > 0.0F);
                require_same(with(-infinity), with(-187.0F));
            }
        }
    }
}

}  // namespace assay
