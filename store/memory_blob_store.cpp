#include "store/memory_blob_store.h"

#include <algorithm>
#include <filesystem>

#include "core/check.h"
#include "core/files.h"
#include "protocol/limits.h"

namespace assay {

namespace {

Error absent(const Digest& sha256) {
    return fail("blob " + sha256.brief() + " is not here");
}

}  // namespace

void MemoryBlobStore::keep(const Digest& sha256, Bytes bytes, Visibility visibility) {
    const auto [kept, added] =
        blobs_.try_emplace(sha256, Blob{std::move(bytes), visibility, false});
    if (!added && visibility == Visibility::kPublic) {
        kept->second.visibility = visibility;
    }
    count_most_ = std::max(count_most_, blobs_.size());
}

Result<BlobRef> MemoryBlobStore::put(ByteSpan bytes, Visibility visibility) {
    ASSAY_CHECK(owner_.is_here());
    ASSAY_CHECK_LE(bytes.size(), limits::kBlobBytesMax);
    const Digest sha256 = sha256_plain(bytes);
    keep(sha256, Bytes(bytes.begin(), bytes.end()), visibility);
    return BlobRef{sha256, bytes.size(), {}};
}

bool MemoryBlobStore::has(const Digest& sha256) const {
    ASSAY_CHECK(owner_.is_here());
    return blobs_.count(sha256) > 0;
}

Result<Bytes> MemoryBlobStore::get(const Digest& sha256, uint64_t size_max) const {
    ASSAY_CHECK(owner_.is_here());
    const auto found = blobs_.find(sha256);
    if (found == blobs_.end()) {
        return absent(sha256);
    }
    const Bytes& bytes = found->second.bytes;
    if (bytes.size() > size_max) {
        return fail("blob " + sha256.brief() + " has " + std::to_string(bytes.size()) +
                    " bytes; at most " + std::to_string(size_max) + " are allowed");
    }
    return bytes;
}

Status MemoryBlobStore::export_to(const Digest& sha256, const std::string& file) const {
    const Result<Bytes> bytes = get(sha256, limits::kBlobBytesMax);
    if (!bytes) {
        return bytes.error();
    }
    if (std::filesystem::exists(file)) {
        return fail("cannot make blob " + sha256.brief() + " the file " + file +
                    ": it is there already");
    }
    return write_file_atomically(file, *bytes);
}

BlobPiece MemoryBlobStore::answer(const BlobRequest& request, bool may_see_private) const {
    ASSAY_CHECK(owner_.is_here());
    BlobPiece piece{request.sha256, request.offset, true, {}};
    const auto found = blobs_.find(request.sha256);
    if (found == blobs_.end() ||
        (found->second.visibility == Visibility::kPrivate && !may_see_private)) {
        return piece;
    }
    const ByteSpan all = found->second.bytes;
    if (request.offset >= all.size() || request.length > limits::kPieceBytes) {
        return piece;
    }
    const ByteSpan part =
        all.subspan(request.offset, std::min(all.size() - request.offset, size_t{request.length}));
    piece.missing = false;
    piece.data.assign(part.begin(), part.end());
    return piece;
}

Status MemoryBlobStore::make_durable(std::span<const Digest> blobs) {
    ASSAY_CHECK(owner_.is_here());
    for (const Digest& sha256 : blobs) {
        const auto found = blobs_.find(sha256);
        if (found != blobs_.end()) {
            found->second.durable = true;
        }
    }
    return {};
}

void MemoryBlobStore::crash() {
    ASSAY_CHECK(owner_.is_here());
    std::erase_if(blobs_, [](const auto& entry) { return !entry.second.durable; });
    arriving_.clear();
}

Status MemoryBlobStore::make_public(const Digest& sha256) {
    ASSAY_CHECK(owner_.is_here());
    const auto found = blobs_.find(sha256);
    if (found == blobs_.end()) {
        return absent(sha256);
    }
    found->second.visibility = Visibility::kPublic;
    return {};
}

Status MemoryBlobStore::remove(const Digest& sha256) {
    ASSAY_CHECK(owner_.is_here());
    blobs_.erase(sha256);
    return {};
}

Status MemoryBlobStore::keep_only(const std::set<Digest>& live) {
    ASSAY_CHECK(owner_.is_here());
    const auto is_dead = [&](const auto& entry) { return live.count(entry.first) == 0; };
    std::erase_if(blobs_, is_dead);
    std::erase_if(arriving_, is_dead);
    ASSAY_CHECK_LE(blobs_.size(), live.size());
    return {};
}

Result<uint64_t> MemoryBlobStore::begin(const BlobRef& blob) {
    ASSAY_CHECK(owner_.is_here());
    if (Status admitted = Arrival::admit(blob); !admitted) {
        return admitted.error();
    }
    std::unique_ptr<Arriving>& arriving = arriving_[blob.sha256];
    if (!arriving || arriving->arrival.announced() != blob.size_bytes) {
        arriving = std::make_unique<Arriving>(blob);
    }
    return arriving->arrival.here();
}

Status MemoryBlobStore::append(const Digest& sha256, ByteSpan bytes) {
    ASSAY_CHECK(owner_.is_here());
    const auto found = arriving_.find(sha256);
    if (found == arriving_.end()) {
        return fail("blob " + sha256.brief() + " is not arriving");
    }
    Arriving& arriving = *found->second;
    if (Status fits = arriving.arrival.check_next(bytes.size()); !fits) {
        return fits;
    }
    arriving.arrival.add(bytes);
    arriving.bytes.insert(arriving.bytes.end(), bytes.begin(), bytes.end());
    ASSAY_CHECK_EQ(arriving.bytes.size(), arriving.arrival.here());
    return {};
}

Status MemoryBlobStore::finish(const Digest& sha256, Visibility visibility) {
    ASSAY_CHECK(owner_.is_here());
    const auto found = arriving_.find(sha256);
    if (found == arriving_.end()) {
        return fail("blob " + sha256.brief() + " is not arriving");
    }
    Status whole = found->second->arrival.check_whole();
    if (whole) {
        keep(sha256, std::move(found->second->bytes), visibility);
    }
    arriving_.erase(found);
    return whole;
}

Status MemoryBlobStore::abandon(const Digest& sha256) {
    ASSAY_CHECK(owner_.is_here());
    arriving_.erase(sha256);
    return {};
}

}  // namespace assay
