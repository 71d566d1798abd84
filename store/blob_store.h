// Bytes at rest, named by their plain SHA-256: payloads, openings, aggregates, states.
//
// Not a cache: the owner removes what it no longer needs (keep_only). A blob is whole or not there.
// It outlives this process, and a crash of the machine, only once make_durable() was asked for it:
// neither put() nor what arrives waits for a disk. What arrives in pieces belongs to one thread,
// the event loop's; put, make_durable and what reads may be called from others. What every
// implementation has to do stands in tests/store/blob_store_test.cpp, which each is run through.

#pragma once

#include <set>
#include <span>
#include <string>

#include "protocol/messages.h"

namespace assay {

// Private blobs are given to nobody but who may see them.
enum class Visibility { kPrivate, kPublic };

class BlobStore {
public:
    BlobStore() = default;
    virtual ~BlobStore() = default;
    BlobStore(const BlobStore&) = delete;
    BlobStore& operator=(const BlobStore&) = delete;

    // Stores bytes; a blob that is there already keeps the wider of both visibilities. On failure
    // (full disk) nothing is left behind.
    virtual Result<BlobRef> put(ByteSpan bytes, Visibility visibility) = 0;

    [[nodiscard]] virtual bool has(const Digest& sha256) const = 0;
    // The whole blob; its hash is checked again where what holds it can be damaged.
    [[nodiscard]] virtual Result<Bytes> get(const Digest& sha256, uint64_t size_max) const = 0;
    // Makes the blob that file on this machine's disk, for those who map it; at no cost where the
    // store can. The file stays when the blob goes. Fails if it is there already.
    [[nodiscard]] virtual Status export_to(const Digest& sha256, const std::string& file) const = 0;
    // Answer to a stranger's request: missing = true where the blob is not there, is private and
    // the asker may not see private ones, or the range lies outside.
    [[nodiscard]] virtual BlobPiece answer(const BlobRequest& request,
                                           bool may_see_private) const = 0;

    // Returns when all of them are durable; those that are not here any more are passed over. As
    // one batch it waits about as long as for one of them.
    virtual Status make_durable(std::span<const Digest> blobs) = 0;

    virtual Status make_public(const Digest& sha256) = 0;
    // Success if it is not there afterwards.
    virtual Status remove(const Digest& sha256) = 0;
    // Removes all other blobs, and what has arrived of them. REQUIRES: none of them is being put,
    // and none will be appended to.
    virtual Status keep_only(const std::set<Digest>& live) = 0;

    // A blob that arrives in pieces. begin: how many bytes are here already. append: the next ones.
    // finish: checks size and hash, and makes it a blob; on a wrong hash all is thrown away, as by
    // abandon. Nothing but a restart ends an arrival that is neither finished nor abandoned, and
    // what came goes on where it ended if the store outlives the process.
    // REQUIRES of these, and of keep_only once something has arrived: one thread calls them.
    virtual Result<uint64_t> begin(const BlobRef& blob) = 0;
    virtual Status append(const Digest& sha256, ByteSpan bytes) = 0;
    virtual Status finish(const Digest& sha256, Visibility visibility) = 0;
    virtual Status abandon(const Digest& sha256) = 0;
    // Fails, with the reason, once a write of something that arrives has failed here: then what
    // does not come is not its source's fault.
    [[nodiscard]] virtual const Status& disk() const = 0;
};

}  // namespace assay
