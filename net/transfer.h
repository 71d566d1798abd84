// Pulls one blob in pieces: asks within a credit window, asks again for what got lost, keeps order.
//
// Pure: time and pieces in, requests and bytes out. The window grows with each piece and halves
// after a silence, so a thin link is not flooded. Knows no file and checks no hash
// (net/blob_fetcher.h does).

#pragma once

#include <map>
#include <optional>
#include <set>

#include "protocol/limits.h"
#include "protocol/messages.h"

namespace assay {

struct TransferSettings {
    uint32_t window_max = 16;  // pieces asked for and not yet here, at most
    DurationMs silence{2000};  // without any piece: ask again; doubles up to silence_max
    DurationMs silence_max{15000};
    DurationMs patience{60000};     // without any piece: give up
    DurationMs missing_pause{300};  // the source does not have it (yet): ask again after this
};

class Transfer {
public:
    // `here`: bytes that are here already, from the front. REQUIRES: no more than the blob has, and
    // a window of 1 to limits::kPiecesInFlightMax.
    Transfer(const BlobRef& blob, uint64_t here, const TransferSettings& settings, Instant now);

    // What to ask for now.
    std::vector<BlobRequest> requests(Instant now);
    // The bytes that follow those given out before, as far as they are here; empty if the piece
    // does not continue them, is not one that was asked for, or says that the source lacks the
    // blob.
    std::vector<Bytes> take(BlobPiece piece, Instant now);

    [[nodiscard]] bool complete() const { return next_out_ == pieces_; }
    // Set once the transfer has given up; says why.
    [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
    // The source is gone: nothing is asked of it until ask_again(). Its silence goes on counting,
    // so whoever does not come back is given up as whoever does not answer is.
    void source_left();
    // The source is there again: what was asked for before is asked for at once.
    void ask_again(Instant now);
    // Until now it was others' turn at this source: their silence was none of this one's.
    void begin_turn(Instant now);
    // The source said that it does not have the blob, and is asked again later.
    [[nodiscard]] bool is_paused(Instant now) const { return missing_ && now < paused_until_; }
    // Bytes of pieces that came, in order or not.
    [[nodiscard]] uint64_t received() const { return received_; }

private:
    [[nodiscard]] uint32_t length_of(uint64_t offset) const;
    void check_silence(Instant now);
    void heard(Instant now);
    std::vector<Bytes> take_in_order();
    void find_overtaken(uint64_t order);
    void lose_asked();

    BlobRef blob_;
    TransferSettings settings_;
    uint64_t first_offset_;  // pieces count from here
    uint64_t pieces_;
    uint64_t next_new_ = 0;  // first piece never asked for
    uint64_t next_out_ = 0;  // first piece not given out
    uint64_t here_;
    uint64_t order_ = 0;
    uint32_t window_ = 2;
    std::map<uint64_t, uint64_t> asked_;  // piece to the order of asking
    std::set<uint64_t> lost_;             // to be asked for again
    std::map<uint64_t, Bytes> waiting_;   // here, but not in order
    Instant heard_;                       // of the last piece
    Instant silent_since_;                // of the last piece or the last time of asking again
    Instant paused_until_;
    DurationMs silence_;  // how long to wait before asking again
    DurationMs gap_;      // between pieces, a decaying maximum
    uint64_t received_ = 0;
    bool missing_ = false;
    bool away_ = false;  // the source is not connected
    std::optional<std::string> failure_;
};

}  // namespace assay
