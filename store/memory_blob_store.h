// A blob store in memory, for runs without a disk. One thread uses it.

#pragma once

#include <map>
#include <memory>

#include "core/owner_thread.h"
#include "store/arrival.h"
#include "store/blob_store.h"

namespace assay {

class MemoryBlobStore : public BlobStore {
public:
    Result<BlobRef> put(ByteSpan bytes, Visibility visibility) override;
    [[nodiscard]] bool has(const Digest& sha256) const override;
    [[nodiscard]] Result<Bytes> get(const Digest& sha256, uint64_t size_max) const override;
    [[nodiscard]] Status export_to(const Digest& sha256, const std::string& file) const override;
    [[nodiscard]] BlobPiece answer(const BlobRequest& request, bool may_see_private) const override;
    Status make_durable(std::span<const Digest> blobs) override;
    Status make_public(const Digest& sha256) override;
    Status remove(const Digest& sha256) override;
    Status keep_only(const std::set<Digest>& live) override;
    Result<uint64_t> begin(const BlobRef& blob) override;
    Status append(const Digest& sha256, ByteSpan bytes) override;
    Status finish(const Digest& sha256, Visibility visibility) override;
    Status abandon(const Digest& sha256) override;
    [[nodiscard]] const Status& disk() const override { return disk_; }

    // As a disk does when its machine dies: what is not durable is gone.
    void crash();
    [[nodiscard]] size_t count_most() const { return count_most_; }  // ever at a time

private:
    struct Blob {
        Bytes bytes;
        Visibility visibility = Visibility::kPrivate;
        bool durable = false;
    };
    struct Arriving {
        explicit Arriving(const BlobRef& blob) : arrival(blob) {}

        Arrival arrival;
        Bytes bytes;
    };

    void keep(const Digest& sha256, Bytes bytes, Visibility visibility);

    std::map<Digest, Blob> blobs_;
    std::map<Digest, std::unique_ptr<Arriving>> arriving_;
    size_t count_most_ = 0;
    Status disk_;  // memory does not fill up: the process ends before
    mutable OwnerThread owner_;
};

}  // namespace assay
