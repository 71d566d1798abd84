#include "store/blob_store.h"

#include <algorithm>

#include "protocol/limits.h"

namespace assay {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kReadBytes = 1U << 20;
constexpr const char* kPrivate = "private";
constexpr const char* kPublic = "public";
constexpr const char* kIncoming = "incoming";
constexpr const char* kStaging = "staging";

const char* folder_of(Visibility visibility) {
    return visibility == Visibility::kPublic ? kPublic : kPrivate;
}

}  // namespace

Result<BlobStore> BlobStore::open(const fs::path& folder, FileSystem& files) {
    for (const char* kind : {kPrivate, kPublic, kIncoming, kStaging}) {
        const Status made = files.make_folder(folder / kind);
        if (!made) {
            return made.error();
        }
    }
    for (const std::string& name : files.list(folder / kStaging)) {
        const Status removed = files.remove(folder / kStaging / name);
        if (!removed) {
            return removed.error();
        }
    }
    return BlobStore(folder, files);
}

fs::path BlobStore::place(const char* kind, const Digest& sha256) const {
    return folder_ / kind / sha256.hex();
}

Result<fs::path> BlobStore::path(const Digest& sha256) const {
    for (const char* kind : {kPublic, kPrivate}) {
        const fs::path file = place(kind, sha256);
        if (files_->size(file).ok()) {
            return file;
        }
    }
    return fail("blob " + sha256.brief() + " is not here");
}

bool BlobStore::has(const Digest& sha256) const {
    return path(sha256).ok();
}

Result<uint64_t> BlobStore::size(const Digest& sha256) const {
    const Result<fs::path> file = path(sha256);
    return file ? files_->size(*file) : Result<uint64_t>(file.error());
}

Result<BlobRef> BlobStore::put(ByteSpan bytes, Visibility visibility) {
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    if (has(blob.sha256)) {
        const Status shown =
            visibility == Visibility::kPublic ? make_public(blob.sha256) : Status();
        return shown ? Result<BlobRef>(blob) : Result<BlobRef>(shown.error());
    }
    const fs::path file = place(kStaging, blob.sha256);
    Status done = files_->write(file, 0, bytes);
    done = done ? files_->sync(file) : done;
    done = done ? files_->rename(file, place(folder_of(visibility), blob.sha256)) : done;
    if (!done) {
        (void)files_->remove(file);
        return fail("blob " + blob.sha256.brief() + ": " + done.reason());
    }
    return blob;
}

Result<Bytes> BlobStore::get(const Digest& sha256, uint64_t size_max) const {
    const Result<fs::path> file = path(sha256);
    if (!file) {
        return file.error();
    }
    const Result<uint64_t> size = files_->size(*file);
    if (!size) {
        return size.error();
    }
    if (*size > size_max) {
        return fail("blob " + sha256.brief() + " has " + std::to_string(*size) +
                    " bytes; at most " + std::to_string(size_max) + " are allowed");
    }
    Result<Bytes> bytes = files_->read(*file, 0, *size);
    if (bytes && sha256_plain(*bytes) != sha256) {
        return fail("the file " + file->string() + " is damaged: its bytes have another hash");
    }
    return bytes;
}

BlobPiece BlobStore::answer(const BlobRequest& request, bool may_see_private) const {
    BlobPiece piece{request.sha256, request.offset, true, {}};
    fs::path file = place(kPublic, request.sha256);
    Result<uint64_t> size = files_->size(file);
    if (!size && may_see_private) {
        file = place(kPrivate, request.sha256);
        size = files_->size(file);
    }
    if (!size || request.offset >= *size || request.length > limits::kPieceBytes) {
        return piece;
    }
    const uint64_t length = std::min<uint64_t>(request.length, *size - request.offset);
    Result<Bytes> bytes = files_->read(file, request.offset, length);
    if (bytes) {
        piece.missing = false;
        piece.data = std::move(*bytes);
    }
    return piece;
}

Status BlobStore::make_public(const Digest& sha256) {
    if (files_->size(place(kPublic, sha256)).ok()) {
        return {};
    }
    if (!files_->size(place(kPrivate, sha256)).ok()) {
        return fail("blob " + sha256.brief() + " is not here");
    }
    return files_->rename(place(kPrivate, sha256), place(kPublic, sha256));
}

Status BlobStore::remove(const Digest& sha256) {
    const Status first = files_->remove(place(kPublic, sha256));
    const Status second = files_->remove(place(kPrivate, sha256));
    return first ? second : first;
}

