// Who is connected, what they are given of our blobs, and how much they may make us log.
//
// Blobs are for those whom the round machine has welcomed on this connection: not for whoever has
// a key and connects, and not for the ejected. The event loop owns it.

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/line_budget.h"
#include "core/log.h"
#include "net/channel.h"
#include "net/piece_server.h"
#include "net/reminder.h"

namespace assay {

class Visitors {
public:
    explicit Visitors(const ServeRules& rules) : pieces_(rules) {}

    // Something valid came of this peer.
    void came(const PeerId& peer) { present_.insert(peer); }
    void left(const PeerId& peer);
    // What we say to it may change what it may fetch.
    void told(const PeerId& peer, const Message& message);
    // It may fetch nothing more, though its connection is still there.
    void sent_away(const PeerId& peer);
    [[nodiscard]] const std::set<PeerId>& present() const { return present_; }

    // It asks for a piece; nothing comes of it if it is no guest.
    void ask(const PeerId& peer, const BlobRequest& request);
    [[nodiscard]] std::vector<PieceServer::Piece> due(Instant now,
                                                      const PieceServer::Unread& unread) {
        return pieces_.due(now, unread);
    }

    // Logs what `who` causes, while it has lines left.
    void log(LogLevel level, const std::string& who, const std::string& text, Instant now);
    void log(const Refused& refused, Instant now);

private:
    std::set<PeerId> present_;
    std::set<PeerId> guests_;
    PieceServer pieces_;
    LineBudget lines_;
    std::map<std::string, Reminder> strangers_;  // by reason
};

}  // namespace assay
