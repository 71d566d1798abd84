#include "rounds/deadlines.h"

#include <algorithm>
#include <vector>

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr uint64_t kLongestMs = uint64_t{1} << 40;
constexpr uint64_t kSlowest = 4;  // times the median of the roster

// amount / rate in milliseconds, rounded up, with slack; saturates.
uint64_t time_for(uint64_t amount, uint64_t rate, uint32_t slack_percent) {
    const double seconds =
        static_cast<double>(amount) / static_cast<double>(std::max<uint64_t>(rate, 1));
    const double ms = seconds * 1000.0 * (1.0 + slack_percent / 100.0) + 1.0;
    return ms < static_cast<double>(kLongestMs) ? static_cast<uint64_t>(ms) : kLongestMs;
}

DurationMs within(uint64_t ms, DurationMs floor, DurationMs ceiling, uint32_t doublings) {
    ASSAY_CHECK_LE(floor.ms, ceiling.ms);
    int64_t bounded = std::clamp(static_cast<int64_t>(ms), floor.ms, ceiling.ms);
    for (uint32_t i = 0; i < doublings && bounded < ceiling.ms; ++i) {
        bounded = std::min(std::max<int64_t>(bounded, 1) * 2, ceiling.ms);
    }
    ASSAY_CHECK(floor.ms <= bounded && bounded <= ceiling.ms);
    return DurationMs{bounded};
}

uint64_t known_or(uint64_t measured, uint64_t otherwise) {
    return measured > 0 ? measured : otherwise;
}

// How long training may take: the slowest peer's time. But nobody's counts for more than a peer
// without figures would get, or several times what half of those with figures need: a few who
// claim to be slow, or make themselves so, hold nobody up for longer.
uint64_t training_time(const DeadlineRules& rules, std::span<const PeerPace> peers) {
    std::vector<uint64_t> known;
    for (const PeerPace& peer : peers) {
        if (peer.tokens_per_second > 0) {
            known.push_back(time_for(peer.tokens, peer.tokens_per_second, rules.slack_percent));
        }
    }
    uint64_t most = 0;
    if (!known.empty()) {
        const auto middle = known.begin() + static_cast<std::ptrdiff_t>((known.size() - 1) / 2);
        std::nth_element(known.begin(), middle, known.end());
        most = std::min(*middle, kLongestMs) * kSlowest;
    }
    uint64_t training = 0;
    for (const PeerPace& peer : peers) {
        const uint64_t strangers =
            time_for(peer.tokens, rules.default_tokens_per_second, rules.slack_percent);
        const uint64_t own =
            peer.tokens_per_second == 0
                ? strangers
                : time_for(peer.tokens, peer.tokens_per_second, rules.slack_percent);
        training = std::max(training, std::min(own, std::max(strangers, most)));
    }
    ASSAY_CHECK_LE(training, kLongestMs * kSlowest);
    return training;
}

}  // namespace

RoundDeadlines round_deadlines(const DeadlineRules& rules,
                               Instant opened_at,
                               std::span<const PeerPace> peers,
                               uint64_t payload_bytes,
                               uint64_t opening_bytes,
                               uint32_t doublings) {
    const uint64_t training = training_time(rules, peers);
    uint64_t uplink = ~uint64_t{0};
    for (const PeerPace& peer : peers) {
        uplink = std::min(
            uplink, known_or(peer.uplink_bytes_per_second, rules.default_uplink_bytes_per_second));
    }
    ASSAY_CHECK(rules.least_uplink_bytes_per_second > 0 && rules.default_tokens_per_second > 0);
    uplink = std::max(uplink, rules.least_uplink_bytes_per_second);
    const uint64_t payload = time_for(payload_bytes, uplink, rules.slack_percent);
    const uint64_t opening = time_for(opening_bytes, uplink, rules.slack_percent);
    const auto grace = static_cast<uint64_t>(rules.grace.ms);

    RoundDeadlines deadlines;
    const auto transfer = [&](uint64_t ms) {
        return within(ms + grace, rules.transfer_floor, rules.transfer_ceiling, doublings);
    };
    deadlines.commit =
        opened_at + within(training + grace, rules.commit_floor, rules.commit_ceiling, doublings);
    deadlines.payload = deadlines.commit + transfer(payload);
    deadlines.opening = transfer(opening);
    ASSAY_CHECK(opened_at <= deadlines.commit && deadlines.commit <= deadlines.payload);
    return deadlines;
}

DurationMs longest_transfer(const DeadlineRules& rules, uint64_t bytes, DurationMs planned) {
    const uint64_t ms = time_for(bytes, rules.least_uplink_bytes_per_second, rules.slack_percent);
    return std::max(planned,
                    within(ms + static_cast<uint64_t>(rules.grace.ms),
                           rules.transfer_floor,
                           rules.transfer_ceiling,
                           0));
}

DurationMs longest_silence(const DeadlineRules& rules, uint64_t uplink_bytes_per_second) {
    const uint64_t rate =
        std::max(known_or(uplink_bytes_per_second, rules.default_uplink_bytes_per_second),
                 rules.least_uplink_bytes_per_second);
    const uint64_t piece = time_for(limits::kPieceBytes, rate, rules.slack_percent);
    return DurationMs{rules.grace.ms + static_cast<int64_t>(piece)};
}

DurationMs slowest_progress(const DeadlineRules& rules, uint64_t bytes) {
    const uint64_t ms = time_for(
        bytes + limits::kPieceBytes, rules.least_uplink_bytes_per_second, rules.slack_percent);
    return DurationMs{rules.grace.ms + static_cast<int64_t>(ms)};
}

DurationMs grace_after(const DeadlineRules& rules, DurationMs elapsed) {
    return DurationMs{std::max(rules.grace.ms, elapsed.ms / 100 * rules.slack_percent)};
}

uint32_t quorum_of(uint32_t roster, uint32_t quorum_percent) {
    const uint64_t needed = (uint64_t{roster} * quorum_percent + 99) / 100;
    const uint64_t most = quorum_percent < 100 && roster > 1 ? roster - 1 : roster;
    return static_cast<uint32_t>(std::max<uint64_t>(1, std::min<uint64_t>(needed, most)));
}

}  // namespace assay
