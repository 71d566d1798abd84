// One proof for several leaves: as strong as a path for each, and never longer.

#include "core/multi_proof.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/rng.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

std::vector<Digest> some_leaves(uint64_t count) {
    std::vector<Digest> leaves;
    for (uint64_t i = 0; i < count; ++i) {
        leaves.push_back(derive_seed(Digest{}, "multi proof", {i}));
    }
    return leaves;
}

std::vector<Digest> picked(const std::vector<Digest>& leaves, const std::vector<uint64_t>& at) {
    std::vector<Digest> some;
    some.reserve(at.size());
    for (const uint64_t index : at) {
        some.push_back(leaves[index]);
    }
    return some;
}

}  // namespace

TEST_CASE("a proof of any leaves of any tree holds, and no part of it can be changed", "[core]") {
    CounterRng rng(derive_seed(Digest{}, "picks"));
    for (uint64_t count = 1; count <= 40; ++count) {
        const std::vector<Digest> leaves = some_leaves(count);
        const MerkleTree tree(leaves);
        for (int trial = 0; trial < 8; ++trial) {
            std::vector<uint64_t> at = rng.distinct(1 + rng.below(count), count);
            std::sort(at.begin(), at.end());
            const std::vector<Digest> siblings = multi_proof(tree, at);
            CHECK(siblings.size() == multi_proof_size(at, count));
            size_t single = 0;
            for (const uint64_t index : at) {
                single += tree.path(index).siblings.size();
            }
            CHECK(siblings.size() <= single);
            std::vector<Digest> some = picked(leaves, at);
            CHECK(multi_proof_holds(tree.root(), count, at, some, siblings));
            CHECK_FALSE(multi_proof_holds(Digest{}, count, at, some, siblings));
            for (Digest& digest : some) {
                digest.bytes[0] ^= 1U;
                CHECK_FALSE(multi_proof_holds(tree.root(), count, at, some, siblings));
                digest.bytes[0] ^= 1U;
            }
            for (size_t i = 0; i < siblings.size(); ++i) {
                std::vector<Digest> bent = siblings;
                bent[i].bytes[5] ^= 1U;
                CHECK_FALSE(multi_proof_holds(tree.root(), count, at, some, bent));
            }
            std::vector<Digest> longer = siblings;
            longer.emplace_back();
            CHECK_FALSE(multi_proof_holds(tree.root(), count, at, some, longer));
            some.pop_back();
            CHECK_FALSE(multi_proof_holds(tree.root(), count, at, some, siblings));
        }
    }
}

TEST_CASE("a proof is of these places and of this count", "[core]") {
    const std::vector<Digest> leaves = some_leaves(13);
    const MerkleTree tree(leaves);
    const std::vector<uint64_t> at = {2, 3, 9};
    const std::vector<Digest> siblings = multi_proof(tree, at);
    const std::vector<Digest> some = picked(leaves, at);
    CHECK_FALSE(multi_proof_holds(tree.root(), 13, std::vector<uint64_t>{2, 3, 8}, some, siblings));
    CHECK_FALSE(multi_proof_holds(tree.root(), 14, at, some, siblings));
    CHECK_FALSE(multi_proof_holds(tree.root(), 13, std::vector<uint64_t>{}, {}, {}));
}

TEST_CASE("places out of order are a defect of the program", "[core]") {
    const MerkleTree tree(some_leaves(5));
    CHECK_THAT(fired_check([&] {
                   (void)multi_proof(tree, std::vector<uint64_t>{3, 1});
               }),
               Catch::Contains("in_order"));
    CHECK_THAT(fired_check([] { (void)multi_proof_size(std::vector<uint64_t>{5}, 5); }),
               Catch::Contains("in_order"));
}

}  // namespace assay
