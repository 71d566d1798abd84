// The opening's bytes: one string, exact length, every byte covered by what the COMMIT binds.
#include "verify/opening.h"

#include <catch2/catch.hpp>

#include "core/rng.h"
#include "tests/support/verify_world.h"

namespace assay {

namespace {

// One honest opening and everything that judges it.
struct Opened {
    explicit Opened(NumericClass numeric_class)
        : world(numeric_class, 1), plan(world.plan()), done(world.train(plan, 0)) {
        world.settings.compressor_chunks = 2;
        world.settings.chain_chunks = 1;
        challenge = world.challenge(plan, 0, done);
        shape = opening_shape(plan, plan.peers[0], world.model.layout().tile_count(), challenge);
        bytes = *done.chain->opening_bytes(plan, plan.peers[0], challenge);
        payload = world.decoded(done);
    }
    // Why these bytes do not pass; "" if they do.
    [[nodiscard]] std::string refusal(ByteSpan candidate) const {
        const Result<Opening> opening = decode_opening(candidate, shape);
        if (!opening) {
            return opening.reason();
        }
        const Assignment deal = world.assignment(plan);
        Status form = inspect_binding(plan.peers[0].id, *opening, done.commit);
        form = form ? inspect_opening(*opening, plan, plan.peers[0], deal.peers[0]) : form;
        if (!form) {
            return form.reason();
        }
        return audit_chunks({plan,
                             plan.peers[0],
                             world.model.layout(),
                             world.adam,
                             world.format,
                             world.theta,
                             payload,
                             done.commit,
                             *opening},
                            tripwire_floor(world.settings))
            .reason;
    }
    VerifyWorld world;
    RoundPlan plan;
    PeerRound done;
    Challenge challenge;
    OpeningShape shape;
    Bytes bytes;
    PeerPayload payload;
};

}  // namespace

TEST_CASE("an opening survives its bytes and has its computed size", "[verify]") {
    for (const NumericClass numeric_class : {NumericClass::kExact, NumericClass::kBf16}) {
        const Opened opened(numeric_class);
        CHECK(opened.bytes.size() == opening_size(opened.shape));
        CHECK(opened.refusal(opened.bytes).empty());
        const Result<Opening> decoded = decode_opening(opened.bytes, opened.shape);
        REQUIRE(decoded.ok());
        CHECK(encode_opening(*decoded, opened.shape) == opened.bytes);
        CHECK(decoded->chunks.size() == 2);
    }
}

TEST_CASE("an opening of another length is refused", "[verify]") {
    const Opened opened(NumericClass::kExact);
    for (const size_t size :
         {size_t{0}, size_t{3}, size_t{4}, opened.bytes.size() / 2, opened.bytes.size() - 1}) {
        CHECK_FALSE(opened.refusal(ByteSpan(opened.bytes).first(size)).empty());
    }
    Bytes longer = opened.bytes;
    longer.push_back(0);
    CHECK(opened.refusal(longer).find("bytes, not") != std::string::npos);
}

TEST_CASE("no byte of an opening can be changed", "[verify]") {
    for (const NumericClass numeric_class : {NumericClass::kExact, NumericClass::kFp32}) {
        const Opened opened(numeric_class);
        Bytes bytes = opened.bytes;
        CounterRng rng(derive_seed(Digest{}, "byte flips"));
        // Every byte that is no tile value, and a sample of those: a stride that is prime to all.
        std::vector<size_t> places;
        for (size_t i = 0; i < bytes.size(); i += 1 + rng.below(211)) {
            places.push_back(i);
        }
        for (size_t i = 0; i < std::min<size_t>(bytes.size(), 900); ++i) {
            places.push_back(i);
        }
        for (const size_t place : places) {
            const auto flip = static_cast<uint8_t>(1 + rng.below(255));
            bytes[place] ^= flip;
            const bool accepted = opened.refusal(bytes).empty();
            bytes[place] ^= flip;
            if (accepted) {
                FAIL_CHECK("byte " << place << " can be changed");
            }
        }
        CHECK(places.size() > 1000);
    }
}

TEST_CASE("another challenge's opening is refused", "[verify]") {
    const Opened opened(NumericClass::kExact);
    OpeningShape other = opened.shape;
    other.compressor_chunks[0] = other.compressor_chunks[0] == 3 ? 4 : 3;
    std::sort(other.compressor_chunks.begin(), other.compressor_chunks.end());
    other.chain_chunks = {other.compressor_chunks[0]};
    other.strips = {0, 0};
    const Result<Opening> opening = decode_opening(opened.bytes, other);
    if (opening) {
        const ChunkAuditReport report = audit_chunks({opened.plan,
                                                      opened.plan.peers[0],
                                                      opened.world.model.layout(),
                                                      opened.world.adam,
                                                      opened.world.format,
                                                      opened.world.theta,
                                                      opened.payload,
                                                      opened.done.commit,
                                                      *opening},
                                                     tripwire_floor(opened.world.settings));
        CHECK_FALSE(report.pass);
    } else {
        CHECK_FALSE(opening.reason().empty());
    }
}

// What an opening was before it had strips and one proof a tree: two tiles a chunk, a tile a step
// and three more in a chain, a path for each.
uint64_t size_in_tiles_and_paths(const OpeningShape& shape) {
    uint64_t depth = 0;
    for (uint64_t width = shape.tiles; width > 1; width = (width + 1) / 2) {
        ++depth;
    }
    const uint64_t path = depth * Digest::kSize;
    const uint64_t tile = kTileValues * sizeof(float);
    const uint64_t steps = shape.inner_steps;
    return shape.compressor_chunks.size() * (2 * tile + 3 * path) +
           shape.chain_chunks.size() * ((2 + steps) * tile + (4 + 2 * steps) * path);
}

TEST_CASE("an opening takes a third of what tiles and single paths take", "[verify]") {
    // The demo's shape and small.toml's.
    for (const auto& [tiles, steps] : {std::pair{265U, 12U}, std::pair{2560U, 20U}}) {
        OpeningShape shape;
        shape.tiles = tiles;
        shape.inner_steps = steps;
        shape.sequences = 4;
        for (uint64_t i = 0; i < 16; ++i) {
            shape.compressor_chunks.push_back(i * tiles / 16 + i % 3);
            shape.strips.push_back(static_cast<uint32_t>(i));
        }
        shape.chain_chunks = {shape.compressor_chunks[1],
                              shape.compressor_chunks[6],
                              shape.compressor_chunks[7],
                              shape.compressor_chunks[14]};
        CAPTURE(opening_size(shape), size_in_tiles_and_paths(shape));
        CHECK(3 * opening_size(shape) < size_in_tiles_and_paths(shape));
    }
}

TEST_CASE("gradients in a file answer like gradients in memory", "[verify]") {
    const StorePlace in_file{0, std::filesystem::temp_directory_path() / "assay-verify-store"};
    Result<std::unique_ptr<GradientStore>> file = GradientStore::open(4096, 3, in_file);
    Result<std::unique_ptr<GradientStore>> memory = GradientStore::open(4096, 3, {});
    REQUIRE(file.ok());
    REQUIRE(memory.ok());
    CounterRng rng(derive_seed(Digest{}, "store"));
    for (const uint32_t step : {2U, 0U, 1U}) {
        std::vector<float> g(4096);
        for (float& x : g) {
            x = static_cast<float>(rng.unit());
        }
        REQUIRE((*file)->put(step, g).ok());
        REQUIRE((*memory)->put(step, g).ok());
    }
    std::vector<float> a(100);
    std::vector<float> b(100);
    for (uint32_t step = 0; step < 3; ++step) {
        REQUIRE((*file)->get(step, 1000, a).ok());
        REQUIRE((*memory)->get(step, 1000, b).ok());
        CHECK(a == b);
    }
    CHECK(std::filesystem::is_empty(in_file.folder));  // nothing to leave behind
    std::filesystem::remove(in_file.folder);
    CHECK_FALSE(GradientStore::open(4096, 3, {0, "/proc/no such folder"}).ok());
}

}  // namespace assay
