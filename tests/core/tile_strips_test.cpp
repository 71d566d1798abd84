// A strip and its path give the digest of its tile, and nothing else does.

#include "core/tile_strips.h"

#include <catch2/catch.hpp>

#include "core/rng.h"

namespace assay {

namespace {

std::vector<float> some_tile(uint64_t seed) {
    CounterRng rng(derive_seed(Digest{}, "strips", {seed}));
    std::vector<float> values(kTileValues);
    for (float& x : values) {
        x = static_cast<float>(rng.normal());
    }
    return values;
}

std::span<const float> strip_of(const std::vector<float>& tile, uint32_t strip) {
    return std::span(tile).subspan(strip * kStripValues, kStripValues);
}

}  // namespace

TEST_CASE("a tile's digest follows from any of its strips", "[core]") {
    const std::vector<float> tile = some_tile(1);
    const Digest digest = tile_digest(7, tile);
    for (uint32_t strip = 0; strip < kStripsPerTile; ++strip) {
        const StripPath path = strip_path(7, tile, strip);
        CHECK(tile_of_strip(7, strip, strip_of(tile, strip), path) == digest);
        CHECK(tile_of_strip(8, strip, strip_of(tile, strip), path) != digest);
        const uint32_t other = (strip + 1) % kStripsPerTile;
        CHECK(tile_of_strip(7, other, strip_of(tile, strip), path) != digest);
        CHECK(tile_of_strip(7, strip, strip_of(tile, other), path) != digest);
        for (size_t i = 0; i < path.size(); ++i) {
            StripPath bent = path;
            bent[i].bytes[31] ^= 1U;
            CHECK(tile_of_strip(7, strip, strip_of(tile, strip), bent) != digest);
        }
    }
}

TEST_CASE("strips follow their written layout", "[core]") {
    const std::vector<float> tile = some_tile(2);
    std::vector<Digest> row;
    for (uint32_t strip = 0; strip < kStripsPerTile; ++strip) {
        ByteWriter number;
        number.u64(3 * kStripsPerTile + strip);
        row.push_back(sha256("strip", number.bytes(), float_bytes(strip_of(tile, strip))));
    }
    while (row.size() > 1) {
        std::vector<Digest> above;
        for (size_t i = 0; i < row.size(); i += kStripFan) {
            ByteWriter nodes;
            for (size_t j = 0; j < kStripFan; ++j) {
                nodes.raw(row[i + j].span());
            }
            above.push_back(sha256("strips", nodes.bytes()));
        }
        row = std::move(above);
    }
    CHECK(tile_digest(3, tile) == row[0]);
}

}  // namespace assay
