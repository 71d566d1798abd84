// The coder that is only for study: set to the format's choices it is the format, bit for bit.

#include "studies/study_coder.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>

#include "compression/error_feedback.h"
#include "core/rng.h"
#include "studies/strategy_run.h"

namespace assay {
namespace {

constexpr uint32_t kKeep = 96;

// A matrix of three chunks and a bit, a vector, and one of 64 x 128, whose blocks are no rows.
ParameterLayout layout_of_three() {
    ParameterLayout layout;
    layout.add("model.layers.0.mlp.up_proj.weight", 200, 64);
    layout.add("model.norm.weight", 1, 64);
    layout.add("model.layers.0.mlp.down_proj.weight", 64, 128);
    return layout;
}

// Small numbers of few bits, so that many are alike; if steep, larger towards a tensor's end.
std::vector<float> values_of(const ParameterLayout& layout, bool steep = true) {
    CounterRng rng(derive_seed(Digest{}, "study coder"));
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            const auto whole = static_cast<float>(rng.below(2001)) - 1000;
            const float rising = steep ? 1 + static_cast<float>(i) / 4096 : 1;
            values[tensor.first_value() + i] = whole * rising * 0x1p-20F;
        }
    }
    return values;
}

struct Studied {
    StudyUpdate update;
    std::vector<float> left;
};

Studied studied(const ParameterLayout& layout, const StudyCoding& coding, bool steep = true) {
    Studied result{{}, values_of(layout, steep)};
    result.update = study_code(result.left, layout, kKeep, coding);
    return result;
}

double energy_sent(const ParameterLayout& layout, const StudyCoding& coding) {
    return energy_of(studied(layout, coding).update.q);
}

StudyCoding selecting(Selection selection) {
    StudyCoding coding;
    coding.selection = selection;
    return coding;
}

void check_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    size_t different = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        different += std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i]) ? 1 : 0;
    }
    CHECK(different == 0);
}

Digest root_of(const StrategySetup& setup, std::optional<StudyCoding> study) {
    StrategyCase one;
    one.strategy = "sparseloco";
    one.learning_rate = 1e-2;
    one.aggregate.alpha = 1.2;
    one.compression = {kKeep, 1024, 0.6};
    one.study = std::move(study);
    const Result<StrategyOutcome> outcome = run_strategy(setup, one, 5);
    REQUIRE(outcome.ok());
    return outcome->theta_root;
}

}  // namespace

TEST_CASE("with the format's choices it sends and leaves what the format does", "[studies]") {
    const bool steep = GENERATE(true, false);  // without: many values at the edge of the choice
    const ParameterLayout layout = layout_of_three();
    const Studied ours = studied(layout, {}, steep);
    std::vector<float> left = values_of(layout, steep);
    const SparseUpdate update = code_values(left, layout, kKeep);
    std::vector<float> q(left.size());
    expand_update(update, q);
    check_same_bits(ours.update.q, q);
    check_same_bits(ours.left, left);
    CHECK(ours.update.kept == kept_values(update));
}

TEST_CASE("the bits counted are near the format's where no place is denser", "[studies]") {
    const ParameterLayout layout = layout_of_three();
    std::vector<float> values = values_of(layout, false);
    const SparseUpdate update = code_values(values, layout, kKeep);
    const auto bytes =
        static_cast<double>(encode_sparse(update, layout, PayloadKind::kSparse, kKeep).size());
    CHECK(studied(layout, {}, false).update.bits / 8 == Approx(bytes).epsilon(0.1));
}

TEST_CASE("a training run whose peers use it ends where that of the format does", "[studies]") {
    BenchOptions options;
    options.tiny = true;
    const Result<StrategySetup> setup = strategy_setup(options, strategy_sizes(true));
    REQUIRE(setup.ok());
    const Digest format = root_of(*setup, std::nullopt);
    CHECK(root_of(*setup, StudyCoding{}) == format);
    StudyCoding one_bit;
    one_bit.values.bits = 1;
    CHECK(root_of(*setup, one_bit) != format);
    CHECK(root_of(*setup, selecting(Selection::kSpread)) != format);
}

TEST_CASE("selections send as many values and no more energy than the freest", "[studies]") {
    const ParameterLayout layout = layout_of_three();
    const uint64_t rows = studied(layout, {}).update.kept;
    const double freest = energy_sent(layout, selecting(Selection::kSpread));
    for (const Selection selection :
         {Selection::kRows, Selection::kBlocks, Selection::kByEnergy, Selection::kSpread}) {
        const StudyUpdate update = studied(layout, selecting(selection)).update;
        CHECK(update.kept == rows);
        CHECK(energy_of(update.q) <= freest * 1.001);
    }
    CHECK(energy_sent(layout, selecting(Selection::kByEnergy)) > energy_sent(layout, {}));
    CHECK(studied(layout, selecting(Selection::kBlocks)).update.q != studied(layout, {}).update.q);
    ParameterLayout narrow;  // rows of 64 values: a block is a chunk
    narrow.add("model.layers.0.self_attn.q_proj.weight", 128, 64);
    check_same_bits(studied(narrow, selecting(Selection::kBlocks)).update.q,
                    studied(narrow, {}).update.q);
}

TEST_CASE("bits are those of the definition", "[studies]") {
    ParameterLayout layout;
    layout.add("model.layers.0.mlp.up_proj.weight", 64, 64);
    StudyCoding one_bit;
    one_bit.values.bits = 1;
    const double indices = log2_choose(4096, kKeep);
    const double header = 8 * kPayloadHeaderBytes;
    CHECK(studied(layout, one_bit).update.bits == Approx(header + indices + kKeep + 16));
    StudyCoding halves;  // two classes of 48: a bit each and what learning that costs
    halves.values.split = Split::kMedian;
    const double bits = studied(layout, halves).update.bits - header - indices - 32;
    CHECK(bits / kKeep == Approx(2).margin(0.1));
    halves.scales = ScaleFormat::kFp16;
    CHECK(studied(layout, halves).update.bits == Approx(bits + header + indices + 32));
}

TEST_CASE("dense vectors are sent whole, and magnitudes can be a tensor's", "[studies]") {
    const ParameterLayout layout = layout_of_three();
    const TensorLayout& vector = layout.tensors[1];
    StudyCoding coding;
    coding.dense_vectors = true;
    const Studied dense = studied(layout, coding);
    const std::vector<float> values = values_of(layout);
    for (uint64_t i = vector.first_value(); i < vector.first_value() + vector.live(); ++i) {
        CHECK(dense.update.q[i] == Approx(values[i]).epsilon(1e-3).margin(1e-7));
        CHECK(dense.left[i] == values[i] - dense.update.q[i]);
    }
    StudyCoding shared;
    shared.values = {1, Split::kMean, true, {}};
    std::vector<float> magnitudes;
    const StudyUpdate update = studied(layout, shared).update;
    for (uint64_t i = 0; i < layout.tensors[0].live(); ++i) {
        if (update.q[i] != 0) {
            magnitudes.push_back(std::fabs(update.q[i]));
        }
    }
    REQUIRE(magnitudes.size() > kKeep);
    CHECK(std::count(magnitudes.begin(), magnitudes.end(), magnitudes.front()) ==
          static_cast<std::ptrdiff_t>(magnitudes.size()));
}

}  // namespace assay
