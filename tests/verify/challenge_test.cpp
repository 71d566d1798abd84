// What a beacon draws: recomputable, unpredictable, with the promised rates.
#include "verify/challenge.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "core/rng.h"
#include "core/tile_strips.h"

namespace assay {

namespace {

ParameterLayout layout_of(uint64_t tiles) {
    ParameterLayout layout;
    layout.add("w", tiles, kTileValues);
    return layout;
}

Digest number(uint64_t n) {
    return derive_seed(Digest{}, "challenge test", {n});
}

struct Draw {
    VerifySettings settings;
    ParameterLayout layout = layout_of(200);
    std::vector<double> energy = std::vector<double>(200 * kStripsPerTile, 1.0);
    uint32_t steps = 12;
    uint32_t ppm = 250000;

    [[nodiscard]] Challenge at(uint64_t beacon, uint64_t commit) const {
        return draw_challenge(number(beacon), number(commit), layout, energy, settings, steps, ppm);
    }
};

bool equal(const Challenge& a, const Challenge& b) {
    return a.compressor_chunks == b.compressor_chunks && a.strips == b.strips &&
           a.chain_chunks == b.chain_chunks && a.audited == b.audited && a.steps == b.steps;
}

}  // namespace

TEST_CASE("a challenge can be recomputed, and changes with beacon and COMMIT", "[verify]") {
    const Draw draw;
    CHECK(equal(draw.at(1, 2), draw.at(1, 2)));
    CHECK(draw.at(1, 2).compressor_chunks != draw.at(2, 2).compressor_chunks);
    CHECK(draw.at(1, 2).compressor_chunks != draw.at(1, 3).compressor_chunks);
    CHECK(challenge_seed(number(1), number(2)) != challenge_seed(number(2), number(1)));
}

TEST_CASE("a challenge has the counts of the settings, distinct and in order", "[verify]") {
    const Draw draw;
    for (uint64_t i = 0; i < 50; ++i) {
        const Challenge challenge = draw.at(i, i);
        CHECK(challenge.compressor_chunks.size() == 16);
        CHECK(challenge.chain_chunks.size() == 4);
        CHECK(challenge.steps.size() == 3);
        CHECK(std::is_sorted(challenge.steps.begin(), challenge.steps.end()));
        CHECK(std::set(challenge.steps.begin(), challenge.steps.end()).size() == 3);
        CHECK(std::set(challenge.compressor_chunks.begin(), challenge.compressor_chunks.end())
                  .size() == 16);
        CHECK(std::includes(challenge.compressor_chunks.begin(),
                            challenge.compressor_chunks.end(),
                            challenge.chain_chunks.begin(),
                            challenge.chain_chunks.end()));
        CHECK(challenge.compressor_chunks.back() < 200);
        CHECK(challenge.steps.back() < 12);
    }
}

TEST_CASE("audits come at the plan's rate, steps and chunks are uniform", "[verify]") {
    Draw draw;
    const int draws = 4000;
    int audited = 0;
    std::vector<int> steps(12);
    std::vector<int> chunks(200);
    for (int i = 0; i < draws; ++i) {
        const Challenge challenge = draw.at(static_cast<uint64_t>(i), 5);
        audited += challenge.audited ? 1 : 0;
        for (const uint32_t step : challenge.steps) {
            ++steps[step];
        }
        for (const uint64_t chunk : challenge.compressor_chunks) {
            ++chunks[chunk];
        }
    }
    CHECK(std::abs(audited - draws / 4) < 140);  // 5 standard deviations
    for (const int count : steps) {
        CHECK(std::abs(count - draws / 4) < 140);
    }
    for (const int count : chunks) {
        CHECK(std::abs(count - draws * 16 / 200) < 90);
    }
    draw.ppm = 1000000;
    CHECK(draw.at(1, 1).audited);
    draw.ppm = 0;
    CHECK_FALSE(draw.at(1, 1).audited);
}

TEST_CASE("half of the chunks follow the energy, half do not", "[verify]") {
    Draw draw;
    std::fill(draw.energy.begin(), draw.energy.end(), 0.0);
    for (uint64_t c = 100; c < 108; ++c) {
        draw.energy[c * kStripsPerTile + 5] = 3;
        draw.energy[c * kStripsPerTile + 9] = 1;
    }
    int fifth = 0;
    int elsewhere = 0;
    for (uint64_t i = 0; i < 100; ++i) {
        const Challenge challenge = draw.at(i, 1);
        for (uint64_t c = 100; c < 108; ++c) {
            CHECK(std::binary_search(
                challenge.compressor_chunks.begin(), challenge.compressor_chunks.end(), c));
        }
        for (size_t at = 0; at < 16; ++at) {
            const bool in_half = challenge.compressor_chunks[at] / 8 == 100 / 8 ||
                                 challenge.compressor_chunks[at] / 8 == 107 / 8;
            fifth += in_half && challenge.strips[at] == 5 ? 1 : 0;
        }
        int chained = 0;
        for (const uint64_t c : challenge.chain_chunks) {
            chained += c >= 100 && c < 108 ? 1 : 0;
        }
        CHECK(chained >= 2);
        elsewhere += 4 - chained;
    }
    CHECK(elsewhere > 150);
    CHECK(fifth > 500);  // three of four of 8 a draw, but for those that were drawn uniformly
    CHECK(fifth < 700);
}

TEST_CASE("small layouts are opened whole, bad energies are no energy", "[verify]") {
    Draw draw;
    draw.layout = layout_of(5);
    draw.energy.assign(5 * kStripsPerTile, 0.0);
    draw.energy[16] = std::numeric_limits<double>::quiet_NaN();
    draw.energy[32] = std::numeric_limits<double>::infinity();
    draw.energy[48] = -1;
    draw.steps = 2;
    const Challenge challenge = draw.at(1, 1);
    CHECK(challenge.compressor_chunks == std::vector<uint64_t>{0, 1, 2, 3, 4});
    CHECK(challenge.chain_chunks.size() == 4);
    CHECK(challenge.steps == std::vector<uint32_t>{0, 1});
}

TEST_CASE("strips are drawn where there are live values, and the audit needs no energies",
          "[verify]") {
    Draw draw;
    draw.layout = ParameterLayout();
    draw.layout.add("w", 3, kTileValues);
    draw.layout.add("v", 1, kStripValues + 1);  // two strips of its tile
    draw.energy.assign(4 * kStripsPerTile, 1.0);
    std::set<uint32_t> of_short;
    std::set<uint32_t> of_whole;
    for (uint64_t i = 0; i < 200; ++i) {
        const Challenge challenge = draw.at(i, 1);
        REQUIRE(challenge.strips.size() == 4);
        of_whole.insert(challenge.strips[0]);
        of_short.insert(challenge.strips[3]);
        const Challenge bare = draw_challenge(
            number(i), number(1), draw.layout, {}, draw.settings, draw.steps, draw.ppm);
        CHECK(bare.audited == challenge.audited);
        CHECK(bare.steps == challenge.steps);
    }
    CHECK(of_short == std::set<uint32_t>{0, 1});
    CHECK(of_whole.size() == kStripsPerTile);
}

TEST_CASE("held-out draws are distinct, reproducible and differ by purpose and draw", "[verify]") {
    const std::vector<uint64_t> first = draw_held_out(number(1), "gate", 0, 64, 1000);
    CHECK(first == draw_held_out(number(1), "gate", 0, 64, 1000));
    CHECK(std::set(first.begin(), first.end()).size() == 64);
    CHECK(first != draw_held_out(number(1), "gate", 1, 64, 1000));
    CHECK(first != draw_held_out(number(1), "share", 0, 64, 1000));
    CHECK(draw_held_out(number(1), "gate", 0, 64, 10).size() == 10);
    CHECK(draw_held_out(number(1), "gate", 0, 64, 0).empty());
}

}  // namespace assay
