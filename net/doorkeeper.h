// How many strangers stand at the door: connections over which no valid message has come. Pure:
// descriptors, addresses and time in, descriptors to be turned away out.
//
// They cost descriptors and memory and need no key, so there are only so many: of one site, and in
// all. Who has stood there longest goes: a handshake takes less time than that in which so many
// come, and whoever only stands there pushes out none but his like.

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"

namespace assay {

struct DoorRules {
    size_t strangers_max = 512;
    size_t strangers_per_site = 64;
    size_t connections_max = 4096;  // known ones included
    DurationMs patience{15000};     // for the first valid message
};

class Doorkeeper {
public:
    // REQUIRES: at least one of each.
    explicit Doorkeeper(const DoorRules& rules);

    // A connection of this site was accepted. Who has to go for it, if anybody: itself or another.
    std::vector<int> came(int fd, const std::string& site, Instant now);
    // It has said something valid.
    void knows(int fd);
    void left(int fd);
    // Who has said nothing for too long.
    std::vector<int> overdue(Instant now);
    void stood_still(DurationMs time);

    [[nodiscard]] size_t connections() const { return strangers_.size() + known_.size(); }

private:
    struct Stranger {
        std::string site;
        Instant since;
        uint64_t number = 0;
    };

    void forget(std::map<int, Stranger>::iterator stranger);
    std::map<int, Stranger>::iterator oldest(const std::string* site);

    DoorRules rules_;
    std::map<int, Stranger> strangers_;    // by descriptor
    std::map<std::string, size_t> sites_;  // strangers of each
    std::set<int> known_;
    uint64_t came_ = 0;
};

}  // namespace assay
