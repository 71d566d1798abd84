// The bytes of an update: round trip, canonical or refused, reasons, sizes, golden digest.
#include "compression/sparse_update.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>

#include "compression/error_feedback.h"
#include "compression/segment_coder.h"
#include "core/files.h"
#include "tests/compression/samples.h"
#include "tests/compression/segment_cases.h"

namespace assay {

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
    CHECK(bytes.size() <= kPayloadHeaderBytes + 4 + kSegmentBytesMin + 4 * layout.tile_count());
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
          "d026b44cd6eaabac0ba730cb416862d4f9668404c3f8aaff0390a2b332b3d8dc");
    CHECK(tiles_root(e).hex() ==
          "d471d240c67112351b1fd2f8d8b4cddf84f31832df59d089a7fe1910794de051");
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
    expect_refused(longer, "1 bytes behind its last chunk");
}

TEST_CASE("a refusal names tensor, chunk and byte") {
    const ParameterLayout layout = awkward_layout();
    const Compressed sent = sample_update(layout, 60);
    const ByteSpan bytes(sent.bytes);
    expect_refused(Bytes(bytes.begin(), bytes.end() - 1), "too short for segment 0");
    Bytes bad = sent.bytes;
    bad[kPayloadHeaderBytes] = static_cast<uint8_t>(bad[kPayloadHeaderBytes] - 4);
    bad.erase(bad.end() - 4, bad.end());
    expect_refused(bad, "square, chunk 0, byte");
    expect_refused({}, "no whole header");
    expect_refused(Bytes(bytes.begin(), bytes.begin() + kPayloadHeaderBytes),
                   "too short for 1 segments");
    bad = sent.bytes;
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
    good.low_scale = 0x600;
    good.high_scale = 0x640;
    REQUIRE(check_chunk(good, 128, 64).ok());
    const auto refused = [](ChunkCode chunk, void (*change)(ChunkCode&)) {
        change(chunk);
        return !check_chunk(chunk, 128, 64).ok();
    };
    CHECK(refused(good, [](ChunkCode& c) { c.low_scale = 0x640; }));
    CHECK(refused(good, [](ChunkCode& c) { c.low_scale = 0; }));
    CHECK(refused(good, [](ChunkCode& c) { c.high_scale = kScaleInfinity; }));
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

TEST_CASE("64 of 4096 random values cost less than 8.8 bits each") {
    ParameterLayout layout;
    layout.add("weight", 1024, 1024);
    layout.add("wide", 1024, 3072);
    const Compressed sent = sample_update(layout, 70);
    REQUIRE(kept_values(sent.update) == size_t{1024} * 64);
    const double bits = bits_per_kept_value(sent.update, sent.bytes.size());
    INFO("bits per kept value " << bits);
    CHECK(bits < 8.8);
    CHECK(bits > 8.4);  // indices alone are 7.36
}

TEST_CASE("no chunk costs more than is said") {
    CounterRng rng = sample_rng(80);
    for (int trial = 0; trial < 200; ++trial) {
        ParameterLayout layout;
        layout.add("a", 1 + rng.below(9), 1 + rng.below(3000));
        layout.add("b", 1, 1 + rng.below(5000));
        const auto keep = static_cast<uint32_t>(1 + rng.below(kTileValues));
        const auto zeros = rng.below(5);
        std::vector<float> a(layout.value_count(), 0.0F);
        for (const TensorLayout& tensor : layout.tensors) {
            for (uint64_t i = 0; i < tensor.live(); ++i) {
                const bool zero = rng.below(5) < zeros || (zeros == 4 && i % 700 > 9);
                a[tensor.first_value() + i] = zero ? 0.0F : static_cast<float>(rng.unit() - 0.5);
            }
        }
        const SparseUpdate update = code_values(a, layout, keep);
        const Bytes bytes = encode_sparse(update, layout, PayloadKind::kSparse, keep);
        REQUIRE(bytes.size() <= sparse_bytes_max(layout, keep));
        const Result<SparseUpdate> again = decode_sparse(bytes, layout, PayloadKind::kSparse, keep);
        REQUIRE(again.ok());
        REQUIRE(*again == update);
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
    const size_t first_of_norm = kPayloadHeaderBytes + size_t{4} * 3;
    bytes[first_of_norm + 2] = 0x80;  // an infinity
    bytes[first_of_norm + 3] = 0x7f;
    bytes[first_of_norm + 1] = 0;
    bytes[first_of_norm] = 0;
    const Result<std::vector<float>> refused = decode_dense(bytes, layout);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.reason().find("norm, value 0") != std::string::npos);
    bytes.pop_back();
    CHECK_FALSE(decode_dense(bytes, layout).ok());
    CHECK_FALSE(decode_update(encode_dense(values, layout), layout, kSettings).ok());
}

// Each file of fuzz/corpus/`name` decodes, or is refused, as its own name says.
void check_corpus(const char* name, const std::function<Status(ByteSpan)>& decode) {
    size_t good = 0;
    size_t bad = 0;
    const std::filesystem::path folder = std::filesystem::path(ASSAY_SOURCE_DIR) / "fuzz/corpus";
    for (const auto& entry : std::filesystem::directory_iterator(folder / name)) {
        const std::string file = entry.path().filename().string();
        INFO(file);
        const Result<Bytes> input = read_file(entry.path(), 1 << 20);
        REQUIRE(input.ok());
        const Status decoded = decode(*input);
        REQUIRE(decoded.ok() == (file.rfind("good_", 0) == 0));
        decoded.ok() ? ++good : ++bad;
    }
    CHECK(good >= 5);
    CHECK(bad >= 5);
}

TEST_CASE("the corpus of edge cases decodes, or is refused, as its names say") {
    const ParameterLayout layout = awkward_layout();
    check_corpus("update_fuzz",
                 [&](ByteSpan input) { return decode_case(update_case(input, layout), layout); });
}

TEST_CASE("what fuzzing found of small tensors decodes, or is refused, as its names say") {
    check_corpus("segment_fuzz", segment_case);
}

}  // namespace assay
