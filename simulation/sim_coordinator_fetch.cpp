// SimCoordinator, blobs on their way from peers.

#include <algorithm>

#include "core/check.h"
#include "protocol/limits.h"
#include "simulation/sim_coordinator.h"

namespace assay {

namespace {

constexpr int64_t kFetchMs = 512;  // at most, where no pace is given

}  // namespace

Status SimCoordinator::act(const FetchBlob& action) {
    const bool lost = rng_.unit() < run_.options.blob_failure;
    if (const uint64_t pace = peers_(action.from).bytes_second; pace > 0) {
        fetch_slowly(action, pace);
        return {};
    }
    later(drawn_ms(rng_, kFetchMs),
          [this, wanted = action, lost] { return fetched(wanted, lost); });
    return {};
}

// Piece after piece behind what the link carries already; each that came is told.
void SimCoordinator::fetch_slowly(const FetchBlob& wanted, uint64_t bytes_second) {
    constexpr uint64_t kPieceBytes = 4096;
    ASSAY_CHECK_LT(uint64_t{0}, bytes_second);
    const Instant now = clock_.now();
    SlowLink& link = slow_links_[wanted.from];
    if (link.until <= now) {
        link = {now, now, 0};
    }
    for (uint64_t left = wanted.blob.size_bytes; left > 0;) {
        const uint64_t piece = std::min(left, kPieceBytes);
        left -= piece;
        link.bytes += piece;
        link.until = link.until + DurationMs{static_cast<int64_t>(piece * 1000 / bytes_second + 1)};
        const BlobsMoved moved{wanted.from, link.bytes, link.until - link.since};
        later((link.until - now).ms, [moved]() -> std::optional<Event> { return Event(moved); });
    }
    later((link.until - now).ms, [this, wanted] { return fetched(wanted, false); });
}

std::optional<Event> SimCoordinator::fetched(const FetchBlob& wanted, bool lost) {
    const MemoryBlobStore* store = peers_(wanted.from).store;
    const Digest& hash = wanted.blob.sha256;
    if (!lost && !blobs_.has(hash) && store != nullptr && store->has(hash)) {
        (void)blobs_.put(store->get(hash, limits::kBlobBytesMax).value(), Visibility::kPrivate);
    }
    if (lost || !blobs_.has(hash)) {
        return Event(BlobFailed{
            wanted.from, wanted.round, wanted.purpose, hash, "the peer does not send it"});
    }
    arrived_.push_back({wanted.from, wanted.round, wanted.purpose, hash, wanted.blob.size_bytes});
    return std::nullopt;
}

}  // namespace assay
