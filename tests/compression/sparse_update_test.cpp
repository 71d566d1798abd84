// The bytes of an update: round trip, canonical or refused, reasons, sizes, golden digest.
#include "compression/sparse_update.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "compression/chunk_bits.h"
#include "compression/error_feedback.h"
#include "core/files.h"
#include "tests/compression/samples.h"
#include "tests/compression/update_cases.h"

using namespace assay;

namespace {

const CompressionSettings kSettings;

Compressed sample_update(const ParameterLayout& layout, uint64_t seed) {
    std::vector<float> e = sample_values(layout, seed + 2, 1e-3);
    Result<Compressed> compressed = compress(sample_values(layout, seed, 0.02),
                                             sample_values(layout, seed + 1, 0.02),
                                             e,
                                             layout,
                                             kSettings);
    REQUIRE(compressed.ok());
    return std::move(*compressed);
}

void expect_refused(const Bytes& bytes, const std::string& word) {
    const Result<SparseUpdate> update = decode_update(bytes, awkward_layout(), kSettings);
    REQUIRE_FALSE(update.ok());
    INFO(update.reason());
    CHECK(update.reason().find(word) != std::string::npos);
}

}  // namespace

TEST_CASE("an update decodes to itself") {
    const ParameterLayout layout = awkward_layout();
    const Compressed sent = sample_update(layout, 10);
    const Result<SparseUpdate> got = decode_update(sent.bytes, layout, kSettings);
    REQUIRE(got.ok());
    CHECK(*got == sent.update);
    CHECK(encode_update(*got, layout, kSettings) == sent.bytes);
    CHECK(sent.bytes.size() <= sparse_bytes_max(layout, 64));
}

TEST_CASE("an update of zeros is as short as can be and has one form") {
    const ParameterLayout layout = awkward_layout();
    SparseUpdate zeros;
    zeros.chunks.resize(layout.tile_count());
    const Bytes bytes = encode_update(zeros, layout, kSettings);
    CHECK(bytes.size() == kPayloadHeaderBytes + (layout.tile_count() * 15 + 7) / 8);
    CHECK(std::all_of(
        bytes.begin() + kPayloadHeaderBytes, bytes.end(), [](uint8_t byte) { return byte == 0; }));
    CHECK(decode_update(bytes, layout, kSettings).ok());
    CHECK(kept_values(zeros) == 0);
    CHECK(bits_per_kept_value(zeros, bytes.size()) == 0.0);
}

TEST_CASE("the golden payload: bytes and error feedback are the same on every machine") {
    const ParameterLayout layout = awkward_layout();
    std::vector<float> e(layout.value_count(), 0.0F);
    Sha256 hash;
    for (uint64_t round = 0; round < 5; ++round) {
        const Result<Compressed> sent = compress(sample_values(layout, 20 + round, 0.02),
                                                 sample_values(layout, 30 + round, 0.02),
                                                 e,
                                                 layout,
                                                 kSettings);
        REQUIRE(sent.ok());
        hash.add(sent->bytes);
    }
    CHECK(hash.finish().hex() ==
          "1fd5c616cc424216ca4a30eb22d2feb0cc0d56586ecab3e3d785dfffdaaa5e74");
    CHECK(tiles_root(e).hex() ==
          "27ba9d3056c271865eb38d1caf7faa50d7252ca511b811e4bfbf3e89712acfdf");
}

TEST_CASE("every single-bit change is refused or is another update with these very bytes") {
    const ParameterLayout layout = awkward_layout();
    const Compressed sent = sample_update(layout, 40);
    size_t refused = 0;
    for (size_t bit = 0; bit < sent.bytes.size() * 8; ++bit) {
        Bytes bytes = sent.bytes;
        bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ (1U << bit % 8));
        const Result<SparseUpdate> got = decode_update(bytes, layout, kSettings);
        if (!got.ok()) {
            ++refused;
            REQUIRE_FALSE(got.reason().empty());
            continue;
        }
        REQUIRE_FALSE(*got == sent.update);
        REQUIRE(encode_update(*got, layout, kSettings) == bytes);
    }
    CHECK(refused > kPayloadHeaderBytes * 8);
}

TEST_CASE("every cut and every extension is refused") {
    const ParameterLayout layout = awkward_layout();
    const Compressed sent = sample_update(layout, 50);
    for (size_t size = 0; size < sent.bytes.size(); ++size) {
        REQUIRE_FALSE(decode_update(ByteSpan(sent.bytes).first(size), layout, kSettings).ok());
    }
    Bytes longer = sent.bytes;
    longer.push_back(0);
    expect_refused(longer, "behind its last chunk");
}

TEST_CASE("a refusal names tensor, chunk and byte") {
    const ParameterLayout layout = awkward_layout();
    const Compressed sent = sample_update(layout, 60);
    const ByteSpan bytes(sent.bytes);
    expect_refused(Bytes(bytes.begin(), bytes.end() - 1), "square, chunk 0, byte");
    expect_refused({}, "no whole header");
    expect_refused(Bytes(bytes.begin(), bytes.begin() + kPayloadHeaderBytes), "too short");
    Bytes bad = sent.bytes;
    bad[0] = 'X';
    expect_refused(bad, "ASUP");
    bad = sent.bytes;
    bad[5] = 3;
    expect_refused(bad, "kind 3");
    bad = sent.bytes;
    bad[6] = 65;
    expect_refused(bad, "keeps 65");
    bad = sent.bytes;
    bad[8] = static_cast<uint8_t>(bad[8] ^ 1U);
    expect_refused(bad, "layout");
}

