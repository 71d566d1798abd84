// Properties of the compressor over generated chunks and bytes.
#include <rapidcheck.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "compression/chunk_bits.h"
#include "compression/error_feedback.h"
#include "tests/compression/samples.h"
#include "tests/compression/update_cases.h"

using namespace assay;

namespace {

// The same cases every time; RC_PARAMS="seed=..." in the environment tries others.
[[maybe_unused]] const int kSeeded = ::setenv("RC_PARAMS", "seed=20 max_success=200", 0);

// Any finite fp32 by its bits: denormals, zeros of both signs, huge values.
rc::Gen<float> any_finite() {
    return rc::gen::map(rc::gen::arbitrary<uint32_t>(), [](uint32_t bits) {
        const bool finite = (bits & 0x7f800000U) != 0x7f800000U;
        return std::bit_cast<float>(finite ? bits : bits & 0x807fffffU);
    });
}

std::vector<float> finite_chunk(size_t size) {
    const bool few = *rc::gen::arbitrary<bool>();  // few distinct values: many ties
    const auto one =
        few ? rc::gen::element(0.0F, -0.0F, 1.0F, -1.0F, 0.5F, 1e-40F, 3e38F) : any_finite();
    return *rc::gen::container<std::vector<float>>(size, one);
}

void round_trips(const ChunkCode& chunk, uint64_t live, uint32_t keep) {
    BitWriter out(Bytes{});
    write_chunk(out, chunk, live, keep);
    const Bytes bytes = out.finish();
    BitReader in(bytes, 0);
    const Result<ChunkCode> again = read_chunk(in, live, keep);
    RC_ASSERT(again.ok());
    RC_ASSERT(*again == chunk);
    RC_ASSERT(in.at_clean_end());
}

}  // namespace

TEST_CASE("for any finite chunk: plain twin, error feedback, and bytes agree") {
    CHECK(rc::check([] {
        const auto live = *rc::gen::inRange<size_t>(1, 400);
        const auto keep = *rc::gen::element<uint32_t>(1, 64, 1024, 4096);
        const std::vector<float> a = finite_chunk(live);
        std::vector<float> left = a;
        const ChunkCode code = code_chunk(left, keep);
        RC_ASSERT(code == plain_code(a, keep));
        RC_ASSERT(check_chunk(code, live, keep).ok());
        std::vector<float> q(live);
        decode_chunk(code, q);
        for (size_t i = 0; i < live; ++i) {
            const float rest = a[i] - q[i];
            RC_ASSERT(std::bit_cast<uint32_t>(left[i]) == std::bit_cast<uint32_t>(rest));
        }
        round_trips(code, live, keep);
    }));
}

TEST_CASE("coding what was decoded gives the same code and leaves nothing") {
    CHECK(rc::check([] {
        const auto live = *rc::gen::inRange<size_t>(1, 400);
        std::vector<float> values = finite_chunk(live);
        const ChunkCode code = code_chunk(values, 1024);
        std::vector<float> q(live);
        decode_chunk(code, q);
        RC_ASSERT(code_chunk(q, 1024) == code);
        RC_ASSERT(std::all_of(q.begin(), q.end(), [](float left) { return left == 0; }));
    }));
}

TEST_CASE("compress_chunk is fma, then code_chunk, and may work in place") {
    CHECK(rc::check([] {
        const auto live = *rc::gen::inRange<size_t>(1, 300);
        CounterRng rng = sample_rng(*rc::gen::arbitrary<uint64_t>());
        std::vector<float> buffers[3];
        for (std::vector<float>& buffer : buffers) {
            buffer.assign(kTileValues, 0.0F);
            for (size_t i = 0; i < live; ++i) {
                buffer[i] = static_cast<float>(rng.unit() - 0.5);
            }
        }
        std::vector<float> a(live);
        for (size_t i = 0; i < live; ++i) {
            a[i] = std::fma(0.95F, buffers[2][i], buffers[0][i] - buffers[1][i]);
        }
        std::vector<float> e_after(kTileValues);
        const auto code =
            compress_chunk(buffers[0], buffers[1], buffers[2], live, 0.95F, 64, e_after);
        const auto in_place =
            compress_chunk(buffers[0], buffers[1], buffers[2], live, 0.95F, 64, buffers[2]);
        RC_ASSERT(code.ok() && in_place.ok());
        RC_ASSERT(*code == code_chunk(a, 64));
        RC_ASSERT(*in_place == *code);
        RC_ASSERT(equal_bits(e_after, buffers[2]));
        RC_ASSERT(equal_bits(std::span(e_after).first(live), a));
    }));
}

TEST_CASE("any mutation of valid bytes is refused or stands for another update") {
    const ParameterLayout layout = awkward_layout();
    std::vector<float> values = sample_values(layout, 7, 0.1);
    const SparseUpdate update = code_values(values, layout, 64);
    const Bytes valid = encode_update(update, layout, {});
    CHECK(rc::check([&] {
        Bytes bytes = valid;
        const auto changes = *rc::gen::inRange(1, 6);
        for (int i = 0; i < changes; ++i) {
            const auto at = *rc::gen::inRange<size_t>(0, bytes.size());
            bytes[at] = *rc::gen::arbitrary<uint8_t>();
        }
        bytes.resize(*rc::gen::inRange<size_t>(bytes.size() - 2, bytes.size() + 2));
        const Result<SparseUpdate> got = decode_update(bytes, layout, {});
        if (got.ok()) {
            RC_ASSERT((*got == update) == (bytes == valid));
            RC_ASSERT(encode_update(*got, layout, {}) == bytes);
        }
    }));
}

TEST_CASE("any bytes behind a valid header are refused or canonical") {
    const ParameterLayout layout = awkward_layout();
    CHECK(rc::check([&] {
        Bytes input = *rc::gen::container<Bytes>(*rc::gen::inRange<size_t>(1, 200),
                                                 rc::gen::arbitrary<uint8_t>());
        input[0] = static_cast<uint8_t>((input[0] & 3U) | 4U);
        const Status decoded = decode_case(update_case(input, layout), layout);
        RC_ASSERT(decoded.ok() || !decoded.reason().empty());
    }));
}
