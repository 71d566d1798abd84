#include "protocol/beacon_chain.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

Digest BeaconChain::before(const Digest& element) {
    return sha256("chain", element.span());
}

BeaconChain::BeaconChain(const Digest& secret, uint64_t length) : length_(length) {
    ASSAY_CHECK_LE(length, limits::kRoundsMax);
    kept_.resize(length / kStride + 2);
    Digest element = secret;
    kept_.back() = secret;
    for (uint64_t index = length; index > 0; --index) {
        if (index % kStride == 0) {
            kept_[index / kStride] = element;
        }
        element = before(element);
    }
    kept_.front() = element;
}

Digest BeaconChain::element(uint64_t index) const {
    ASSAY_CHECK_LE(index, length_);
    const uint64_t above = (index + kStride - 1) / kStride;
    const bool from_secret = above * kStride > length_;
    ASSAY_CHECK(from_secret || above < kept_.size());
    Digest element = from_secret ? kept_.back() : kept_[above];
    for (uint64_t i = from_secret ? length_ : above * kStride; i > index; --i) {
        element = before(element);
    }
    return element;
}

}  // namespace assay
