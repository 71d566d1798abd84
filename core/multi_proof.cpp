#include "core/multi_proof.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

bool in_order(std::span<const uint64_t> indices, uint64_t count) {
    return std::adjacent_find(indices.begin(), indices.end(), std::greater_equal<>()) ==
               indices.end() &&
           (indices.empty() || indices.back() < count);
}

// A node of the row that is walked, by which of the proven leaves is below it.
struct Known {
    uint64_t index = 0;
    size_t leaf = 0;
};

}  // namespace

std::vector<Digest> multi_proof(const MerkleTree& tree, std::span<const uint64_t> indices) {
    ASSAY_CHECK(in_order(indices, tree.count()));
    std::vector<MerklePath> paths;
    std::vector<Known> row;
    for (const uint64_t index : indices) {
        row.push_back({index, paths.size()});
        paths.push_back(tree.path(index));
    }
    std::vector<size_t> used(paths.size());
    std::vector<Digest> siblings;
    for (uint64_t width = tree.count(); width > 1 && !row.empty(); width = (width + 1) / 2) {
        std::vector<Known> above;
        for (size_t i = 0; i < row.size(); ++i) {
            const Known& node = row[i];
            const uint64_t sibling = node.index ^ 1U;
            const bool paired = i + 1 < row.size() && row[i + 1].index == sibling;
            if (sibling < width && !paired) {
                siblings.push_back(paths[node.leaf].siblings[used[node.leaf]]);
            }
            used[node.leaf] += sibling < width ? 1 : 0;
            above.push_back({node.index / 2, node.leaf});
            i += paired ? 1 : 0;
        }
        row = std::move(above);
    }
    ASSAY_CHECK_EQ(siblings.size(), multi_proof_size(indices, tree.count()));
    return siblings;
}

uint64_t multi_proof_size(std::span<const uint64_t> indices, uint64_t count) {
    ASSAY_CHECK(in_order(indices, count));
    std::vector<uint64_t> row(indices.begin(), indices.end());
    uint64_t size = 0;
    for (uint64_t width = count; width > 1 && !row.empty(); width = (width + 1) / 2) {
        std::vector<uint64_t> above;
        for (size_t i = 0; i < row.size(); ++i) {
            const uint64_t sibling = row[i] ^ 1U;
            const bool paired = i + 1 < row.size() && row[i + 1] == sibling;
            size += !paired && sibling < width ? 1 : 0;
            above.push_back(row[i] / 2);
            i += paired ? 1 : 0;
        }
        row = std::move(above);
    }
    return size;
}

bool multi_proof_holds(const Digest& root,
                       uint64_t count,
                       std::span<const uint64_t> indices,
                       std::span<const Digest> leaves,
                       std::span<const Digest> siblings) {
    ASSAY_CHECK(in_order(indices, count));
    if (indices.empty() || leaves.size() != indices.size() ||
        siblings.size() != multi_proof_size(indices, count)) {
        return false;
    }
    std::vector<std::pair<uint64_t, Digest>> row;
    for (size_t i = 0; i < indices.size(); ++i) {
        row.emplace_back(indices[i], merkle_leaf(leaves[i]));
    }
    size_t used = 0;
    for (uint64_t width = count; width > 1; width = (width + 1) / 2) {
        std::vector<std::pair<uint64_t, Digest>> above;
        for (size_t i = 0; i < row.size(); ++i) {
            const auto& [index, node] = row[i];
            const uint64_t sibling = index ^ 1U;
            const bool paired = i + 1 < row.size() && row[i + 1].first == sibling;
            if (sibling >= width) {
                above.emplace_back(index / 2, node);
                continue;
            }
            const Digest& other = paired ? row[i + 1].second : siblings[used++];
            above.emplace_back(
                index / 2, index % 2 == 0 ? merkle_node(node, other) : merkle_node(other, node));
            i += paired ? 1 : 0;
        }
        row = std::move(above);
    }
    return row.size() == 1 && used == siblings.size() && merkle_top(count, row[0].second) == root;
}

}  // namespace assay
