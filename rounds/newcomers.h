// Those who have come and are no members yet. Pure: time in. Not durable: they say Hello again.
//
// A name costs nothing, so only so many wait, and in a run that lets everybody in only so many come
// from one address in a minute. Who had a place and did not commit is remembered: going and coming
// again does not make it new, and each time it comes later. Owned by RoundMachine.

#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"

namespace assay {

class Newcomers {
public:
    static constexpr size_t kMost = 1024;     // that wait
    static constexpr size_t kMostOpen = 256;  // where everybody may come

    // per_minute: of one address; 0: no limit.
    explicit Newcomers(uint32_t per_minute) : per_minute_(per_minute) {}

    // It waits from now on, if it did not before. The reason says why it may not.
    Status admit(const PeerId& peer, const std::string& site, Instant now);
    // It is gone, or sent away.
    void left(const PeerId& peer) { waiting_.erase(peer); }
    // It has committed: a member from now on.
    void joined(const PeerId& peer);
    // It had a place in a round, is no member and did not commit. True: too often, and it may not
    // come again for a while, twice as long each time.
    [[nodiscard]] bool missed(const PeerId& peer, Instant now);
    // Who waits: first those who have missed least, of these who came first.
    [[nodiscard]] std::vector<PeerId> in_order() const;

private:
    struct Past {
        uint32_t missed = 0;
        Instant away_until;
    };

    [[nodiscard]] bool may_come(const std::string& site, Instant now);
    Past& past_of(const PeerId& peer);

    uint32_t per_minute_;
    uint64_t came_ = 0;
    std::map<PeerId, uint64_t> waiting_;  // in order of coming
    std::map<PeerId, Past> missed_;       // of kMost at most, whether they wait or not
    std::map<std::string, std::deque<Instant>> sites_;  // who came in the last minute
};

}  // namespace assay
