// The compressor of one chunk: selection, ties, codes, scales, and what is left over.
#include "compression/chunk_codec.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/compression/samples.h"

namespace assay {

namespace {

constexpr size_t kFull = kTileValues;

float as_sent(float value) {
    return magnitude_from_scale(scale_from_magnitude(value));
}

}  // namespace

TEST_CASE("every scale goes there and back, and what is between goes to the nearest") {
    for (uint32_t bits = 0; bits < kScaleInfinity; ++bits) {
        const auto scale = static_cast<uint16_t>(bits);
        REQUIRE(scale_from_magnitude(magnitude_from_scale(scale)) == scale);
        if (bits > 0) {  // half way to the one below: to the even of the two; and just beside it
            const float value = magnitude_from_scale(scale);
            const float below = magnitude_from_scale(static_cast<uint16_t>(bits - 1));
            const float middle = below + (value - below) / 2;
            REQUIRE(scale_from_magnitude(middle) == (bits % 2 == 0 ? bits : bits - 1));
            REQUIRE(scale_from_magnitude(std::nextafter(middle, value)) == bits);
            REQUIRE(scale_from_magnitude(std::nextafter(middle, 0.0F)) == bits - 1);
        }
    }
}

TEST_CASE("a scale stays finite at the top of fp32 and reaches zero at the bottom") {
    CHECK(scale_from_magnitude(std::numeric_limits<float>::max()) == kScaleMax);
    CHECK(magnitude_from_scale(kScaleMax) == std::ldexp(31.0F, 123));
    CHECK(scale_from_magnitude(0x1p-131F) == 0);  // tie to even
    CHECK(scale_from_magnitude(std::nextafter(0x1p-131F, 1.0F)) == 1);
    CHECK(scale_from_magnitude(std::numeric_limits<float>::denorm_min()) == 0);
}

TEST_CASE("the number of kept values follows the live values") {
    CHECK(kept_count(4096, 64) == 64);
    CHECK(kept_count(4095, 64) == 64);
    CHECK(kept_count(128, 64) == 2);
    CHECK(kept_count(96, 64) == 2);  // 1.5: halves up
    CHECK(kept_count(95, 64) == 1);
    CHECK(kept_count(1, 64) == 1);
    CHECK(kept_count(4096, 4096) == 4096);
    CHECK(kept_count(1, 4096) == 1);
}

TEST_CASE("equal magnitudes are kept from the lowest index on") {
    std::vector<float> values(kFull, 1.0F);
    for (size_t i = 0; i < kFull; i += 2) {
        values[i] = -1.0F;
    }
    const ChunkCode code = code_chunk(values, 64);
    REQUIRE(code.indices.size() == 64);
    for (size_t i = 0; i < 64; ++i) {
        CHECK(code.indices[i] == i);
        CHECK(code.codes[i] == (i % 2 == 0 ? 3 : 1));
    }
    CHECK(code.low_scale == 0);
    CHECK(values[0] == 0.0F);
    CHECK(values[63] == 0.0F);
    CHECK(values[64] == -1.0F);
}

TEST_CASE("a tie at the border of selection goes to the lower index") {
    std::vector<float> values(128, 0.0F);
    values[100] = 5.0F;
    values[7] = -3.0F;
    values[90] = 3.0F;
    const ChunkCode code = code_chunk(values, 64);
    CHECK(code.indices == std::vector<uint16_t>{7, 100});
    CHECK(code.codes == std::vector<uint8_t>{2, 1});
    CHECK(values[90] == 3.0F);
}

TEST_CASE("low and high are the means of the two classes") {
    std::vector<float> values(256, 0.0F);  // k = 4
    values[1] = 1.0F;
    values[2] = -1.5F;
    values[3] = 8.0F;
    values[4] = -9.0F;
    const ChunkCode code = code_chunk(values, 64);  // split points 4.875, 8.5, 9, 9
    CHECK(code.codes == std::vector<uint8_t>{0, 2, 0, 3});
    CHECK(magnitude_from_scale(code.low_scale) == 3.5F);
    CHECK(magnitude_from_scale(code.high_scale) == 9.0F);
    CHECK(values[1] == -2.5F);
    CHECK(values[2] == 2.0F);
    CHECK(values[3] == 4.5F);
    CHECK(values[4] == 0.0F);
}

TEST_CASE("the split point stops at the greatest magnitude") {
    std::vector<float> values(448, 0.0F);  // k = 7
    const float kept[7] = {1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 2.2F, 6.1F};
    std::copy(std::begin(kept), std::end(kept), values.begin() + 10);
    const ChunkCode code = code_chunk(values, 64);
    CHECK(code.codes == std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 1});
    CHECK(magnitude_from_scale(code.high_scale) == as_sent(6.1F));
}

