#include "rounds/uplinks.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

// Shorter than this, what is measured is the way there and back, not the link: it can only show
// that the link is faster than thought.
constexpr DurationMs kShortest{1000};

}  // namespace

void Uplinks::ask(const PeerId& peer, Instant now) {
    std::optional<Asked>& asked = uplinks_[peer].asked;
    asked = asked.value_or(Asked{now, now, 0});
}

void Uplinks::forget_asked() {
    for (auto& [peer, link] : uplinks_) {
        link.asked.reset();
    }
}

void Uplinks::moved(
    const PeerId& peer, uint64_t bytes, DurationMs busy, uint64_t assumed, Instant now) {
    Uplink& link = uplinks_[peer];
    const bool another = bytes <= link.bytes || busy < link.busy;
    if (link.asked) {
        link.asked->heard = now;
        link.asked->bytes += another ? bytes : bytes - link.bytes;
    }
    if (another) {
        link.before = link.now;
    }
    link.bytes = bytes;
    link.busy = busy;
    const auto ms = static_cast<double>(std::max<int64_t>(busy.ms, 1));
    const auto seen =
        static_cast<uint64_t>(std::clamp(static_cast<double>(bytes) * 1000.0 / ms, 1.0, 1e15));
    ASSAY_CHECK(assumed > 0 && seen > 0);  // a rate of zero would mean "unknown"
    const uint64_t base = link.before > 0 ? link.before : assumed;
    if (busy < kShortest) {
        link.now = seen > base ? (link.before > 0 ? base / 2 + seen / 2 : seen) : link.before;
        return;
    }
    link.now = link.before > 0 ? std::max<uint64_t>(1, base / 2 + seen / 2) : seen;
}

void Uplinks::stood_still(DurationMs time) {
    for (auto& [peer, link] : uplinks_) {
        if (link.asked) {
            link.asked->since = link.asked->since + time;
            link.asked->heard = link.asked->heard + time;
        }
    }
}

uint64_t Uplinks::rate(const PeerId& peer) const {
    const auto found = uplinks_.find(peer);
    return found == uplinks_.end() ? 0 : found->second.now;
}

Asked Uplinks::asked(const PeerId& peer) const {
    const auto found = uplinks_.find(peer);
    return found == uplinks_.end() ? Asked{} : found->second.asked.value_or(Asked{});
}

}  // namespace assay
