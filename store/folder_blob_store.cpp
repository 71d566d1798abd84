#include "store/folder_blob_store.h"

#include <algorithm>

#include "core/check.h"
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

// Hands the file's bytes over in parts.
template <typename Take>
Status read_parts(FileSystem& files, const fs::path& file, uint64_t size, const Take& take) {
    for (uint64_t at = 0; at < size; at += kReadBytes) {
        const Result<Bytes> bytes = files.read(file, at, std::min(kReadBytes, size - at));
        if (!bytes) {
            return bytes.error();
        }
        if (Status taken = take(at, *bytes); !taken) {
            return taken;
        }
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<FolderBlobStore>> FolderBlobStore::open(const fs::path& folder,
                                                               FileSystem& files) {
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
    return std::unique_ptr<FolderBlobStore>(new FolderBlobStore(folder, files));
}

fs::path FolderBlobStore::place(const char* kind, const Digest& sha256) const {
    return folder_ / kind / sha256.hex();
}

Result<fs::path> FolderBlobStore::find(const Digest& sha256) const {
    for (const char* kind : {kPublic, kPrivate}) {
        const fs::path file = place(kind, sha256);
        if (files_.size(file).ok()) {
            return file;
        }
    }
    return fail("blob " + sha256.brief() + " is not here");
}

bool FolderBlobStore::has(const Digest& sha256) const {
    return find(sha256).ok();
}

Result<BlobRef> FolderBlobStore::put(ByteSpan bytes, Visibility visibility) {
    ASSAY_CHECK_LE(bytes.size(), limits::kBlobBytesMax);
    const BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
    if (has(blob.sha256)) {
        const Status shown =
            visibility == Visibility::kPublic ? make_public(blob.sha256) : Status();
        return shown ? Result<BlobRef>(blob) : Result<BlobRef>(shown.error());
    }
    const fs::path file = place(kStaging, blob.sha256);
    Status done = files_.write(file, 0, bytes);
    done = done ? files_.sync(file) : done;
    done = done ? files_.rename(file, place(folder_of(visibility), blob.sha256)) : done;
    if (!done) {
        (void)files_.remove(file);
        return fail("blob " + blob.sha256.brief() + ": " + done.reason());
    }
    return blob;
}

Result<Bytes> FolderBlobStore::get(const Digest& sha256, uint64_t size_max) const {
    const Result<fs::path> file = find(sha256);
    if (!file) {
        return file.error();
    }
    const Result<uint64_t> size = files_.size(*file);
    if (!size) {
        return size.error();
    }
    if (*size > size_max) {
        return fail("blob " + sha256.brief() + " has " + std::to_string(*size) +
                    " bytes; at most " + std::to_string(size_max) + " are allowed");
    }
    Result<Bytes> bytes = files_.read(*file, 0, *size);
    if (bytes && sha256_plain(*bytes) != sha256) {
        return fail("the file " + file->string() + " is damaged: its bytes have another hash");
    }
    return bytes;
}

Status FolderBlobStore::export_to(const Digest& sha256, const std::string& file) const {
    const Result<fs::path> source = find(sha256);
    if (!source) {
        return source.error();
    }
    if (files_.size(file).ok()) {
        return fail("cannot make blob " + sha256.brief() + " the file " + file +
                    ": it is there already");
    }
    return files_.link(*source, file) ? Status() : copy(*source, file);
}

// On another disk, or on one that has no links. Whoever is killed meanwhile leaves no half of a
// file under its name.
Status FolderBlobStore::copy(const fs::path& from, const fs::path& to) const {
    const fs::path part = to.string() + ".part";
    const Result<uint64_t> size = files_.size(from);
    Status done = size ? files_.remove(part) : Status(size.error());
    done = done ? files_.write(part, 0, {}) : done;
    done = done ? read_parts(files_,
                             from,
                             *size,
                             [&](uint64_t at, const Bytes& bytes) {
                                 return files_.write(part, at, bytes);
                             })
                : done;
    done = done ? files_.sync(part) : done;
    done = done ? files_.rename(part, to) : done;
    if (!done) {
        (void)files_.remove(part);
        return fail("cannot copy a blob to " + to.string() + ": " + done.reason());
    }
    return {};
}

BlobPiece FolderBlobStore::answer(const BlobRequest& request, bool may_see_private) const {
    BlobPiece piece{request.sha256, request.offset, true, {}};
    fs::path file = place(kPublic, request.sha256);
    Result<uint64_t> size = files_.size(file);
    if (!size && may_see_private) {
        file = place(kPrivate, request.sha256);
        size = files_.size(file);
    }
    if (!size || request.offset >= *size || request.length > limits::kPieceBytes) {
        return piece;
    }
    const uint64_t length = std::min<uint64_t>(request.length, *size - request.offset);
    Result<Bytes> bytes = files_.read(file, request.offset, length);
    if (bytes) {
        ASSAY_CHECK_EQ(bytes->size(), length);
        piece.missing = false;
        piece.data = std::move(*bytes);
    }
    return piece;
}

Status FolderBlobStore::make_public(const Digest& sha256) {
    if (files_.size(place(kPublic, sha256)).ok()) {
        return {};
    }
    if (!files_.size(place(kPrivate, sha256)).ok()) {
        return fail("blob " + sha256.brief() + " is not here");
    }
    return files_.rename(place(kPrivate, sha256), place(kPublic, sha256));
}

Status FolderBlobStore::remove(const Digest& sha256) {
    const Status first = files_.remove(place(kPublic, sha256));
    const Status second = files_.remove(place(kPrivate, sha256));
    return first ? second : first;
}

Status FolderBlobStore::keep_only(const std::set<Digest>& live) {
    ASSAY_CHECK(arrivals_owner_.is_not_elsewhere());
    Status done;
    for (const char* kind : {kPublic, kPrivate, kIncoming}) {
        for (const std::string& name : files_.list(folder_ / kind)) {
            const Result<Digest> digest = digest_from_hex(name);
            if (!digest || live.count(*digest) > 0) {
                continue;
            }
            arriving_.erase(*digest);
            const Status removed = files_.remove(folder_ / kind / name);
            done = done ? removed : done;
        }
    }
    return done;
}

Status FolderBlobStore::take_up(Arrival& arrival, const fs::path& file) const {
    const Result<uint64_t> size = files_.size(file);
    if (!size) {
        return {};
    }
    if (*size > arrival.announced()) {  // the rest of something else
        return files_.remove(file);
    }
    return read_parts(files_, file, *size, [&](uint64_t at, const Bytes& bytes) {
        ASSAY_CHECK_EQ(at, arrival.here());
        arrival.add(bytes);
        return Status();
    });
}

Result<uint64_t> FolderBlobStore::begin(const BlobRef& blob) {
    ASSAY_CHECK(arrivals_owner_.is_here());
    if (Status admitted = Arrival::admit(blob); !admitted) {
        return admitted.error();
    }
    auto arrival = std::make_unique<Arrival>(blob);
    if (Status taken = take_up(*arrival, place(kIncoming, blob.sha256)); !taken) {
        return taken.error();
    }
    const uint64_t here = arrival->here();
    ASSAY_CHECK_LE(here, blob.size_bytes);
    arriving_[blob.sha256] = std::move(arrival);
    return here;
}

Status FolderBlobStore::append(const Digest& sha256, ByteSpan bytes) {
    ASSAY_CHECK(arrivals_owner_.is_here());
    const auto found = arriving_.find(sha256);
    if (found == arriving_.end()) {
        return fail("blob " + sha256.brief() + " is not arriving");
    }
    Arrival& arrival = *found->second;
    if (Status fits = arrival.check_next(bytes.size()); !fits) {
        return fits;
    }
    if (Status written = files_.write(place(kIncoming, sha256), arrival.here(), bytes); !written) {
        return disk_failed(sha256, written);
    }
    arrival.add(bytes);
    return {};
}

Status FolderBlobStore::finish(const Digest& sha256, Visibility visibility) {
    ASSAY_CHECK(arrivals_owner_.is_here());
    const auto found = arriving_.find(sha256);
    if (found == arriving_.end()) {
        return fail("blob " + sha256.brief() + " is not arriving");
    }
    Arrival& arrival = *found->second;
    if (Status whole = arrival.check_whole(); !whole) {
        (void)abandon(sha256);
        return whole;
    }
    const fs::path file = place(kIncoming, sha256);
    Status done = arrival.announced() == 0 ? files_.write(file, 0, {}) : Status();
    done = done ? files_.sync(file) : done;
    done = done ? files_.rename(file, place(folder_of(visibility), sha256)) : done;
    if (!done) {
        return disk_failed(sha256, done);
    }
    arriving_.erase(found);
    return {};
}

Status FolderBlobStore::disk_failed(const Digest& sha256, const Status& status) {
    ASSAY_CHECK(!status.ok());
    disk_ = status;
    (void)abandon(sha256);
    return fail("blob " + sha256.brief() + ": " + status.reason());
}

Status FolderBlobStore::abandon(const Digest& sha256) {
    ASSAY_CHECK(arrivals_owner_.is_not_elsewhere());
    arriving_.erase(sha256);
    return files_.remove(place(kIncoming, sha256));
}

}  // namespace assay