TEST_CASE("a chunk of zeros has one form, and zeros are never kept") {
    std::vector<float> values(kFull, 0.0F);
    values[5] = -0.0F;
    CHECK(code_chunk(values, 64) == ChunkCode{});
    CHECK(std::signbit(values[5]));
    values[9] = 2.0F;
    const ChunkCode code = code_chunk(values, 64);
    CHECK(code.indices == std::vector<uint16_t>{9});
    CHECK(check_chunk(code, kFull, 64).ok());
}

TEST_CASE("what vanishes in a scale is not kept and stays owed") {
    std::vector<float> values(kFull, 0.0F);
    values[3] = std::numeric_limits<float>::denorm_min();
    values[4] = 0x1p-132F;
    const std::vector<float> before = values;
    CHECK(code_chunk(values, 64) == ChunkCode{});
    CHECK(equal_bits(values, before));

    values[8] = 1.0F;  // now only the low class vanishes
    const ChunkCode code = code_chunk(values, 64);
    CHECK(code.indices == std::vector<uint16_t>{8});
    CHECK(code.low_scale == 0);
    CHECK(values[4] == 0x1p-132F);
}

TEST_CASE("two classes that round to one scale are one class") {
    std::vector<float> values(128, 0.0F);
    values[0] = 1.0F;
    values[1] = std::nextafter(1.0F, 2.0F);
    const ChunkCode code = code_chunk(values, 64);
    CHECK(code.codes == std::vector<uint8_t>{1, 1});
    CHECK(code.low_scale == 0);
    CHECK(values[1] == 0x1p-23F);
}

TEST_CASE("values beyond the greatest scale are sent as that, the rest stays owed") {
    std::vector<float> values(128, 0.0F);
    values[0] = -std::numeric_limits<float>::max();
    const ChunkCode code = code_chunk(values, 64);
    CHECK(code.value(0) == -magnitude_from_scale(kScaleMax));
    CHECK(values[0] == magnitude_from_scale(kScaleMax) - std::numeric_limits<float>::max());
}

TEST_CASE("a chunk that is not finite is refused") {
    const std::vector<float> zeros(kFull, 0.0F);
    std::vector<float> e_after(kFull);
    for (const float bad :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> end = zeros;
        end[17] = bad;
        const auto refused = compress_chunk(zeros, end, zeros, kFull, 0.95F, 64, e_after);
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.reason().find("17") != std::string::npos);
    }
    std::vector<float> start = zeros;
    std::vector<float> end = zeros;
    start[3] = std::numeric_limits<float>::max();
    end[3] = -std::numeric_limits<float>::max();
    CHECK_FALSE(compress_chunk(start, end, zeros, kFull, 0.95F, 64, e_after).ok());
}

TEST_CASE("padding is never selected and leaves nothing owed") {
    std::vector<float> start(kFull, 0.0F);
    for (size_t i = 0; i < kFull; ++i) {
        start[i] = i < 130 ? 1.0F : 100.0F;
    }
    const std::vector<float> zeros(kFull, 0.0F);
    std::vector<float> e_after(kFull, 7.0F);
    const auto code = compress_chunk(start, zeros, zeros, 130, 0.95F, 64, e_after);
    REQUIRE(code.ok());
    CHECK(code->indices == std::vector<uint16_t>{0, 1});
    CHECK(std::all_of(e_after.begin() + 130, e_after.end(), [](float x) { return x == 0.0F; }));
}

TEST_CASE("the compressor agrees with its plain twin on many chunks") {
    CounterRng rng = sample_rng(1);
    for (int trial = 0; trial < 300; ++trial) {
        std::vector<float> a(1 + rng.below(kFull));
        for (float& value : a) {
            const int exponent = static_cast<int>(rng.below(40)) - 30;
            // Few distinct significands, so that ties are common.
            value = std::ldexp(static_cast<float>(rng.below(9)) - 4.0F, exponent);
        }
        const auto keep = static_cast<uint32_t>(rng.below(2) == 0 ? 64 : 1 + rng.below(4096));
        const ChunkCode expected = plain_code(a, keep);
        std::vector<float> left = a;
        const ChunkCode code = code_chunk(left, keep);
        REQUIRE(code == expected);
        REQUIRE(check_chunk(code, a.size(), keep).ok());
        std::vector<float> q(a.size());
        decode_chunk(code, q);
        for (size_t i = 0; i < a.size(); ++i) {
            const float rest = a[i] - q[i];
            REQUIRE(std::bit_cast<uint32_t>(left[i]) == std::bit_cast<uint32_t>(rest));
        }
    }
}

TEST_CASE("energy is the sum of squares of the decoded values") {
    ChunkCode code;
    code.indices = {1, 5};
    code.codes = {0, 3};
    code.low_scale = scale_from_magnitude(0.5F);
    code.high_scale = scale_from_magnitude(2.0F);
    CHECK(chunk_energy(code) == 4.25);
}

}  // namespace assay
