// Merkle trees: every path of many counts, and forgeries.

#include "core/merkle.h"

#include <catch2/catch.hpp>

namespace assay {

namespace {

std::vector<Digest> leaves_of(uint64_t count) {
    std::vector<Digest> leaves;
    for (uint64_t i = 0; i < count; ++i) {
        ByteWriter writer;
        writer.u64(i);
        leaves.push_back(sha256_plain(writer.bytes()));
    }
    return leaves;
}

Digest node(const Digest& left, const Digest& right) {
    return sha256("node", left.span(), right.span());
}

Digest leaf(const Digest& digest) {
    return sha256("leaf", digest.span());
}

Digest rooted(uint64_t count, const Digest& top) {
    ByteWriter writer;
    writer.u64(count);
    return sha256("root", writer.bytes(), top.span());
}

}  // namespace

TEST_CASE("roots of 0, 1, 2, 3 and 5 leaves follow the written shape") {
    const std::vector<Digest> l = leaves_of(5);
    CHECK(merkle_root({}) == rooted(0, sha256("empty", {})));
    CHECK(merkle_root(leaves_of(1)) == rooted(1, leaf(l[0])));
    CHECK(merkle_root(leaves_of(2)) == rooted(2, node(leaf(l[0]), leaf(l[1]))));
    CHECK(merkle_root(leaves_of(3)) == rooted(3, node(node(leaf(l[0]), leaf(l[1])), leaf(l[2]))));
    const Digest four = node(node(leaf(l[0]), leaf(l[1])), node(leaf(l[2]), leaf(l[3])));
    CHECK(merkle_root(l) == rooted(5, node(four, leaf(l[4]))));
}

TEST_CASE("every leaf of every small tree has a path, and no other thing has") {
    for (uint64_t count = 0; count <= 33; ++count) {
        const MerkleTree tree(leaves_of(count));
        for (uint64_t index = 0; index < count; ++index) {
            const MerklePath path = tree.path(index);
            CAPTURE(count, index);
            CHECK(merkle_contains(tree.root(), tree.leaf(index), path));
            CHECK_FALSE(merkle_contains(tree.root(), sha256_plain(as_bytes("other")), path));
            CHECK_FALSE(merkle_contains(Digest{}, tree.leaf(index), path));
            for (uint64_t other = 0; other <= count; ++other) {
                MerklePath moved = path;
                moved.index = other;
                CHECK(merkle_contains(tree.root(), tree.leaf(index), moved) == (other == index));
            }
            for (const uint64_t other : {count - 1, count + 1, 2 * count, UINT64_MAX}) {
                MerklePath recounted = path;
                recounted.count = other;
                CHECK(merkle_contains(tree.root(), tree.leaf(index), recounted) ==
                      (other == count));
            }
        }
    }
}

TEST_CASE("a path with a changed, missing or added sibling is refused") {
    const MerkleTree tree(leaves_of(21));
    for (uint64_t index = 0; index < 21; ++index) {
        const MerklePath path = tree.path(index);
        for (size_t i = 0; i < path.siblings.size(); ++i) {
            MerklePath changed = path;
            changed.siblings[i].bytes[31] ^= 1;
            CHECK_FALSE(merkle_contains(tree.root(), tree.leaf(index), changed));
        }
        MerklePath shorter = path;
        shorter.siblings.pop_back();
        CHECK_FALSE(merkle_contains(tree.root(), tree.leaf(index), shorter));
        MerklePath longer = path;
        longer.siblings.push_back({});
        CHECK_FALSE(merkle_contains(tree.root(), tree.leaf(index), longer));
        longer.siblings.resize(1000);
        CHECK_FALSE(merkle_contains(tree.root(), tree.leaf(index), longer));
    }
}

TEST_CASE("an inner node is not a leaf") {
    const std::vector<Digest> l = leaves_of(4);
    const std::vector<Digest> inner = {node(leaf(l[0]), leaf(l[1])), node(leaf(l[2]), leaf(l[3]))};
    CHECK(merkle_root(inner) != merkle_root(l));
}

TEST_CASE("the number of leaves is bound, even where the shape is the same") {
    std::vector<Digest> doubled = leaves_of(3);
    doubled.push_back(doubled.back());
    CHECK(merkle_root(doubled) != merkle_root(leaves_of(3)));
}

TEST_CASE("tiles are bound to their place and their bits") {
    std::vector<float> values(3 * kTileValues, 1.0F);
    const Digest before = tiles_root(values);
    CHECK(tile_digest(0, std::span(values).first(kTileValues)) !=
          tile_digest(1, std::span(values).first(kTileValues)));
    values[2 * kTileValues + 5] = 0.0F;
    const Digest zero = tiles_root(values);
    CHECK(zero != before);
    values[2 * kTileValues + 5] = -0.0F;
    CHECK(tiles_root(values) != zero);
}

TEST_CASE("the root of zero tiles is the root of a buffer of zeros") {
    for (const uint64_t tiles : std::vector<uint64_t>{0, 1, 5}) {
        CHECK(zero_tiles_root(tiles) == tiles_root(std::vector<float>(tiles * kTileValues)));
    }
}

}  // namespace assay
