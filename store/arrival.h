// A blob on its way into a store: how much of it is here, and whether that is what was announced.

#pragma once

#include "protocol/messages.h"

namespace assay {

class Arrival {
public:
    // Fails if no store takes a blob of that size.
    static Status admit(const BlobRef& blob);

    explicit Arrival(const BlobRef& blob) : announced_(blob) {}

    // Whether so many more bytes are what was announced.
    [[nodiscard]] Status check_next(uint64_t bytes) const;
    // REQUIRES: check_next() allows them.
    void add(ByteSpan bytes);
    // Whether all is here and hashes to its name. Once.
    [[nodiscard]] Status check_whole();

    [[nodiscard]] uint64_t announced() const { return announced_.size_bytes; }
    [[nodiscard]] uint64_t here() const { return here_; }

private:
    BlobRef announced_;
    uint64_t here_ = 0;
    Sha256 hash_;
    bool ended_ = false;
};

}  // namespace assay
