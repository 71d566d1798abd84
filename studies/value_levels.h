// The magnitudes that a coding of values offers to a chunk or tensor, and which value gets which.
//
// Stateless.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace assay {

enum class Split : uint8_t { kOutliers, kMean, kMedian, kLloyd };

struct ValueCoding {
    int bits = 2;                    // one of sign, the others choose among 2^(bits - 1) magnitudes
    Split split = Split::kOutliers;  // kOutliers: the format's own, 2 bits alone
    bool per_tensor = false;         // magnitudes shared by the tensor instead of the chunk
    std::function<double(double)> scale;  // what is left of a magnitude; none: exact
};

// Rising. A value belongs to the nearest exact level, the lower of two alike; with the format's own
// split it belongs to the upper level from the split point on.
struct MagnitudeClasses {
    std::vector<double> exact;
    std::vector<double> coded;  // what is left of them
    bool by_split = false;
    double split = 0;

    // Index of the level that a magnitude gets.
    [[nodiscard]] size_t of(double magnitude) const;
};
// REQUIRES: kept, in index order, is not empty.
MagnitudeClasses magnitude_classes(const std::vector<double>& kept, const ValueCoding& coding);

}  // namespace assay
