#include "net/transfer.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr uint64_t kOvertakenBy = 8;  // pieces asked for later that came: this one is lost

}  // namespace

Transfer::Transfer(const BlobRef& blob,
                   uint64_t here,
                   const TransferSettings& settings,
                   Instant now)
    : blob_(blob),
      settings_(settings),
      first_offset_(here),
      pieces_((blob.size_bytes - first_offset_ + limits::kPieceBytes - 1) / limits::kPieceBytes),
      here_(first_offset_),
      heard_(now),
      silent_since_(now),
      paused_until_(now),
      silence_(settings.silence) {
    ASSAY_CHECK_LE(here, blob.size_bytes);
    ASSAY_CHECK_LE(1U, settings.window_max);
    ASSAY_CHECK_LE(settings.window_max, limits::kPiecesInFlightMax);
    ASSAY_CHECK_LE(settings.silence.ms, settings.silence_max.ms);
}

uint32_t Transfer::length_of(uint64_t piece) const {
    ASSAY_CHECK_LT(piece, pieces_);
    const uint64_t left = blob_.size_bytes - first_offset_ - piece * limits::kPieceBytes;
    return static_cast<uint32_t>(std::min<uint64_t>(left, limits::kPieceBytes));
}

std::vector<BlobRequest> Transfer::requests(Instant now) {
    std::vector<BlobRequest> requests;
    if (complete() || failure_) {
        return requests;
    }
    check_silence(now);
    // What waits out of order is bounded too: no piece is asked for further ahead than the window.
    const uint64_t end = std::min<uint64_t>(pieces_, next_out_ + settings_.window_max);
    while (!failure_ && !away_ && now >= paused_until_ && asked_.size() < window_) {
        if (lost_.empty() && next_new_ >= end) {
            break;
        }
        const uint64_t piece = lost_.empty() ? next_new_++ : *lost_.begin();
        lost_.erase(piece);
        if (asked_.empty()) {
            silent_since_ = std::max(silent_since_, now);
        }
        asked_[piece] = order_++;
        requests.push_back(
            {blob_.sha256, first_offset_ + piece * limits::kPieceBytes, length_of(piece)});
    }
    ASSAY_CHECK_LE(asked_.size(), settings_.window_max);
    ASSAY_CHECK_LE(next_new_, pieces_);
    return requests;
}

// After a silence everything that was asked for counts as lost, and less is asked for at a time.
void Transfer::check_silence(Instant now) {
    if (now - heard_ >= settings_.patience) {
        failure_ = "blob " + blob_.sha256.brief() + ": " +
                   (away_      ? "the source left and did not come back"
                    : missing_ ? "the source does not have it"
                               : "no piece came for " +
                                     std::to_string(settings_.patience.ms / 1000) + " s");
        return;
    }
    if (asked_.empty() || now - silent_since_ < silence_) {
        return;
    }
    lose_asked();
    window_ = std::max<uint32_t>(1, window_ / 2);
    silence_ = std::min(DurationMs{2 * silence_.ms}, settings_.silence_max);
    silent_since_ = now;
}

void Transfer::lose_asked() {
    for (const auto& entry : asked_) {
        lost_.insert(entry.first);
    }
    asked_.clear();
}

void Transfer::source_left() {
    lose_asked();
    away_ = true;
}

void Transfer::ask_again(Instant now) {
    lose_asked();
    away_ = false;
    silence_ = settings_.silence;
    silent_since_ = now;
    heard_ = now;
    paused_until_ = now;
}

void Transfer::begin_turn(Instant now) {
    heard_ = now;
    silent_since_ = now;
}

// A piece came. On a thin link pieces come seldom, so the silence that means loss follows the gaps.
void Transfer::heard(Instant now) {
    gap_ = std::max(now - heard_, DurationMs{gap_.ms * 7 / 8});
    silence_ = std::clamp(DurationMs{4 * gap_.ms}, settings_.silence, settings_.silence_max);
    heard_ = now;
    silent_since_ = now;
    missing_ = false;
    window_ = std::min(window_ + 1, settings_.window_max);
}

std::vector<Bytes> Transfer::take_in_order() {
    std::vector<Bytes> out;
    for (auto next = waiting_.find(next_out_); next != waiting_.end();
         next = waiting_.find(next_out_)) {
        here_ += next->second.size();
        out.push_back(std::move(next->second));
        waiting_.erase(next);
        ++next_out_;
    }
    ASSAY_CHECK_LE(here_, blob_.size_bytes);
    ASSAY_CHECK(complete() == (here_ == blob_.size_bytes));
    ASSAY_CHECK_LE(waiting_.size(), settings_.window_max);
    return out;
}

void Transfer::find_overtaken(uint64_t order) {
    for (auto entry = asked_.begin(); entry != asked_.end();) {
        if (entry->second + kOvertakenBy < order) {
            lost_.insert(entry->first);
            entry = asked_.erase(entry);
        } else {
            ++entry;
        }
    }
}

std::vector<Bytes> Transfer::take(BlobPiece piece, Instant now) {
    const uint64_t ahead = piece.offset - first_offset_;
    const uint64_t index = ahead / limits::kPieceBytes;
    const bool ours = piece.sha256 == blob_.sha256 && piece.offset >= first_offset_ &&
                      ahead % limits::kPieceBytes == 0 && index < pieces_;
    const auto asked = ours ? asked_.find(index) : asked_.end();
    const bool was_lost = ours && lost_.count(index) == 1;
    if (complete() || failure_ || (asked == asked_.end() && !was_lost)) {
        return {};
    }
    if (piece.missing) {
        missing_ = true;
        paused_until_ = now + settings_.missing_pause;
        lost_.insert(index);
        asked_.erase(index);
        return {};
    }
    if (piece.data.size() != length_of(index)) {
        return {};  // not what was asked for: as good as lost
    }
    if (asked != asked_.end()) {
        const uint64_t order = asked->second;
        asked_.erase(asked);
        find_overtaken(order);
    }
    lost_.erase(index);
    heard(now);
    received_ += piece.data.size();
    ASSAY_CHECK_LE(next_out_, index);
    waiting_[index] = std::move(piece.data);
    return take_in_order();
}

}  // namespace assay
