#include "core/merkle.h"

#include <array>

#include "core/check.h"

namespace assay {

namespace {

std::vector<Digest> row_above(const std::vector<Digest>& row) {
    std::vector<Digest> above;
    above.reserve((row.size() + 1) / 2);
    for (size_t i = 0; i < row.size(); i += 2) {
        above.push_back(i + 1 < row.size() ? merkle_node(row[i], row[i + 1]) : row[i]);
    }
    return above;
}

}  // namespace

Digest merkle_leaf(const Digest& leaf) {
    return sha256("leaf", leaf.span());
}

Digest merkle_node(const Digest& left, const Digest& right) {
    return sha256("node", left.span(), right.span());
}

Digest merkle_top(uint64_t count, const Digest& top) {
    ByteWriter writer;
    writer.u64(count);
    return sha256("root", writer.bytes(), top.span());
}

MerkleTree::MerkleTree(std::vector<Digest> leaves)
    : count_(leaves.size()), leaves_(std::move(leaves)) {
    std::vector<Digest> row;
    row.reserve(leaves_.size());
    for (const Digest& leaf : leaves_) {
        row.push_back(merkle_leaf(leaf));
    }
    while (row.size() > 1) {
        std::vector<Digest> above = row_above(row);
        rows_.push_back(std::move(row));
        row = std::move(above);
    }
    root_ = merkle_top(count_, row.empty() ? sha256("empty", {}) : row.front());
}

MerklePath MerkleTree::path(uint64_t index) const {
    ASSAY_CHECK_LT(index, count_);
    MerklePath path{index, count_, {}};
    for (const std::vector<Digest>& row : rows_) {
        const uint64_t sibling = index ^ 1U;
        if (sibling < row.size()) {
            path.siblings.push_back(row[sibling]);
        }
        index /= 2;
    }
    ASSAY_CHECK_EQ(index, uint64_t{0});  // the walk ended at the top
    return path;
}

Digest merkle_root(std::span<const Digest> leaves) {
    return MerkleTree(std::vector<Digest>(leaves.begin(), leaves.end())).root();
}

bool merkle_contains(const Digest& root, const Digest& leaf, const MerklePath& path) {
    if (path.index >= path.count || path.siblings.size() > 64) {
        return false;
    }
    Digest node = merkle_leaf(leaf);
    uint64_t index = path.index;
    uint64_t width = path.count;
    size_t used = 0;
    while (width > 1) {
        if ((index ^ 1U) < width) {
            if (used == path.siblings.size()) {
                return false;
            }
            const Digest& sibling = path.siblings[used++];
            node = index % 2 == 0 ? merkle_node(node, sibling) : merkle_node(sibling, node);
        }
        index /= 2;
        width = (width + 1) / 2;
    }
    return used == path.siblings.size() && merkle_top(path.count, node) == root;
}

MerkleTree tiles_tree(std::span<const float> values) {
    ASSAY_CHECK_EQ(values.size() % kTileValues, size_t{0});
    std::vector<Digest> leaves;
    leaves.reserve(values.size() / kTileValues);
    for (size_t i = 0; i * kTileValues < values.size(); ++i) {
        leaves.push_back(tile_digest(i, values.subspan(i * kTileValues, kTileValues)));
    }
    return MerkleTree(std::move(leaves));
}

Digest tiles_root(std::span<const float> values) {
    return tiles_tree(values).root();
}

Digest zero_tiles_root(uint64_t tile_count) {
    static constexpr std::array<float, kTileValues> kZeros{};
    std::vector<Digest> leaves;
    leaves.reserve(tile_count);
    for (uint64_t i = 0; i < tile_count; ++i) {
        leaves.push_back(tile_digest(i, kZeros));
    }
    return merkle_root(leaves);
}

}  // namespace assay