std::vector<Digest> BlobStore::list() const {
    std::vector<Digest> blobs;
    for (const char* kind : {kPublic, kPrivate}) {
        for (const std::string& name : files_->list(folder_ / kind)) {
            const Result<Digest> digest = digest_from_hex(name);
            if (digest) {
                blobs.push_back(*digest);
            }
        }
    }
    std::sort(blobs.begin(), blobs.end());
    return blobs;
}

Status BlobStore::keep_only(const std::set<Digest>& live) {
    Status done;
    for (const char* kind : {kPublic, kPrivate, kIncoming}) {
        for (const std::string& name : files_->list(folder_ / kind)) {
            const Result<Digest> digest = digest_from_hex(name);
            if (!digest || live.count(*digest) > 0) {
                continue;
            }
            incoming_.erase(*digest);
            const Status removed = files_->remove(folder_ / kind / name);
            done = done ? removed : done;
        }
    }
    return done;
}

Result<uint64_t> BlobStore::hash_file(const fs::path& file, Sha256& hash) const {
    const Result<uint64_t> size = files_->size(file);
    if (!size) {
        return uint64_t{0};
    }
    for (uint64_t at = 0; at < *size; at += kReadBytes) {
        const Result<Bytes> bytes = files_->read(file, at, std::min(kReadBytes, *size - at));
        if (!bytes) {
            return bytes.error();
        }
        hash.add(*bytes);
    }
    return *size;
}

Result<uint64_t> BlobStore::begin(const BlobRef& blob) {
    if (blob.size_bytes > limits::kBlobBytesMax) {
        return fail("blob " + blob.sha256.brief() + " is said to have " +
                    std::to_string(blob.size_bytes) + " bytes: too many");
    }
    Incoming incoming{blob.size_bytes, 0, std::make_unique<Sha256>()};
    const fs::path file = place(kIncoming, blob.sha256);
    const Result<uint64_t> here = hash_file(file, *incoming.hash);
    if (!here) {
        return here.error();
    }
    incoming.here = *here;
    if (incoming.here > incoming.size_bytes) {  // the rest of something else
        const Status removed = files_->remove(file);
        if (!removed) {
            return removed.error();
        }
        incoming.here = 0;
        incoming.hash = std::make_unique<Sha256>();
    }
    const uint64_t begun = incoming.here;
    incoming_[blob.sha256] = std::move(incoming);
    return begun;
}

Status BlobStore::append(const Digest& sha256, ByteSpan bytes) {
    const auto found = incoming_.find(sha256);
    if (found == incoming_.end()) {
        return fail("blob " + sha256.brief() + " is not arriving");
    }
    Incoming& incoming = found->second;
    if (bytes.size() > incoming.size_bytes - incoming.here) {
        return fail("blob " + sha256.brief() + " is longer than announced");
    }
    const Status written = files_->write(place(kIncoming, sha256), incoming.here, bytes);
    if (!written) {
        disk_ = written;
        (void)abandon(sha256);
        return fail("blob " + sha256.brief() + ": " + written.reason());
    }
    incoming.hash->add(bytes);
    incoming.here += bytes.size();
    return {};
}

Status BlobStore::finish(const Digest& sha256, Visibility visibility) {
    const auto found = incoming_.find(sha256);
    if (found == incoming_.end()) {
        return fail("blob " + sha256.brief() + " is not arriving");
    }
    Incoming& incoming = found->second;
    const uint64_t announced = incoming.size_bytes;
    if (incoming.here != announced || incoming.hash->finish() != sha256) {
        const std::string here = std::to_string(incoming.here);
        (void)abandon(sha256);
        return fail("blob " + sha256.brief() + " arrived with " + here + " of " +
                    std::to_string(announced) + " bytes or with another hash; thrown away");
    }
    const fs::path file = place(kIncoming, sha256);
    Status done = announced == 0 ? files_->write(file, 0, {}) : Status();
    done = done ? files_->sync(file) : done;
    done = done ? files_->rename(file, place(folder_of(visibility), sha256)) : done;
    if (!done) {
        disk_ = done;
        (void)abandon(sha256);
        return fail("blob " + sha256.brief() + ": " + done.reason());
    }
    incoming_.erase(found);
    return {};
}

Status BlobStore::abandon(const Digest& sha256) {
    incoming_.erase(sha256);
    return files_->remove(place(kIncoming, sha256));
}

}  // namespace assay
