// One membership proof for several leaves of a Merkle tree: no node that follows from another, none
// twice.
//
// The siblings stand row by row from the leaves upwards, in increasing place, as many as
// multi_proof_size says: whoever knows which leaves are meant needs no lengths. The root is that of
// core/merkle.h.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/merkle.h"

namespace assay {

// REQUIRES (of all three): indices strictly increasing, each below the count of leaves.
std::vector<Digest> multi_proof(const MerkleTree& tree, std::span<const uint64_t> indices);
uint64_t multi_proof_size(std::span<const uint64_t> indices, uint64_t count);
// Whether `leaves`, one an index, stand at these places among `count` leaves under `root`. Safe on
// any number of leaves and siblings, whatever is in them.
[[nodiscard]] bool multi_proof_holds(const Digest& root,
                                     uint64_t count,
                                     std::span<const uint64_t> indices,
                                     std::span<const Digest> leaves,
                                     std::span<const Digest> siblings);

}  // namespace assay
