#include "rounds/newcomers.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr DurationMs kMinute{60000};
constexpr size_t kSitesMax = 4096;
constexpr uint32_t kMissesMax = 2;

}  // namespace

bool Newcomers::may_come(const std::string& site, Instant now) {
    if (per_minute_ == 0 || site.empty()) {
        return true;
    }
    if (sites_.size() >= kSitesMax) {
        std::erase_if(sites_,
                      [&](const auto& entry) { return now - entry.second.back() >= kMinute; });
    }
    if (sites_.size() >= kSitesMax && sites_.count(site) == 0) {
        return false;  // thousands of addresses in one minute
    }
    std::deque<Instant>& came = sites_[site];
    while (!came.empty() && now - came.front() >= kMinute) {
        came.pop_front();
    }
    if (came.size() >= per_minute_) {
        return false;
    }
    came.push_back(now);
    ASSAY_CHECK_LE(came.size(), size_t{per_minute_});
    return true;
}

Status Newcomers::admit(const PeerId& peer, const std::string& site, Instant now) {
    if (waiting_.count(peer) > 0) {
        return {};
    }
    if (waiting_.size() >= (per_minute_ > 0 ? kMostOpen : kMost)) {
        return fail("as many newcomers wait as may; try again later");
    }
    if (!may_come(site, now)) {
        return fail("as many newcomers have come from " + site + " in this minute as may (" +
                    std::to_string(per_minute_) +
                    ", rounds.newcomers_per_minute); try again later");
    }
    waiting_[peer] = {came_++, 0};
    return {};
}

bool Newcomers::missed(const PeerId& peer) {
    const auto found = waiting_.find(peer);
    return found != waiting_.end() && ++found->second.missed >= kMissesMax;
}

std::vector<PeerId> Newcomers::in_order() const {
    std::vector<std::pair<std::pair<uint32_t, uint64_t>, PeerId>> ordered;
    for (const auto& [peer, waiting] : waiting_) {
        ordered.push_back({{waiting.missed, waiting.number}, peer});
    }
    std::sort(ordered.begin(), ordered.end());
    std::vector<PeerId> peers;
    peers.reserve(ordered.size());
    for (const auto& [order, peer] : ordered) {
        peers.push_back(peer);
    }
    ASSAY_CHECK_LE(peers.size(), kMost);
    return peers;
}

}  // namespace assay
