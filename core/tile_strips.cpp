#include "core/tile_strips.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

// One hasher for all nodes of a tile: making one costs as much as a small hash.
class StripHasher {
public:
    Digest strip(uint64_t tile, size_t strip, std::span<const float> values) {
        ASSAY_CHECK_EQ(values.size(), kStripValues);
        begin("strip");
        ByteWriter number;
        number.u64(tile * kStripsPerTile + strip);
        hasher_.add(number.bytes());
        hasher_.add(float_bytes(values));
        return hasher_.finish();
    }
    Digest join(std::span<const Digest> nodes) {
        ASSAY_CHECK_EQ(nodes.size(), kStripFan);
        begin("strips");
        for (const Digest& node : nodes) {
            hasher_.add(node);
        }
        return hasher_.finish();
    }

private:
    // As sha256(domain, ..) begins.
    void begin(std::string_view domain) {
        const auto length = static_cast<uint8_t>(domain.size());
        hasher_.add(ByteSpan(&length, 1));
        hasher_.add(as_bytes(domain));
    }
    Sha256 hasher_;
};

// The two lower rows of a tile's tree.
struct StripTree {
    std::array<Digest, kStripsPerTile> strips;
    std::array<Digest, kStripFan> nodes;
};

StripTree strip_tree(StripHasher& hasher, uint64_t tile, std::span<const float> values) {
    ASSAY_CHECK_EQ(values.size(), kTileValues);
    StripTree tree;
    for (size_t i = 0; i < kStripsPerTile; ++i) {
        tree.strips[i] = hasher.strip(tile, i, values.subspan(i * kStripValues, kStripValues));
    }
    for (size_t i = 0; i < kStripFan; ++i) {
        tree.nodes[i] = hasher.join(std::span(tree.strips).subspan(i * kStripFan, kStripFan));
    }
    return tree;
}

}  // namespace

Digest tile_digest(uint64_t index, std::span<const float> values) {
    StripHasher hasher;
    return hasher.join(strip_tree(hasher, index, values).nodes);
}

StripPath strip_path(uint64_t tile, std::span<const float> values, uint32_t strip) {
    ASSAY_CHECK_LT(size_t{strip}, kStripsPerTile);
    StripHasher hasher;
    const StripTree tree = strip_tree(hasher, tile, values);
    StripPath path;
    auto* next = path.begin();
    const size_t group = strip / kStripFan;
    for (size_t i = 0; i < kStripFan; ++i) {
        if (i != strip % kStripFan) {
            *next++ = tree.strips[group * kStripFan + i];
        }
    }
    for (size_t i = 0; i < kStripFan; ++i) {
        if (i != group) {
            *next++ = tree.nodes[i];
        }
    }
    ASSAY_CHECK(next == path.end());
    return path;
}

Digest tile_of_strip(uint64_t tile,
                     uint32_t strip,
                     std::span<const float> values,
                     const StripPath& path) {
    ASSAY_CHECK_LT(size_t{strip}, kStripsPerTile);
    StripHasher hasher;
    Digest node = hasher.strip(tile, strip, values);
    const Digest* others = path.data();
    for (const size_t place : {strip % kStripFan, strip / kStripFan}) {
        std::array<Digest, kStripFan> nodes;
        for (size_t i = 0; i < kStripFan; ++i) {
            nodes[i] = i == place ? node : *others++;
        }
        node = hasher.join(nodes);
    }
    return node;
}

}  // namespace assay
