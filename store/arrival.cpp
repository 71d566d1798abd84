#include "store/arrival.h"

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

Status Arrival::admit(const BlobRef& blob) {
    if (blob.size_bytes > limits::kBlobBytesMax) {
        return fail("blob " + blob.sha256.brief() + " is said to have " +
                    std::to_string(blob.size_bytes) + " bytes; at most " +
                    std::to_string(limits::kBlobBytesMax) + " are stored");
    }
    return {};
}

Status Arrival::check_next(uint64_t bytes) const {
    ASSAY_CHECK_LE(here_, announced_.size_bytes);
    if (bytes > announced_.size_bytes - here_) {
        return fail("blob " + announced_.sha256.brief() + " is longer than announced");
    }
    return {};
}

void Arrival::add(ByteSpan bytes) {
    ASSAY_CHECK(!ended_);
    ASSAY_CHECK_LE(bytes.size(), announced_.size_bytes - here_);
    hash_.add(bytes);
    here_ += bytes.size();
}

Status Arrival::check_whole() {
    ASSAY_CHECK(!ended_);
    ended_ = true;
    if (here_ != announced_.size_bytes || hash_.finish() != announced_.sha256) {
        return fail("blob " + announced_.sha256.brief() + " arrived with " + std::to_string(here_) +
                    " of " + std::to_string(announced_.size_bytes) +
                    " bytes or with another hash; thrown away");
    }
    return {};
}

}  // namespace assay
