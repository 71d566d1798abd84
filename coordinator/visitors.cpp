#include "coordinator/visitors.h"

#include "core/check.h"
#include "core/printable.h"

namespace assay {

namespace {

constexpr DurationMs kRemindEvery{30000};
constexpr size_t kReasonsMax = 64;

}  // namespace

void Visitors::left(const PeerId& peer) {
    present_.erase(peer);
    sent_away(peer);
}

void Visitors::told(const PeerId& peer, const Message& message) {
    if (std::holds_alternative<Welcome>(message) && present_.count(peer) > 0) {
        guests_.insert(peer);
    }
    ASSAY_CHECK_LE(guests_.size(), present_.size());
}

void Visitors::sent_away(const PeerId& peer) {
    guests_.erase(peer);
    pieces_.forget(peer);
}

void Visitors::ask(const PeerId& peer, const BlobRequest& request) {
    if (guests_.count(peer) > 0) {
        pieces_.ask(peer, request);
    }
}

void Visitors::log(LogLevel level, const std::string& who, const std::string& text, Instant now) {
    if (const std::optional<std::string> line = lines_.line(who, text, now)) {
        log_message(level, *line);
    }
}

// Who has no key can be refused as often as he likes: one line for each reason and half a minute.
void Visitors::log(const Refused& refused, Instant now) {
    const std::string why = printable(refused.reason);
    if (!refused.who.empty()) {
        log(LogLevel::kWarning,
            refused.who,
            "refused " + refused.who.substr(0, 12) + ": " + why,
            now);
        return;
    }
    if (strangers_.size() >= kReasonsMax) {
        strangers_.clear();
    }
    ASSAY_CHECK_LT(strangers_.size(), kReasonsMax);  // strangers make no list without end
    if (strangers_.try_emplace(why, kRemindEvery).first->second.due(now)) {
        log_warning("refused a stranger: " + why);
    }
}

}  // namespace assay
