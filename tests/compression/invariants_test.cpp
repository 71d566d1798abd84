// What a programmer promises of the compressor: each kind of promise is broken once, and is seen
// to stop the process.

#include <catch2/catch.hpp>

#include "compression/aggregate.h"
#include "compression/compressor.h"
#include "compression/payload.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

using Catch::Contains;

ParameterLayout one_tile() {
    ParameterLayout layout;
    layout.add("w", 1, 100);
    return layout;
}

}  // namespace

TEST_CASE("a chunk has live values, and room for what is owed", "[compression]") {
    std::vector<float> values(kTileValues, 1.0F);
    ChunkCoder coder;
    ChunkCode out;
    CHECK(fired_check([&] { coder.code(values, 100, 10, out); }).empty());
    CHECK_THAT(fired_check([&] { coder.code(values, 0, 10, out); }), Contains("live > 0"));
    ReadAhead ahead;
    const FeedbackIn in{values.data(), values.data(), values.data(), 0.5F};
    CHECK_THAT(fired_check([&] {
                   (void)coder.compress(in, 100, 10, std::span(values).first(100), out, ahead);
               }),
               Contains("e_after.size()"));
}

TEST_CASE("a chunk has one code an entry", "[compression]") {
    ChunkCode chunk;
    chunk.indices = {1, 2};
    chunk.codes = {1};
    CHECK_THAT(fired_check([&] { (void)chunk_energy(chunk); }), Contains("codes.size()"));
    std::vector<float> out(kTileValues);
    CHECK_THAT(fired_check([&] { decode_chunk(chunk, out); }), Contains("codes.size()"));
}

TEST_CASE("a payload is sparse or dense", "[compression]") {
    PeerPayload payload;
    payload.dense.resize(kTileValues);
    payload.sparse.chunks.resize(1);
    CHECK_THAT(fired_check([&] { (void)contribution_of({}, payload, 1); }), Contains("dense"));
    payload.dense.resize(5);
    CHECK_THAT(fired_check([&] { (void)payload_energies(payload); }), Contains("kTileValues"));
}

TEST_CASE("what is kept, owed and capped is within its bounds", "[compression]") {
    const ParameterLayout layout = one_tile();
    CompressionSettings settings;
    settings.beta = 2;
    CHECK_THAT(fired_check([&] { (void)Compressor(layout, settings); }), Contains("beta_"));
    CHECK_THAT(fired_check([&] { (void)UpdateCodec(layout, PayloadKind::kSparse, 0); }),
               Contains("keep > 0"));
    const std::vector<float> dense(layout.value_count(), 1.0F);
    AggregateSettings aggregate_settings;
    aggregate_settings.cap = 0;
    const Contribution one{{}, nullptr, 1, &dense};
    CHECK_THAT(fired_check([&] {
                   (void)aggregate({&one, 1}, layout, aggregate_settings);
               }),
               Contains("cap > 0"));
    CHECK_THAT(fired_check([] { (void)split_classes({}, SplitRule::kMiddle); }),
               Contains("magnitudes.empty()"));
}

}  // namespace assay
