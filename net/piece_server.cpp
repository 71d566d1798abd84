#include "net/piece_server.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr size_t kPiecesPerTurn = 64;  // so that one turn of the loop is short

bool is_same(const BlobRequest& a, const BlobRequest& b) {
    return a.sha256 == b.sha256 && a.offset == b.offset && a.length == b.length;
}

}  // namespace

void PieceServer::Allowance::refill(Instant now) {
    const auto most = static_cast<double>(per_second_);
    const double ms = refilled_ ? static_cast<double>((now - *refilled_).ms) : 1000.0;
    bytes_ = std::min(most, bytes_ + most * std::max(ms, 0.0) / 1000.0);
    refilled_ = now;
}

PieceServer::PieceServer(const ServeRules& rules) : rules_(rules), all_(rules.bytes_per_second) {
    ASSAY_CHECK(rules.unread_bytes > 0 && rules.unread_total > 0);
    ASSAY_CHECK(rules.peer_bytes_per_second > 0 && rules.bytes_per_second > 0);
}

void PieceServer::ask(const PeerId& peer, const BlobRequest& request) {
    Peer& asker =
        peers_.try_emplace(peer, Peer{{}, Allowance(rules_.peer_bytes_per_second)}).first->second;
    const bool again = std::any_of(asker.waiting.begin(),
                                   asker.waiting.end(),
                                   [&](const BlobRequest& one) { return is_same(one, request); });
    if (!again && asker.waiting.size() < limits::kPiecesInFlightMax) {
        asker.waiting.push_back(request);
    }
    ASSAY_CHECK_LE(asker.waiting.size(), limits::kPiecesInFlightMax);
}

void PieceServer::forget(const PeerId& peer) {
    peers_.erase(peer);
}

// What may be on its way to each of those who wait, so that all together keep the total; no less
// than a piece.
uint64_t PieceServer::share() const {
    const auto waiting =
        static_cast<uint64_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& entry) {
            return !entry.second.waiting.empty();
        }));
    ASSAY_CHECK_LE(1U, waiting);
    return std::max<uint64_t>(1, std::min(rules_.unread_bytes, rules_.unread_total / waiting));
}

std::vector<PieceServer::Piece> PieceServer::due(Instant now, const Unread& unread) {
    std::vector<Peer*> turns;
    std::vector<PeerId> names;
    for (auto& [id, peer] : peers_) {
        if (!peer.waiting.empty()) {
            peer.allowance.refill(now);
            peer.unread = unread(id);
            turns.push_back(&peer);
            names.push_back(id);
        }
    }
    std::vector<Piece> pieces;
    if (turns.empty()) {
        return pieces;
    }
    all_.refill(now);
    const uint64_t most = share();
    const auto behind = std::upper_bound(names.begin(), names.end(), last_);
    size_t turn = static_cast<size_t>(behind - names.begin()) % turns.size();
    for (size_t idle = 0; idle < turns.size() && pieces.size() < kPiecesPerTurn && !all_.is_spent();
         turn = (turn + 1) % turns.size()) {
        Peer& peer = *turns[turn];
        if (peer.waiting.empty() || peer.unread >= most || peer.allowance.is_spent()) {
            ++idle;
            continue;
        }
        idle = 0;
        last_ = names[turn];
        const BlobRequest request = peer.waiting.front();
        peer.waiting.pop_front();
        peer.unread += request.length;
        peer.allowance.spend(request.length);
        all_.spend(request.length);
        pieces.push_back({last_, request});
    }
    return pieces;
}

}  // namespace assay
