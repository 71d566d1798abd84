// Payloads, openings, aggregates and snapshots as files named by their plain SHA-256.
//
//     DIR/private/<hex>  held, and given to nobody but who may see private blobs
//     DIR/public/<hex>   given to everybody
//     DIR/incoming/<hex> still arriving: the first bytes, in order; goes on after a restart
//     DIR/staging/<hex>  being put; whatever a crash leaves there goes at the next start
//
// A file in private/ or public/ is complete and synced. Not a cache: the owner removes what it no
// longer needs (keep_only). What arrives in pieces belongs to one thread, the event loop, and so
// does keep_only; put and what reads may be called from another one.

#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "protocol/messages.h"
#include "store/file_system.h"

namespace assay {

enum class Visibility { kPrivate, kPublic };

class BlobStore {
public:
    // Makes the folders where they are missing. The file system must outlive the store.
    static Result<BlobStore> open(const std::filesystem::path& folder,
                                  FileSystem& files = real_file_system());

    // Stores bytes; a blob that is there already keeps the wider of both visibilities. On failure
    // (full disk) nothing is left behind.
    Result<BlobRef> put(ByteSpan bytes, Visibility visibility);

    // Of whole blobs: one that still arrives is not there.
    [[nodiscard]] bool has(const Digest& sha256) const;
    [[nodiscard]] Result<uint64_t> size(const Digest& sha256) const;
    // The whole blob, with its hash checked again.
    [[nodiscard]] Result<Bytes> get(const Digest& sha256, uint64_t size_max) const;
    // Where the file is, for those who map it. Fails if the blob is not there.
    [[nodiscard]] Result<std::filesystem::path> path(const Digest& sha256) const;

    // Answer to a stranger's request: missing = true where the blob is not there, is private and
    // the asker may not see private ones, or the range lies outside.
    [[nodiscard]] BlobPiece answer(const BlobRequest& request, bool may_see_private) const;

    Status make_public(const Digest& sha256);
    Status remove(const Digest& sha256);
    [[nodiscard]] std::vector<Digest> list() const;
    // Removes all other blobs, and what has arrived of them. REQUIRES: none of them is being put,
    // and none will be appended to.
    Status keep_only(const std::set<Digest>& live);

    // A blob that arrives in pieces. begin: how many bytes are here already. append: the next ones.
    // finish: checks size and hash, syncs, and makes it a blob; on a wrong hash all is thrown away.
    Result<uint64_t> begin(const BlobRef& blob);
    Status append(const Digest& sha256, ByteSpan bytes);
    Status finish(const Digest& sha256, Visibility visibility);
    Status abandon(const Digest& sha256);
    // Fails, with the reason, once a write of something that arrives has failed here: then what
    // does not come is not its source's fault.
    [[nodiscard]] const Status& disk() const { return disk_; }

private:
    BlobStore(std::filesystem::path folder, FileSystem& files)
        : folder_(std::move(folder)), files_(&files) {}

    struct Incoming {
        uint64_t size_bytes = 0;  // announced
        uint64_t here = 0;
        std::unique_ptr<Sha256> hash;
    };

    [[nodiscard]] std::filesystem::path place(const char* kind, const Digest& sha256) const;
    [[nodiscard]] Result<uint64_t> hash_file(const std::filesystem::path& file, Sha256& hash) const;

    std::filesystem::path folder_;
    FileSystem* files_;
    std::map<Digest, Incoming> incoming_;
    Status disk_;
};

}  // namespace assay
