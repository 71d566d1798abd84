// Merkle trees over digests, with membership paths.
//
// A leaf digest enters as H("leaf" | digest); two nodes join as H("node" | left | right); the last
// node of an odd row moves up unchanged (RFC 6962 shape). The root of an empty tree is H("empty").
// The root is bound to the number of leaves: root = H("root" | u64 count | top).

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/digest.h"

namespace assay {

struct MerklePath {
    uint64_t index = 0;
    uint64_t count = 0;
    std::vector<Digest> siblings;  // from the leaf's row upwards; at most 64
};

class MerkleTree {
public:
    // Any number of leaves, none too. A leaf without a neighbour moves up as it is; the count of
    // the leaves is hashed into the root.
    explicit MerkleTree(std::vector<Digest> leaves);

    [[nodiscard]] Digest root() const { return root_; }
    [[nodiscard]] uint64_t count() const { return count_; }
    [[nodiscard]] const Digest& leaf(uint64_t index) const { return leaves_[index]; }
    // REQUIRES: index < count().
    [[nodiscard]] MerklePath path(uint64_t index) const;

private:
    uint64_t count_;
    std::vector<Digest> leaves_;
    std::vector<std::vector<Digest>> rows_;
    Digest root_;
};

// MerkleTree(leaves).root(), for those who need no paths.
Digest merkle_root(std::span<const Digest> leaves);

// The three hashes that a tree is made of, for those who walk one themselves: how a leaf's digest
// enters, how two nodes join, how the count is bound to the topmost node.
Digest merkle_leaf(const Digest& leaf);
Digest merkle_node(const Digest& left, const Digest& right);
Digest merkle_top(uint64_t count, const Digest& top);

// Whether `leaf` stands at path.index among path.count leaves under `root`. Safe on any input.
[[nodiscard]] bool merkle_contains(const Digest& root, const Digest& leaf, const MerklePath& path);

// Tiles: 4096 fp32 values = 16 KiB, little-endian. Their digest: core/tile_strips.h.
constexpr size_t kTileValues = 4096;
Digest tile_digest(uint64_t index, std::span<const float> values);
// Root over the tiles of a buffer whose size is a multiple of kTileValues.
Digest tiles_root(std::span<const float> values);
MerkleTree tiles_tree(std::span<const float> values);
// tiles_root of `tile_count` tiles of zeros.
Digest zero_tiles_root(uint64_t tile_count);

}  // namespace assay
