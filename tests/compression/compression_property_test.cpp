// Properties of the compressor over generated chunks and bytes.
#include <rapidcheck.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "compression/aggregate.h"
#include "compression/compressor.h"
#include "compression/error_feedback.h"
#include "tests/compression/samples.h"
#include "tests/compression/update_cases.h"

namespace assay {

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

// By shape: few values and many ties; all exponents; a narrow range; now and then not finite.
float awkward_value(CounterRng& rng, int shape) {
    const auto bits = static_cast<uint32_t>(rng.below(uint64_t{1} << 32));
    switch (shape) {
        case 0:
            return static_cast<float>(bits % 7) - 3.0F;
        case 1:
            return std::bit_cast<float>((bits & 0x7f800000U) == 0x7f800000U ? bits & 0x807fffffU
                                                                            : bits);
        case 2:
            return static_cast<float>(rng.unit() - 0.5) * 1e-3F;
        default:
            break;
    }
    return rng.below(20000) == 0 ? std::bit_cast<float>(bits | 0x7f800000U)
                                 : std::bit_cast<float>(bits & 0x8fffffffU);
}

void round_trips(const ChunkCode& chunk, uint64_t live, uint32_t keep) {
    ParameterLayout layout;
    layout.add("chunk", 1, live);
    const SparseUpdate update{{chunk}};
    const Bytes bytes = encode_sparse(update, layout, PayloadKind::kSparse, keep);
    const auto again = decode_sparse(bytes, layout, PayloadKind::kSparse, keep);
    RC_ASSERT(again.ok());
    RC_ASSERT(*again == update);
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

TEST_CASE("every path gives the truth's codes and leftovers, for any values at all") {
    CHECK(rc::check([] {
        const auto live = *rc::gen::element<size_t>(1, 2, 63, 64, 65, 130, 4000, 4095, 4096);
        const auto keep = *rc::gen::element<uint32_t>(1, 64, 128, 129, 1024, 4096);
        std::vector<float> buffers[3];
        const auto shape = *rc::gen::inRange(0, 4);
        const auto seed = *rc::gen::arbitrary<uint64_t>();
        for (size_t b = 0; b < 3; ++b) {
            CounterRng rng = sample_rng(seed + b);
            buffers[b].assign(kTileValues, 0.0F);
            for (size_t i = 0; i < live; ++i) {
                buffers[b][i] = awkward_value(rng, shape);
            }
        }
        std::vector<float> expected(kTileValues);
        const auto truth =
            compress_chunk(buffers[0], buffers[1], buffers[2], live, 0.95F, keep, expected);
        for (const KernelPath path : available_kernel_paths()) {
            ChunkCoder coder(path);
            std::vector<float> e_after(kTileValues, 7.0F);
            ChunkCode code;
            ReadAhead none;
            const FeedbackIn in{buffers[0].data(), buffers[1].data(), buffers[2].data(), 0.95F};
            const bool fine = coder.compress(in, live, keep, e_after, code, none);
            RC_ASSERT(fine == truth.ok());
            if (fine) {
                RC_ASSERT(code == *truth);
                RC_ASSERT(equal_bits(e_after, expected));
            }
        }
    }));
}

TEST_CASE("q + e' is a where q is within a factor of two of it") {
    CHECK(rc::check([] {
        std::vector<float> a = finite_chunk(*rc::gen::inRange<size_t>(1, 300));
        const std::vector<float> before = a;
        const ChunkCode code = code_chunk(a, 1024);
        for (size_t i = 0; i < code.indices.size(); ++i) {
            const float owed = before[code.indices[i]];
            const float q = code.value(i);
            RC_ASSERT(std::signbit(q) == std::signbit(owed));
            if (std::fabs(q) >= std::fabs(owed) / 2 && std::fabs(q) / 2 <= std::fabs(owed)) {
                RC_ASSERT(q + a[code.indices[i]] == owed);
            }
        }
    }));
}

TEST_CASE("neither threads nor paths change a byte of a payload or a value that stays owed") {
    ParameterLayout layout;
    layout.add("a", 10, 700);
    layout.add("norm", 1, 700);
    layout.add("b", 60, 1024);
    CHECK(rc::check([&] {
        const auto seed = *rc::gen::arbitrary<uint64_t>();
        CompressionSettings settings;
        settings.keep = *rc::gen::element<int64_t>(16, 64, 4096);
        const std::vector<float> start = sample_values(layout, seed, 0.02);
        const std::vector<float> end = sample_values(layout, seed + 1, 0.02);
        const std::vector<float> e = sample_values(layout, seed + 2, 1e-3);
        Bytes expected;
        std::vector<float> expected_e;
        for (const KernelPath path : available_kernel_paths()) {
            for (const int threads : {1, 2, 3}) {
                Compressor compressor(layout, settings, threads, path);
                SparseUpdate update;
                std::vector<float> e_after(e.size());
                Bytes bytes;
                RC_ASSERT(compressor.compress(start, end, e, e_after, update).ok());
                compressor.encode(update, bytes);
                Bytes at_once;
                SparseUpdate same;
                RC_ASSERT(compressor.compress(start, end, e, e_after, same, at_once).ok());
                RC_ASSERT(at_once == bytes);
                Bytes bytes_alone;
                std::vector<float> e_alone = e;
                RC_ASSERT(
                    compressor.compress_to_bytes(start, end, e_alone, e_alone, bytes_alone).ok());
                RC_ASSERT(bytes_alone == bytes);
                RC_ASSERT(equal_bits(e_alone, e_after));
                RC_ASSERT(same == update);
                if (expected.empty()) {
                    expected = bytes;
                    expected_e = e_after;
                }
                RC_ASSERT(bytes == expected);
                RC_ASSERT(equal_bits(e_after, expected_e));
                SparseUpdate decoded;
                UpdateCodec codec(
                    layout, PayloadKind::kSparse, static_cast<uint32_t>(settings.keep), threads);
                RC_ASSERT(codec.decode(bytes, decoded).ok());
                RC_ASSERT(decoded == update);
            }
        }
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

TEST_CASE("another order of peers leaves each share as it is, and the sum is that order's") {
    ParameterLayout layout;
    layout.add("a", 3, 700);
    layout.add("b", 5, 1024);
    CHECK(rc::check([&] {
        const auto peers = *rc::gen::inRange<size_t>(1, 7);
        const auto seed = *rc::gen::arbitrary<uint64_t>();
        AggregateSettings settings;
        settings.cap = 1024;  // the limit of a cap is a sum in order of peers
        std::vector<SparseUpdate> updates;
        std::vector<size_t> order;
        for (size_t i = 0; i < peers; ++i) {
            std::vector<float> values =
                sample_values(layout, seed + i, 0.01 * static_cast<double>(i + 1));
            updates.push_back(code_values(values, layout, 64));
            order.insert(
                order.begin() + static_cast<std::ptrdiff_t>(*rc::gen::inRange<size_t>(0, i + 1)),
                i);
        }
        // Payload order[p] is that of the p-th peer.
        const auto made = [&](const std::vector<size_t>& of) {
            std::vector<Contribution> contributions;
            for (const size_t i : of) {
                Contribution one{{}, &updates[i], 1.0 / static_cast<double>(i + 1), nullptr};
                one.peer.key[0] = static_cast<uint8_t>(contributions.size());
                contributions.push_back(one);
            }
            return aggregate(contributions, layout, settings);
        };
        std::vector<size_t> rising(peers);
        for (size_t i = 0; i < peers; ++i) {
            rising[i] = i;
        }
        const AggregateResult first = made(rising);
        const AggregateResult second = made(order);
        std::vector<float> sum(layout.value_count(), 0.0F);
        std::vector<float> share(sum.size());
        std::vector<float> same(sum.size());
        for (size_t p = 0; p < peers; ++p) {
            second.share_of(p, share);
            first.share_of(order[p], same);
            RC_ASSERT(equal_bits(share, same));
            for (size_t c = 0; c < sum.size(); ++c) {
                sum[c] += share[c];
            }
        }
        RC_ASSERT(equal_bits(second.sum, sum));
    }));
}

}  // namespace assay
