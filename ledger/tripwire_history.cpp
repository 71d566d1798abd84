#include "ledger/tripwire_history.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

// REQUIRES: not empty.
uint32_t limit_of(std::vector<uint64_t> figures) {
    ASSAY_CHECK(!figures.empty());
    std::sort(figures.begin(), figures.end());
    const uint64_t median = figures[figures.size() / 2];
    const uint64_t quartile = figures[figures.size() / 4];
    ASSAY_CHECK_LE(quartile, median);
    const uint64_t limit = median + kSpreadsAllowed * (median - quartile);
    return static_cast<uint32_t>(std::min<uint64_t>(limit, UINT32_MAX));
}

}  // namespace

void TripwireHistory::add(const TripwireFigures& figures) {
    if (figures == TripwireFigures{}) {
        return;
    }
    if (figures_.size() == kFiguresKept) {
        figures_.erase(figures_.begin());
    }
    figures_.push_back(figures);
    ASSAY_CHECK_LE(figures_.size(), kFiguresKept);
}

TripwireFigures TripwireHistory::limits(const TripwireFigures& floor) const {
    const auto limit = [&](uint32_t TripwireFigures::*figure, uint32_t TripwireFigures::*looked) {
        std::vector<uint64_t> seen;
        for (const TripwireFigures& one : figures_) {
            if (one.*looked > 0) {
                seen.push_back(one.*figure);
            }
        }
        return seen.size() < kFiguresMin ? UINT32_MAX
                                         : std::max(floor.*figure, limit_of(std::move(seen)));
    };
    using F = TripwireFigures;
    return {limit(&F::energy_ppm, &F::energy_ppm),
            limit(&F::cosine_ppm, &F::energy_ppm),
            limit(&F::overlap_ppm, &F::overlap_ppm),
            limit(&F::payload_cosine_ppm, &F::overlap_ppm)};
}

}  // namespace assay
