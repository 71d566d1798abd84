#include "rounds/newcomers.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr DurationMs kMinute{60000};
constexpr size_t kSitesMax = 4096;
constexpr uint32_t kMissesMax = 2;
constexpr uint32_t kDoublingsMax = 6;  // of the pause: an hour

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
    if (const auto past = missed_.find(peer);
        past != missed_.end() && now < past->second.away_until) {
        const int64_t seconds = (past->second.away_until - now).ms / 1000 + 1;
        return fail("this peer had a place in several rounds and did not commit; try again in " +
                    std::to_string(seconds) + " s");
    }
    if (waiting_.size() >= (per_minute_ > 0 ? kMostOpen : kMost)) {
        return fail("as many newcomers wait as may; try again later");
    }
    if (!may_come(site, now)) {
        return fail("as many newcomers have come from " + site + " in this minute as may (" +
                    std::to_string(per_minute_) +
                    ", rounds.newcomers_per_minute); try again later");
    }
    waiting_[peer] = came_++;
    return {};
}

void Newcomers::joined(const PeerId& peer) {
    waiting_.erase(peer);
    missed_.erase(peer);
}

// Of too many that missed, those are forgotten first whose pause is over first.
Newcomers::Past& Newcomers::past_of(const PeerId& peer) {
    if (missed_.size() >= kMost && missed_.count(peer) == 0) {
        missed_.erase(
            std::min_element(missed_.begin(), missed_.end(), [](const auto& a, const auto& b) {
                return a.second.away_until < b.second.away_until;
            }));
    }
    ASSAY_CHECK_LE(missed_.size(), kMost);
    return missed_[peer];
}

bool Newcomers::missed(const PeerId& peer, Instant now) {
    Past& past = past_of(peer);
    if (++past.missed < kMissesMax) {
        return false;
    }
    past.away_until =
        now + DurationMs{kMinute.ms << std::min(past.missed - kMissesMax, kDoublingsMax)};
    return true;
}

std::vector<PeerId> Newcomers::in_order() const {
    std::vector<std::pair<std::pair<uint32_t, uint64_t>, PeerId>> ordered;
    for (const auto& [peer, number] : waiting_) {
        const auto past = missed_.find(peer);
        ordered.push_back({{past == missed_.end() ? 0 : past->second.missed, number}, peer});
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
