// The counted costs of other codings, against cases whose answer is known.

#include "studies/format_costs.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "compression/error_feedback.h"
#include "studies/format_parts.h"
#include "studies/index_models.h"

namespace assay {
namespace {

// One full chunk of 64 x 64 whose every 64th value is 1 + index / 65536, the others tiny.
FormatSample comb() {
    FormatSample sample{"comb", "all", {}, {}, {}};
    sample.layout.add("model.layers.0.mlp.up_proj.weight", 64, 64);
    sample.values.assign(kTileValues, 1e-6F);
    for (size_t i = 0; i < kTileValues; i += 64) {
        sample.values[i] = 1 + static_cast<float>(i) / 65536;
    }
    return sample;
}

SparseUpdate coded(const FormatSample& sample) {
    std::vector<float> values = sample.values;
    return code_values(values, sample.layout, 64);
}

}  // namespace

TEST_CASE("the bits of indices are those of each coding's definition", "[studies]") {
    const FormatSample sample = comb();
    const SparseUpdate update = coded(sample);
    REQUIRE(kept_values(update) == 64);
    const IndexBits bits = index_bits(sample, update);
    // Gaps: 0, then 63 times 63. Rice 5: 6 and 7 bits; the best r is 6: 7 bits each, and 4.
    CHECK(bits.rice5 == Approx((6 + 63 * 7) / 64.0));
    CHECK(bits.rice_adaptive == Approx((64 * 7 + 4) / 64.0).margin(0.07));
    CHECK(bits.elias_fano == Approx(6 + 1 + 1));
    CHECK(bits.enumerative == Approx(7.364).margin(0.001));
    CHECK(bits.gap_entropy == Approx((6 + 63 * std::log2(64 / 63.0)) / 64));
    const PartBits parts = part_bits(update, sample.layout, 64);
    CHECK(parts.indices < parts.all());
    // The parts are what an ideal coder pays; the bytes add a coder's states and a length.
    CHECK(parts.all() <= current_bits(update, sample.layout, 64));
    CHECK(current_bits(update, sample.layout, 64) < parts.all() + 5);
}

TEST_CASE("a context that knows the places makes them cheap, one that knows nothing costs little",
          "[studies]") {
    const FormatSample sample = comb();  // all in one column
    const SparseUpdate update = coded(sample);
    const double blind = context_bits(update, sample.layout, {});
    CHECK(blind == Approx(7.364).margin(0.01));
    CHECK(context_bits(update, sample.layout, {true, false, nullptr}) < blind + 0.5);
    CHECK(context_bits(update, sample.layout, {false, true, nullptr}) < blind - 3);
    CHECK(context_bits(update, sample.layout, {false, false, &update}) < blind - 4);
    CHECK(adaptive_bits({1000, 1000}) == Approx(1).margin(0.01));
}

TEST_CASE("more levels lose less, and a scale that is exact loses nothing more", "[studies]") {
    const FormatSample sample = comb();
    const SparseUpdate update = coded(sample);
    const auto lost = [&](const ValueCoding& coding) {
        return value_quality(sample, update, coding).lost;
    };
    const double one = lost({1, Split::kMean, false, {}});
    const double two = lost({2, Split::kLloyd, false, {}});
    const double three = lost({3, Split::kLloyd, false, {}});
    CHECK(one == Approx(two * 4).epsilon(0.05));  // evenly spaced magnitudes
    CHECK(two == Approx(three * 4).epsilon(0.05));
    CHECK(lost({2, Split::kLloyd, true, {}}) == Approx(two));  // one chunk is the tensor
    CHECK(lost({2, Split::kLloyd, false, [](double scale) { return scale; }}) == Approx(two));
    CHECK(to_fp16(1.0 + 1.0 / 1024) == 1.0 + 1.0 / 1024);
    CHECK(to_bf16(1.0 + 1.0 / 1024) == 1.0);
    CHECK(to_scale12(1.0625) == 1.0625);
    CHECK(to_log8(0.5) == 0.5);
}

TEST_CASE("a spread selection keeps at least what rows and blocks keep", "[studies]") {
    FormatSample sample{"steep", "all", {}, {}, {}};
    sample.layout.add("model.layers.0.mlp.up_proj.weight", 128, 128);
    for (size_t i = 0; i < 4 * kTileValues; ++i) {
        sample.values.push_back(std::exp2(-static_cast<float>(i) / 1024));
    }
    const double rows = energy_kept(sample, Selection::kRows, 64);
    CHECK(energy_kept(sample, Selection::kBlocks, 64) != Approx(rows));
    CHECK(energy_kept(sample, Selection::kSpread, 64) > rows);
    CHECK(energy_kept(sample, Selection::kRows, 4096) == Approx(1.0));
    CHECK(only_kind(sample, "mlp").values == sample.values);
    CHECK(only_kind(sample, "norm").values.empty());
}

}  // namespace assay
