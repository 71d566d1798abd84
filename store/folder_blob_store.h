// A blob store in a folder of this machine's disk.
//
//     DIR/private/<hex>  held, and given to nobody but who may see private blobs
//     DIR/public/<hex>   given to everybody
//     DIR/incoming/<hex> arriving: the first bytes, in order; goes on after a restart
//     DIR/staging/<hex>  put; whatever a process leaves there goes at the next start
//
// A file in private/ or public/ is complete and synced. What has arrived or was put is a blob of
// this process where it lies, until make_durable() moves it.

#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "core/owner_thread.h"
#include "store/arrival.h"
#include "store/blob_store.h"
#include "store/file_system.h"

namespace assay {

class FolderBlobStore : public BlobStore {
public:
    // `files` must outlive the store.
    static Result<std::unique_ptr<FolderBlobStore>> open(const std::filesystem::path& folder,
                                                         FileSystem& files = real_file_system());
    // To read what another process keeps there, or what was copied: makes and removes nothing.
    static std::unique_ptr<const FolderBlobStore> look_at(const std::filesystem::path& folder);

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

private:
    FolderBlobStore(std::filesystem::path folder, FileSystem& files)
        : folder_(std::move(folder)), files_(files) {}

    // Where a blob is, and who may see it.
    struct Place {
        std::filesystem::path file;
        Visibility visibility = Visibility::kPrivate;
    };

    [[nodiscard]] std::filesystem::path place(const char* kind, const Digest& sha256) const;
    [[nodiscard]] std::optional<Place> find(const Digest& sha256) const;
    [[nodiscard]] std::optional<Place> find_fresh(const Digest& sha256) const;
    void keep_fresh(const Digest& sha256, std::filesystem::path file, Visibility visibility);
    [[nodiscard]] Result<Bytes> get_stored(const Digest& sha256, uint64_t size_max) const;
    Status move_durable(std::span<const Digest> blobs);
    Status remove_fresh(const Digest& sha256);
    // What `use` makes of the blob's file, wherever that is moved to meanwhile.
    template <typename Use>
    [[nodiscard]] auto use_file(const Digest& sha256, const Use& use) const
        -> decltype(use(std::declval<const Place&>()));
    [[nodiscard]] Status copy(const std::filesystem::path& from,
                              const std::filesystem::path& to) const;
    // Adds what an earlier attempt left of it.
    Status take_up(Arrival& arrival, const std::filesystem::path& file) const;
    Status disk_failed(const Digest& sha256, const Status& status);

    const std::filesystem::path folder_;
    FileSystem& files_;
    std::map<Digest, std::unique_ptr<Arrival>> arriving_;
    mutable std::mutex fresh_mutex_;
    std::map<Digest, Place> fresh_;  // whole, and not durable yet
    Status disk_;
    OwnerThread arrivals_owner_;
};

}  // namespace assay
