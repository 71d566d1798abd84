// Order of summation of norms, and clipping.
#include "kernels/norm.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/merkle.h"

using namespace assay;

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
