// A chart of dots as SVG: panels side by side, a line for each thing measured, a dot a series.
//
// Readable on light and dark pages: colours follow the reader's scheme, and the ground is drawn.
// Plain values; the same chart is the same text.

#pragma once

#include <string>
#include <vector>

namespace assay {

struct DotLine {
    std::string label;
    std::vector<double> values;  // one a series; NaN where there is none
    // Of the first value: an interval, drawn as a bar behind it; not drawn where low > high.
    double low = 0;
    double high = -1;
};

struct DotPanel {
    std::string title;
    std::string axis;  // what the values are
    std::vector<DotLine> lines;
    bool logarithmic = false;
    bool from_zero = false;
    std::string mark_label = {};  // of a value to compare with; "" for none
    double mark = 0;
};

struct DotChart {
    std::string title;
    std::vector<std::string> series;  // at most kDotSeriesMax
    std::vector<DotPanel> panels;
};
constexpr size_t kDotSeriesMax = 6;

// REQUIRES: finite values or NaN, positive ones in logarithmic panels.
std::string dot_chart_svg(const DotChart& chart);

}  // namespace assay
