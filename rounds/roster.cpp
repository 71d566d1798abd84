#include "rounds/roster.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

namespace {

// Lower median of the known speeds; 0 if none is known.
uint64_t median_speed(std::span<const Candidate> candidates) {
    std::vector<uint64_t> speeds;
    for (const Candidate& candidate : candidates) {
        if (candidate.tokens_per_second > 0) {
            speeds.push_back(candidate.tokens_per_second);
        }
    }
    if (speeds.empty()) {
        return 0;
    }
    const size_t middle = (speeds.size() - 1) / 2;
    std::nth_element(
        speeds.begin(), speeds.begin() + static_cast<std::ptrdiff_t>(middle), speeds.end());
    return speeds[middle];
}

uint64_t wanted_sequences(const Candidate& candidate, uint64_t median, const RoundRules& rules) {
    if (candidate.tokens_per_second == 0 || median == 0) {
        return rules.base_sequences;
    }
    ASSAY_CHECK(rules.speed_span > 0);
    const double ratio =
        static_cast<double>(candidate.tokens_per_second) / static_cast<double>(median);
    const double span = rules.speed_span;
    const double wanted = rules.base_sequences * std::clamp(ratio, 1.0 / span, span);
    return static_cast<uint64_t>(std::llround(wanted));
}

uint32_t sequences_for(const Candidate& candidate, uint64_t median, const RoundRules& rules) {
    const uint64_t most = candidate.counted_sequences > 0
                              ? uint64_t{candidate.counted_sequences} * 2
                              : rules.base_sequences;
    const uint64_t grain = std::max<uint32_t>(rules.grain_sequences, 1);
    const uint64_t bounded =
        std::min({wanted_sequences(candidate, median, rules), most, limits::kSequencesPerStepMax});
    const uint64_t whole = std::max(bounded / grain * grain, grain);
    ASSAY_CHECK(whole > 0 && whole % grain == 0);
    return static_cast<uint32_t>(whole);
}

}  // namespace

std::vector<RosterLine> choose_roster(std::vector<Candidate> candidates, const RoundRules& rules) {
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        return a.tenure_rounds != b.tenure_rounds ? a.tenure_rounds > b.tenure_rounds : a.id < b.id;
    });
    const uint64_t most = std::min<uint64_t>(rules.peers_max, limits::kPeersMax);
    if (candidates.size() > most) {
        candidates.resize(most);
    }
    const uint64_t median = median_speed(candidates);
    std::vector<RosterLine> roster;
    roster.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
        roster.push_back(
            {candidate.id, candidate.numeric_class, sequences_for(candidate, median, rules)});
    }
    std::sort(roster.begin(), roster.end());
    ASSAY_CHECK_LE(roster.size(), most);
    // In order of id, nobody twice.
    ASSAY_CHECK(std::adjacent_find(roster.begin(), roster.end(), [](const auto& a, const auto& b) {
                    return !(a.peer < b.peer);
                }) == roster.end());
    return roster;
}

}  // namespace assay
