// Order of summation of norms, and clipping.
#include "kernels/norm.h"

#include "core/merkle.h"
#include "tests/kernels/exact_inputs.h"

namespace assay {

TEST_CASE("tiles are summed in order, each on its own") {
    // 2^-53 relative to 1 vanishes when added one by one to 1, but not when summed in its own tile.
    const float tiny = std::ldexp(1.0F, -27);  // square 2^-54
    std::vector<float> values(2 * kTileValues, 0.0F);
    values[0] = 1.0F;
    values[1] = tiny;
    CHECK(squared_norm(values) == 1.0);
    for (size_t i = 0; i < 4; ++i) {
        values[kTileValues + i] = tiny;
    }
    CHECK(squared_norm(values) == 1.0 + std::ldexp(1.0, -52));
}

TEST_CASE("a short last tile counts, an empty span is zero") {
    CHECK(squared_norm({}) == 0.0);
    CHECK(squared_norm(std::vector<float>(kTileValues + 3, 2.0F)) ==
          4.0 * static_cast<double>(kTileValues + 3));
    CHECK(std::isfinite(squared_norm(std::vector<float>(9, std::numeric_limits<float>::max()))));
    CHECK_FALSE(std::isfinite(
        squared_norm(std::vector<float>{1.0F, std::numeric_limits<float>::infinity()})));
}

TEST_CASE("clipping scales down only") {
    CHECK(clip_scale(4.0, 1.0F) == 0.5F);
    CHECK(clip_scale(1.0, 1.0F) == 1.0F);
    CHECK(clip_scale(0.25, 1.0F) == 1.0F);
    CHECK(clip_scale(0.0, 1.0F) == 1.0F);
    CHECK(clip_scale(100.0, 0.0F) == 1.0F);
    std::vector<float> values{3.0F, 4.0F};
    scale_in_place(values, clip_scale(squared_norm(values), 1.0F));
    CHECK(squared_norm(values) == Approx(1.0));
}

TEST_CASE("norm and scaling have the bits of a plain loop on every path") {
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t tiles : {0U, 1U, 7U, 8U, 9U, 16U, 70U}) {
            for (const size_t rest : {0U, 1U, 4095U}) {
                const std::vector<float> values =
                    exact_inputs(tiles, tiles * kTileValues + rest, inputs);
                double total = 0;
                double tile = 0;
                for (size_t i = 0; i < values.size(); ++i) {
                    tile += static_cast<double>(values[i]) * static_cast<double>(values[i]);
                    if ((i + 1) % kTileValues == 0 || i + 1 == values.size()) {
                        total += tile;
                        tile = 0;
                    }
                }
                require_same_on_all_paths([&](ThreadPool& pool) {
                    std::vector<float> scaled = values;
                    scale_in_place(pool, scaled, 0.7F);
                    std::vector<float> alone = values;
                    scale_in_place(alone, 0.7F);
                    require_same(scaled, alone);
                    for (const double norm : {squared_norm(pool, values), squared_norm(values)}) {
                        REQUIRE((norm == total || (std::isnan(norm) && std::isnan(total))));
                    }
                    return scaled;
                });
            }
        }
    }
}

}  // namespace assay
