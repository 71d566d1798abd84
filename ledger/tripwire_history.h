// What is usual in a run, and how far from it a chain's figures are suspicious: a fold of verdicts.
//
// A mean of g^2 over the second moment, a cosine of two steps or how much two payloads share says
// little by itself: how large it is depends on model, batch and schedule. So the limits follow from
// what the run's accepted COMMITs have shown, and anybody who has the ledger computes the same. No
// file, no clock.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/messages.h"

namespace assay {

// Figures that limits follow from, the newest ones; before kFiguresMin are there, nothing is known
// to be unusual: a run's first rounds, with a rate that still rises, are its widest.
constexpr size_t kFiguresKept = 256;
constexpr size_t kFiguresMin = 32;
// How often the distance from the lower quartile to the median a limit lies above the median. Only
// the lower half is looked at: whoever fakes large figures does not raise it while they are few.
constexpr uint64_t kSpreadsAllowed = 16;

class TripwireHistory {
public:
    // Of an accepted COMMIT, in order of the ledger. Where energy or overlap is 0, that layer did
    // not look, and its figures do not count.
    void add(const TripwireFigures& figures);
    // Beyond which a figure of the next round is suspicious; never under `floor`. What may not be
    // suspected yet has the largest limit there is.
    [[nodiscard]] TripwireFigures limits(const TripwireFigures& floor) const;

private:
    std::vector<TripwireFigures> figures_;  // the oldest first
};

}  // namespace assay
