// Decoding beside training: the same network, caches that grow, sequences that do not see one
// another.

#include "model/decoder.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"
#include "model/exact_llama.h"
#include "tests/model/double_decoder.h"

namespace assay {
namespace {

ModelShape shape_of_test(bool tied) {
    ModelShape shape;
    shape.vocab = 300;
    shape.width = 32;
    shape.layers = 2;
    shape.heads = 4;
    shape.kv_heads = 2;
    shape.head_width = 8;
    shape.ffn_width = 48;
    shape.context = 160;  // longer than a cache has room for at first
    shape.tied = tied;
    return shape;
}

std::vector<float> weights_of(const ModelShape& shape, uint64_t seed) {
    std::vector<float> theta = initial_parameters(shape, derive_seed(Digest{}, "weights", {seed}));
    for (float& value : theta) {
        value *= 4;  // far enough from zero that every part matters
    }
    return theta;
}

std::vector<int32_t> tokens_of(const ModelShape& shape, size_t count, uint64_t seed) {
    CounterRng rng(derive_seed(Digest{}, "tokens", {seed}));
    std::vector<int32_t> tokens(count);
    for (int32_t& token : tokens) {
        token = static_cast<int32_t>(rng.below(static_cast<uint64_t>(shape.vocab)));
    }
    return tokens;
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        worst = std::max(worst, std::abs(double{a[i]} - double{b[i]}));
    }
    return worst;
}

// -log p(next) of each position, from logits in double precision, averaged.
double loss_of(std::span<const float> logits, std::span<const int32_t> targets, size_t vocab) {
    double sum = 0;
    for (size_t t = 0; t < targets.size(); ++t) {
        const auto row = logits.subspan(t * vocab, vocab);
        double norm = 0;
        for (const float logit : row) {
            norm += std::exp(double{logit});
        }
        sum += std::log(norm) - double{row[static_cast<size_t>(targets[t])]};
    }
    return sum / static_cast<double>(targets.size());
}

TEST_CASE("logits of the decoder give the loss of training", "[decoder]") {
    for (const bool tied : {true, false}) {
        const ModelShape shape = shape_of_test(tied);
        const auto weights = weights_of(shape, 1);
        const std::vector<int32_t> tokens = tokens_of(shape, 101, 1);
        auto model = make_exact_llama(shape, {});
        REQUIRE(model.ok());
        const std::vector<float> losses = (*model)->losses(weights, {1, 100, tokens});
        Decoder decoder(shape, weights, 1);
        const std::vector<float> logits = decoder.prompt_logits(std::span(tokens).first(100));
        const double expected =
            loss_of(logits, std::span(tokens).subspan(1), static_cast<size_t>(shape.vocab));
        CHECK(losses.front() == Approx(expected).epsilon(1e-5));
    }
}

TEST_CASE("steps over the whole context give the prompt's logits at each position", "[decoder]") {
    const ModelShape shape = shape_of_test(true);
    const auto vocab = static_cast<size_t>(shape.vocab);
    const std::vector<int32_t> tokens = tokens_of(shape, static_cast<size_t>(shape.context), 2);
    Decoder decoder(shape, weights_of(shape, 2), 1);
    const std::vector<float> whole = decoder.prompt_logits(tokens);
    for (const size_t prompt : {size_t{1}, size_t{63}, size_t{100}}) {
        const uint64_t sequence = decoder.begin_sequence();
        std::vector<float> logits = decoder.prefill(sequence, std::span(tokens).first(prompt));
        for (size_t t = prompt; t < tokens.size(); ++t) {
            const auto row = std::span(whole).subspan((t - 1) * vocab, vocab);
            REQUIRE(std::equal(logits.begin(), logits.end(), row.begin(), row.end()));
            logits = decoder.step(std::vector<uint64_t>{sequence}, std::span(tokens).subspan(t, 1))
                         .front();
        }
        CHECK(std::equal(logits.begin(), logits.end(), whole.end() - static_cast<long>(vocab)));
        decoder.end_sequence(sequence);
    }
}

TEST_CASE("a prompt's logits can be heard position by position", "[decoder]") {
    const ModelShape shape = shape_of_test(true);
    const auto vocab = static_cast<size_t>(shape.vocab);
    const std::vector<int32_t> tokens = tokens_of(shape, 37, 5);
    Decoder decoder(shape, weights_of(shape, 5), 1);
    const std::vector<float> whole = decoder.prompt_logits(tokens);
    size_t heard = 0;
    const std::vector<float> last =
        decoder.prefill(decoder.begin_sequence(), tokens, [&](size_t index, auto logits) {
            const auto row = std::span(whole).subspan(index * vocab, vocab);
            CHECK(index == heard++);
            CHECK(std::equal(logits.begin(), logits.end(), row.begin(), row.end()));
        });
    CHECK(heard == tokens.size());
    CHECK(std::equal(last.begin(), last.end(), whole.end() - static_cast<long>(vocab)));
}

TEST_CASE("a sequence has the same bits whatever runs beside it", "[decoder]") {
    const ModelShape shape = shape_of_test(true);
    Decoder decoder(shape, weights_of(shape, 3), 1);
    const auto continuation = [&](size_t mates, size_t turn) {
        std::vector<uint64_t> sequences;
        std::vector<std::vector<float>> logits;
        for (size_t i = 0; i <= mates; ++i) {
            const bool mine = i == turn;
            sequences.push_back(decoder.begin_sequence());
            logits.push_back(decoder.prefill(sequences.back(),
                                             tokens_of(shape, mine ? 9 : 5 + i, mine ? 99 : i)));
        }
        for (int32_t step = 0; step < 12; ++step) {
            logits = decoder.step(sequences, std::vector<int32_t>(sequences.size(), 7 + step));
        }
        std::for_each(sequences.begin(), sequences.end(), [&](uint64_t sequence) {
            decoder.end_sequence(sequence);
        });
        return logits[turn];
    };
    const std::vector<float> alone = continuation(0, 0);
    CHECK(continuation(4, 0) == alone);
    CHECK(continuation(4, 3) == alone);
}

TEST_CASE("new weights beside the old leave a running sequence alone", "[decoder]") {
    const ModelShape shape = shape_of_test(true);
    const std::vector<int32_t> tokens = tokens_of(shape, 10, 4);
    auto weights = weights_of(shape, 4);
    Decoder old(shape, weights, 1);
    weights.assign(weights.size(), 0.0F);
    const uint64_t sequence = old.begin_sequence();
    const std::vector<float> before = old.prefill(sequence, tokens);
    Decoder next(shape, weights_of(shape, 5), 1);
    CHECK(largest_difference(next.prompt_logits(tokens), old.prompt_logits(tokens)) > 0.1);
    const uint64_t again = old.begin_sequence();
    CHECK(old.prefill(again, tokens) == before);
}

}  // namespace
}  // namespace assay
