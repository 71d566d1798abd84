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
    if (figures.energy_ppm == 0) {
        return;
    }
    if (figures_.size() == kFiguresKept) {
        figures_.erase(figures_.begin());
    }
    figures_.push_back(figures);
    ASSAY_CHECK_LE(figures_.size(), kFiguresKept);
}

TripwireFigures TripwireHistory::limits(const TripwireFigures& floor) const {
    if (figures_.size() < kFiguresMin) {
        return {UINT32_MAX, UINT32_MAX};
    }
    std::vector<uint64_t> energies;
    std::vector<uint64_t> cosines;
    for (const TripwireFigures& one : figures_) {
        energies.push_back(one.energy_ppm);
        cosines.push_back(one.cosine_ppm);
    }
    return {std::max(floor.energy_ppm, limit_of(std::move(energies))),
            std::max(floor.cosine_ppm, limit_of(std::move(cosines)))};
}

}  // namespace assay
