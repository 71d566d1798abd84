// Parts per million: how figures that a verdict tells are rounded, equally for all who compare.

#pragma once

#include <algorithm>
#include <cstdint>

namespace assay {

// Rounded down, at most `largest`; nothing and less are 0.
inline uint32_t in_ppm(double figure, uint32_t largest = 1000000) {
    constexpr double kMillion = 1e6;
    return figure > 0
               ? static_cast<uint32_t>(std::min(figure * kMillion, static_cast<double>(largest)))
               : 0;
}

}  // namespace assay
