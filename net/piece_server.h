// Which pieces of blobs are sent now, of those that peers have asked for: in turns, and to each no
// more than it reads. Pure: time and requests in.
//
// Whoever asks and does not read would else fill the memory of whoever answers, and whoever asks
// for everything again and again its link.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "protocol/limits.h"
#include "protocol/messages.h"

namespace assay {

struct ServeRules {
    uint64_t unread_bytes = 4U << 20;             // on their way to one peer, at most
    uint64_t unread_total = 256U << 20;           // to all, a piece each aside
    uint64_t peer_bytes_per_second = 128U << 20;  // to one key, in the long run
    uint64_t bytes_per_second = 1U << 30;         // to all
};

class PieceServer {
public:
    struct Piece {
        PeerId to;
        BlobRequest request;
    };
    // Bytes that were sent to a peer and have not arrived.
    using Unread = std::function<uint64_t(const PeerId&)>;

    // REQUIRES: no rule is 0.
    explicit PieceServer(const ServeRules& rules);

    // A peer that may be served asks. Asked for again, or beyond what may wait, it is dropped: the
    // peer asks again.
    void ask(const PeerId& peer, const BlobRequest& request);
    // It is gone, or may be served no more.
    void forget(const PeerId& peer);
    // What to send now: nobody gets a second piece before all others had a first.
    std::vector<Piece> due(Instant now, const Unread& unread);

private:
    // What may be sent: refills with time, up to what a second brings.
    class Allowance {
    public:
        explicit Allowance(uint64_t per_second) : per_second_(per_second) {}
        void refill(Instant now);
        [[nodiscard]] bool is_spent() const { return bytes_ <= 0; }
        void spend(uint64_t bytes) { bytes_ -= static_cast<double>(bytes); }

    private:
        uint64_t per_second_;
        std::optional<Instant> refilled_;
        double bytes_ = 0;
    };
    struct Peer {
        std::deque<BlobRequest> waiting;
        Allowance allowance;
        uint64_t unread = 0;  // in this turn
    };

    [[nodiscard]] uint64_t share() const;

    ServeRules rules_;
    std::map<PeerId, Peer> peers_;
    Allowance all_;
    PeerId last_;  // who was served last: the next turn begins behind it
};

}  // namespace assay
