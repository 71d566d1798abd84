// The coordinator's hash chain of beacons: element i = H(element i + 1), and the tail, element 0,
// is in the manifest. Round r reveals element r + 1, so nobody can know it before, and everybody
// can check it.
//
// Keeps every kStride-th element, so that any element costs at most kStride hashes.

#pragma once

#include <cstdint>
#include <vector>

#include "core/digest.h"

namespace assay {

class BeaconChain {
public:
    // `secret` is the element behind the last one: element(length) = secret.
    BeaconChain(const Digest& secret, uint64_t length);

    [[nodiscard]] Digest tail() const { return element(0); }
    [[nodiscard]] uint64_t length() const { return length_; }
    // REQUIRES: index <= length().
    [[nodiscard]] Digest element(uint64_t index) const;

    // What element i must be, given element i + 1.
    static Digest before(const Digest& element);

private:
    static constexpr uint64_t kStride = 256;
    uint64_t length_;
    std::vector<Digest> kept_;  // kept_[j] = element(min(j * kStride, length)), from the tail up
};

}  // namespace assay
