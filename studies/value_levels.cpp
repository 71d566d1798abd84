#include "studies/value_levels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compression/chunk_codec.h"

namespace assay {

namespace {

using Magnitudes = std::vector<double>;

// The thresholds between 2^halvings classes: each class is halved at its mean or median.
void halve(Magnitudes& sorted,
           size_t first,
           size_t last,
           int halvings,
           Split split,
           std::vector<size_t>& ends) {
    if (halvings == 0 || last - first < 2) {
        ends.push_back(last);
        return;
    }
    const auto begin = sorted.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(last);
    size_t middle = first + (last - first) / 2;
    if (split != Split::kMedian) {
        const double mean = std::accumulate(begin, end, 0.0) / static_cast<double>(last - first);
        middle = static_cast<size_t>(std::lower_bound(begin, end, mean) - sorted.begin());
    }
    halve(sorted, first, middle, halvings - 1, split, ends);
    halve(sorted, middle, last, halvings - 1, split, ends);
}

Magnitudes class_means(const Magnitudes& sorted, const std::vector<size_t>& ends) {
    Magnitudes means;
    size_t first = 0;
    for (const size_t last : ends) {
        if (last > first) {
            double sum = 0;
            for (size_t i = first; i < last; ++i) {
                sum += sorted[i];
            }
            means.push_back(sum / static_cast<double>(last - first));
        }
        first = last;
    }
    return means;
}

// Lloyd-Max from the classes of the means: thresholds in the middle between levels.
Magnitudes lloyd(const Magnitudes& sorted, Magnitudes levels) {
    for (int move = 0; move < 30; ++move) {
        std::vector<size_t> ends;
        for (size_t i = 0; i + 1 < levels.size(); ++i) {
            ends.push_back(static_cast<size_t>(
                std::lower_bound(sorted.begin(), sorted.end(), (levels[i] + levels[i + 1]) / 2) -
                sorted.begin()));
        }
        ends.push_back(sorted.size());
        levels = class_means(sorted, ends);
    }
    return levels;
}

// Up to 2^(bits - 1) levels, rising.
Magnitudes levels_of(Magnitudes kept, const ValueCoding& coding) {
    std::sort(kept.begin(), kept.end());
    std::vector<size_t> ends;
    halve(kept, 0, kept.size(), coding.bits - 1, coding.split, ends);
    const Magnitudes means = class_means(kept, ends);
    return coding.split == Split::kLloyd ? lloyd(kept, means) : means;
}

Magnitudes rounded(Magnitudes levels, const ValueCoding& coding) {
    if (coding.scale) {
        for (double& level : levels) {
            level = coding.scale(level);
        }
    }
    return levels;
}

}  // namespace

// A coding by mean or median puts its thresholds elsewhere; the nearest level loses least of all.
size_t MagnitudeClasses::of(double magnitude) const {
    if (by_split) {
        return magnitude < split ? 0 : 1;
    }
    size_t best = 0;
    for (size_t i = 1; i < exact.size(); ++i) {
        if (std::abs(exact[i] - magnitude) < std::abs(exact[best] - magnitude)) {
            best = i;
        }
    }
    return best;
}

MagnitudeClasses magnitude_classes(const Magnitudes& kept, const ValueCoding& coding) {
    MagnitudeClasses classes;
    classes.by_split = coding.split == Split::kOutliers && coding.bits == 2;
    if (classes.by_split) {
        const ClassSplit split = split_classes(kept, SplitRule::kOutliers);
        classes.split = split.split;
        classes.exact = {split.low, split.high};
    } else {
        classes.exact = levels_of(kept, coding);
    }
    classes.coded = rounded(classes.exact, coding);
    return classes;
}

}  // namespace assay
