#include "store/folder_blob_store.h"

#include <algorithm>
#include <set>
#include <utility>

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

std::unique_ptr<const FolderBlobStore> FolderBlobStore::look_at(const fs::path& folder) {
    return std::unique_ptr<const FolderBlobStore>(new FolderBlobStore(folder, real_file_system()));
}

fs::path FolderBlobStore::place(const char* kind, const Digest& sha256) const {
    return folder_ / kind / sha256.hex();
}

std::optional<FolderBlobStore::Place> FolderBlobStore::find_fresh(const Digest& sha256) const {
    const std::lock_guard<std::mutex> lock(fresh_mutex_);
    const auto found = fresh_.find(sha256);
    return found == fresh_.end() ? std::nullopt : std::optional<Place>(found->second);
}

std::optional<FolderBlobStore::Place> FolderBlobStore::find(const Digest& sha256) const {
    if (std::optional<Place> fresh = find_fresh(sha256)) {
        return fresh;
    }
    for (const Visibility visibility : {Visibility::kPublic, Visibility::kPrivate}) {
        const fs::path file = place(folder_of(visibility), sha256);
        if (files_.size(file).ok()) {
            return Place{file, visibility};
        }
    }
    return std::nullopt;
}

// A blob moves at most twice: when it becomes durable, and when it becomes public.
template <typename Use>
auto FolderBlobStore::use_file(const Digest& sha256, const Use& use) const
    -> decltype(use(std::declval<const Place&>())) {
    std::optional<Place> found = find(sha256);
    for (int moves = 0; found && moves < 2; ++moves) {
        auto used = use(*found);
        std::optional<Place> now = used ? std::nullopt : find(sha256);
        if (used || !now || now->file == found->file) {
            return used;
        }
        found = now;
    }
    return found ? use(*found) : fail("blob " + sha256.brief() + " is not here");
}

bool FolderBlobStore::has(const Digest& sha256) const {
    return find(sha256).has_value();
}

void FolderBlobStore::keep_fresh(const Digest& sha256, fs::path file, Visibility visibility) {
    const std::lock_guard<std::mutex> lock(fresh_mutex_);
    const auto [kept, added] = fresh_.try_emplace(sha256, Place{std::move(file), visibility});
    if (!added && visibility == Visibility::kPublic) {
        kept->second.visibility = visibility;
    }
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
    if (Status written = files_.write(file, 0, bytes); !written) {
        (void)files_.remove(file);
        return fail("blob " + blob.sha256.brief() + ": " + written.reason());
    }
    keep_fresh(blob.sha256, file, visibility);
    return blob;
}

// The folder in which they arrived is synced beside them: should their way from there to private/
// get lost, get() finds them where they were.
Status FolderBlobStore::make_durable(std::span<const Digest> blobs) {
    std::vector<fs::path> files;
    std::vector<Digest> fresh;
    bool arrived = false;
    for (const Digest& sha256 : blobs) {
        if (const std::optional<Place> found = find_fresh(sha256)) {
            arrived = arrived || found->file == place(kIncoming, sha256);
            files.push_back(found->file);
            fresh.push_back(sha256);
        }
    }
    if (arrived) {
        files.push_back(folder_ / kIncoming);
    }
    if (files.empty()) {
        return {};
    }
    if (Status synced = files_.sync_all(files); !synced) {
        const auto here = [this](const Digest& sha256) { return find_fresh(sha256).has_value(); };
        if (std::all_of(fresh.begin(), fresh.end(), here)) {
            return fail("a blob cannot be made durable: " + synced.reason());
        }
        std::erase_if(fresh, [&](const Digest& sha256) { return !here(sha256); });
        return make_durable(fresh);  // one was removed meanwhile: without it
    }
    return move_durable(fresh);
}

// They are synced: to where they stay.
Status FolderBlobStore::move_durable(std::span<const Digest> blobs) {
    std::set<fs::path> folders;
    {
        const std::lock_guard<std::mutex> lock(fresh_mutex_);
        for (const Digest& sha256 : blobs) {
            const auto found = fresh_.find(sha256);
            if (found == fresh_.end()) {
                continue;
            }
            const fs::path to = place(folder_of(found->second.visibility), sha256);
            const bool arrived = found->second.file == place(kIncoming, sha256);
            if (Status moved = files_.rename(found->second.file, to); !moved) {
                return fail("blob " + sha256.brief() + ": " + moved.reason());
            }
            if (!arrived || found->second.visibility == Visibility::kPublic) {
                folders.insert(to.parent_path());
            }
            fresh_.erase(found);
        }
    }
    for (const fs::path& folder : folders) {
        if (Status synced = files_.sync_folder(folder); !synced) {
            return synced;
        }
    }
    return {};
}

Result<Bytes> FolderBlobStore::get(const Digest& sha256, uint64_t size_max) const {
    Result<Bytes> stored = get_stored(sha256, size_max);
    if (stored || has(sha256)) {
        return stored;
    }
    const fs::path left = place(kIncoming, sha256);
    const Result<uint64_t> size = files_.size(left);
    if (!size || *size > size_max) {
        return stored;
    }
    Result<Bytes> bytes = files_.read(left, 0, *size);
    return bytes && sha256_plain(*bytes) == sha256 ? bytes : stored;
}

