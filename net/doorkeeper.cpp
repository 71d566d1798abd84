#include "net/doorkeeper.h"

#include "core/check.h"

namespace assay {

Doorkeeper::Doorkeeper(const DoorRules& rules) : rules_(rules) {
    ASSAY_CHECK(rules.strangers_max > 0 && rules.strangers_per_site > 0);
    ASSAY_CHECK(rules.connections_max > 0 && rules.patience.ms > 0);
}

void Doorkeeper::forget(std::map<int, Stranger>::iterator stranger) {
    const auto site = sites_.find(stranger->second.site);
    ASSAY_CHECK(site != sites_.end() && site->second > 0);
    if (--site->second == 0) {
        sites_.erase(site);
    }
    strangers_.erase(stranger);
}

// Who has stood there longest, of this site or of all.
std::map<int, Doorkeeper::Stranger>::iterator Doorkeeper::oldest(const std::string* site) {
    auto found = strangers_.end();
    for (auto one = strangers_.begin(); one != strangers_.end(); ++one) {
        const bool counts = site == nullptr || one->second.site == *site;
        if (counts && (found == strangers_.end() || one->second.number < found->second.number)) {
            found = one;
        }
    }
    ASSAY_CHECK(found != strangers_.end());  // whoever asks has just come
    return found;
}

std::vector<int> Doorkeeper::came(int fd, const std::string& site, Instant now) {
    left(fd);  // the end of whoever had this descriptor before is known by now
    const size_t of_site = ++sites_[site];
    strangers_.emplace(fd, Stranger{site, now, came_++});
    const bool crowded = of_site > rules_.strangers_per_site;
    if (!crowded && strangers_.size() <= rules_.strangers_max &&
        connections() <= rules_.connections_max) {
        return {};
    }
    const auto victim = oldest(crowded ? &site : nullptr);
    const int gone = victim->first;
    forget(victim);
    ASSAY_CHECK_LE(strangers_.size(), rules_.strangers_max);
    return {gone};
}

void Doorkeeper::knows(int fd) {
    const auto stranger = strangers_.find(fd);
    if (stranger != strangers_.end()) {
        forget(stranger);
        known_.insert(fd);
    }
}

void Doorkeeper::left(int fd) {
    known_.erase(fd);
    const auto stranger = strangers_.find(fd);
    if (stranger != strangers_.end()) {
        forget(stranger);
    }
}

std::vector<int> Doorkeeper::overdue(Instant now) {
    std::vector<int> gone;
    for (auto stranger = strangers_.begin(); stranger != strangers_.end();) {
        const auto current = stranger++;
        if (now - current->second.since >= rules_.patience) {
            gone.push_back(current->first);
            forget(current);
        }
    }
    ASSAY_CHECK(strangers_.empty() == sites_.empty());
    return gone;
}

void Doorkeeper::stood_still(DurationMs time) {
    for (auto& [fd, stranger] : strangers_) {
        stranger.since = stranger.since + time;
    }
}

}  // namespace assay