TEST_CASE("what the chunk rules forbid is refused") {
    ChunkCode good;
    good.indices = {3, 9};
    good.codes = {0, 3};
    good.low_scale = 0x2000;
    good.high_scale = 0x2400;
    REQUIRE(check_chunk(good, 128, 64).ok());
    const auto refused = [](ChunkCode chunk, void (*change)(ChunkCode&)) {
        change(chunk);
        return !check_chunk(chunk, 128, 64).ok();
    };
    CHECK(refused(good, [](ChunkCode& c) { c.low_scale = 0x2400; }));
    CHECK(refused(good, [](ChunkCode& c) { c.low_scale = 0; }));
    CHECK(refused(good, [](ChunkCode& c) { c.high_scale = kHalfInfinity; }));
    CHECK(refused(good, [](ChunkCode& c) { c.codes = {0, 2}; }));
    CHECK(refused(good, [](ChunkCode& c) { c.codes = {1, 3}; }));
    CHECK(refused(good, [](ChunkCode& c) { c.codes = {0, 5}; }));
    CHECK(refused(good, [](ChunkCode& c) { c.indices = {9, 9}; }));
    CHECK(refused(good, [](ChunkCode& c) { c.indices = {3, 128}; }));
    CHECK(refused(good, [](ChunkCode& c) {
        c.indices.clear();
        c.codes.clear();
    }));
    CHECK(refused(good, [](ChunkCode& c) { c.codes.push_back(1); }));
    CHECK(refused(good, [](ChunkCode& c) {
        c.indices.push_back(10);
        c.codes.push_back(1);
    }));
}

TEST_CASE("64 of 4096 random values cost less than ten bits each") {
    ParameterLayout layout;
    layout.add("weight", 1024, 1024);
    layout.add("wide", 1024, 3072);
    const Compressed sent = sample_update(layout, 70);
    REQUIRE(kept_values(sent.update) == 1024 * 64);
    const double bits = bits_per_kept_value(sent.update, sent.bytes.size());
    INFO("bits per kept value " << bits);
    CHECK(bits < 10.0);
    CHECK(bits > 9.8);
    CHECK(rice_parameter(4096, 64) == 5);
}

TEST_CASE("a count of bits is never beyond its stated bounds") {
    CounterRng rng = sample_rng(80);
    for (int trial = 0; trial < 200; ++trial) {
        const uint64_t live = 1 + rng.below(kTileValues);
        const auto keep = static_cast<uint32_t>(1 + rng.below(kTileValues));
        std::vector<float> a(live);
        for (float& value : a) {
            value = rng.below(3) == 0 ? 0.0F : static_cast<float>(rng.unit());
        }
        const ChunkCode chunk = code_chunk(a, keep);
        BitWriter out(Bytes{});
        write_chunk(out, chunk, live, keep);
        const Bytes bytes = out.finish();
        REQUIRE(bytes.size() <= (chunk_bits_max(live, keep) + 7) / 8);
        BitReader in(bytes, 0);
        const Result<ChunkCode> again = read_chunk(in, live, keep);
        REQUIRE(again.ok());
        REQUIRE(*again == chunk);
        REQUIRE(in.at_clean_end());
    }
}

TEST_CASE("compress leaves e alone where it fails, and names the chunk") {
    const ParameterLayout layout = awkward_layout();
    std::vector<float> end = sample_values(layout, 90, 0.02);
    const std::vector<float> start = end;
    end[layout.tensors[3].first_value() + kTileValues + 5] = INFINITY;
    std::vector<float> e = sample_values(layout, 91, 0.02);
    const std::vector<float> before = e;
    const Result<Compressed> refused = compress(start, end, e, layout, kSettings);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.reason().find("matrix, chunk 1") != std::string::npos);
    CHECK(equal_bits(e, before));
}

TEST_CASE("dense payloads: exact size, finite, no padding on the wire") {
    const ParameterLayout layout = awkward_layout();
    const std::vector<float> values = sample_values(layout, 100, 0.02);
    Bytes bytes = encode_dense(values, layout);
    CHECK(bytes.size() == dense_bytes(layout));
    const Result<std::vector<float>> got = decode_dense(bytes, layout);
    REQUIRE(got.ok());
    CHECK(equal_bits(*got, values));
    bytes[kPayloadHeaderBytes + 4 * 3 + 2] = 0x80;  // value 0 of "norm": an infinity
    bytes[kPayloadHeaderBytes + 4 * 3 + 3] = 0x7f;
    bytes[kPayloadHeaderBytes + 4 * 3 + 1] = 0;
    bytes[kPayloadHeaderBytes + 4 * 3] = 0;
    const Result<std::vector<float>> refused = decode_dense(bytes, layout);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.reason().find("norm, value 0") != std::string::npos);
    bytes.pop_back();
    CHECK_FALSE(decode_dense(bytes, layout).ok());
    CHECK_FALSE(decode_update(encode_dense(values, layout), layout, kSettings).ok());
}

TEST_CASE("the corpus of edge cases decodes, or is refused, as its names say") {
    const std::filesystem::path folder =
        std::filesystem::path(ASSAY_SOURCE_DIR) / "fuzz/corpus/update_fuzz";
    const ParameterLayout layout = awkward_layout();
    size_t good = 0;
    size_t bad = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        INFO(name);
        const Result<Bytes> input = read_file(entry.path(), 1 << 20);
        REQUIRE(input.ok());
        const Status decoded = decode_case(update_case(*input, layout), layout);
        REQUIRE(decoded.ok() == (name.rfind("good_", 0) == 0));
        decoded.ok() ? ++good : ++bad;
    }
    CHECK(good >= 5);
    CHECK(bad >= 5);
}