Result<Bytes> FolderBlobStore::get_stored(const Digest& sha256, uint64_t size_max) const {
    return use_file(sha256, [&](const Place& found) -> Result<Bytes> {
        const Result<uint64_t> size = files_.size(found.file);
        if (!size) {
            return size.error();
        }
        if (*size > size_max) {
            return fail("blob " + sha256.brief() + " has " + std::to_string(*size) +
                        " bytes; at most " + std::to_string(size_max) + " are allowed");
        }
        Result<Bytes> bytes = files_.read(found.file, 0, *size);
        if (bytes && sha256_plain(*bytes) != sha256) {
            return fail("the file " + found.file.string() +
                        " is damaged: its bytes have another hash");
        }
        return bytes;
    });
}

Status FolderBlobStore::export_to(const Digest& sha256, const std::string& file) const {
    if (has(sha256) && files_.size(file).ok()) {
        return fail("cannot make blob " + sha256.brief() + " the file " + file +
                    ": it is there already");
    }
    return use_file(sha256, [&](const Place& found) {
        return files_.link(found.file, file) ? Status() : copy(found.file, file);
    });
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
    done = done ? files_.sync_folder(to.parent_path()) : done;
    if (!done) {
        (void)files_.remove(part);
        return fail("cannot copy a blob to " + to.string() + ": " + done.reason());
    }
    return {};
}

BlobPiece FolderBlobStore::answer(const BlobRequest& request, bool may_see_private) const {
    BlobPiece piece{request.sha256, request.offset, true, {}};
    if (request.length > limits::kPieceBytes) {
        return piece;
    }
    Result<Bytes> bytes = use_file(request.sha256, [&](const Place& found) -> Result<Bytes> {
        if (found.visibility == Visibility::kPrivate && !may_see_private) {
            return fail("private");
        }
        const Result<uint64_t> size = files_.size(found.file);
        if (!size || request.offset >= *size) {
            return fail("outside");
        }
        const uint64_t length = std::min<uint64_t>(request.length, *size - request.offset);
        return files_.read(found.file, request.offset, length);
    });
    if (bytes) {
        ASSAY_CHECK_LE(bytes->size(), request.length);
        piece.missing = false;
        piece.data = std::move(*bytes);
    }
    return piece;
}

Status FolderBlobStore::make_public(const Digest& sha256) {
    {
        const std::lock_guard<std::mutex> lock(fresh_mutex_);
        const auto fresh = fresh_.find(sha256);
        if (fresh != fresh_.end()) {
            fresh->second.visibility = Visibility::kPublic;
            return {};
        }
    }
    if (files_.size(place(kPublic, sha256)).ok()) {
        return {};
    }
    if (!files_.size(place(kPrivate, sha256)).ok()) {
        return fail("blob " + sha256.brief() + " is not here");
    }
    const Status moved = files_.rename(place(kPrivate, sha256), place(kPublic, sha256));
    return moved ? files_.sync_folder(folder_ / kPublic) : moved;
}

Status FolderBlobStore::remove_fresh(const Digest& sha256) {
    const std::lock_guard<std::mutex> lock(fresh_mutex_);
    const auto fresh = fresh_.find(sha256);
    if (fresh == fresh_.end()) {
        return {};
    }
    Status removed = files_.remove(fresh->second.file);
    fresh_.erase(fresh);
    return removed;
}

Status FolderBlobStore::remove(const Digest& sha256) {
    Status done = remove_fresh(sha256);
    for (const char* kind : {kPublic, kPrivate}) {
        const Status removed = files_.remove(place(kind, sha256));
        done = done ? removed : done;
    }
    return done;
}

Status FolderBlobStore::keep_only(const std::set<Digest>& live) {
    ASSAY_CHECK(arrivals_owner_.is_not_elsewhere());
    Status done;
    for (const char* kind : {kPublic, kPrivate, kIncoming, kStaging}) {
        for (const std::string& name : files_.list(folder_ / kind)) {
            const Result<Digest> digest = digest_from_hex(name);
            if (!digest || live.count(*digest) > 0) {
                continue;
            }
            arriving_.erase(*digest);
            const Status fresh = remove_fresh(*digest);
            done = done ? fresh : done;
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
    const Status empty = arrival.announced() == 0 ? files_.write(file, 0, {}) : Status();
    if (!empty) {
        return disk_failed(sha256, empty);
    }
    arriving_.erase(found);
    if (has(sha256)) {  // it was put here meanwhile
        const Status shown = visibility == Visibility::kPublic ? make_public(sha256) : Status();
        const Status removed = files_.remove(file);
        return shown ? removed : shown;
    }
    keep_fresh(sha256, file, visibility);
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
    const fs::path file = place(kIncoming, sha256);
    const std::optional<Place> fresh = find_fresh(sha256);
    return fresh && fresh->file == file ? Status() : files_.remove(file);  // a blob stays
}

}  // namespace assay
