#include "status/dot_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/result.h"

namespace assay {

namespace {

constexpr double kPanelWidth = 460;
constexpr double kLabels = 190;  // left of a panel's field
constexpr double kTop = 96;
constexpr double kLineHeight = 18;
constexpr double kBottom = 52;
constexpr double kMargin = 16;

// Colours that stay apart for readers who see few of them, on white and on near black.
constexpr const char* kStyle = R"(<style>
text { font: 12px sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: bold; }
.panel { font-weight: bold; }
.ground { fill: #ffffff; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.mark { stroke: #cf222e; stroke-width: 1; stroke-dasharray: 4 3; }
.interval { stroke: #1f2328; stroke-width: 2; }
.s0 { fill: #0072b2; } .s1 { fill: #d55e00; } .s2 { fill: #009e73; }
.s3 { fill: #8b5cf6; } .s4 { fill: #7a7a7a; } .s5 { fill: #b8860b; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.ground { fill: #0d1117; }
.grid { stroke: #30363d; }
.mark { stroke: #ff7b72; }
.interval { stroke: #e6edf3; }
.s0 { fill: #56b4e9; } .s1 { fill: #ff9e64; } .s2 { fill: #3fd1a0; }
.s3 { fill: #b79cff; } .s4 { fill: #b0b0b0; } .s5 { fill: #f0e442; }
}
</style>
)";

std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", value);
    return text;
}

std::string at(double pixels) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f", pixels);
    return text;
}

// Ends and ticks of an axis that shows all values of a panel.
struct Axis {
    double low = 0;
    double high = 1;
    bool logarithmic = false;
    std::vector<double> ticks;

    [[nodiscard]] double part(double value) const {
        return logarithmic ? std::log(value / low) / std::log(high / low)
                           : (value - low) / (high - low);
    }
};

// The step of about five ticks: 1, 2 or 5 times a power of ten.
double nice_step(double span) {
    const double least = span / 6;
    const double power = std::pow(10.0, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= least) {
            return factor * power;
        }
    }
    return 10 * power;
}

Axis axis_of(const DotPanel& panel) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    const auto show = [&](double value) {
        if (!std::isnan(value)) {
            low = std::min(low, value);
            high = std::max(high, value);
        }
    };
    for (const DotLine& line : panel.lines) {
        std::for_each(line.values.begin(), line.values.end(), show);
        if (line.low <= line.high) {
            show(line.low);
            show(line.high);
        }
    }
    if (!panel.mark_label.empty()) {
        show(panel.mark);
    }
    if (!(low <= high)) {
        return {0, 1, false, {0, 1}};
    }
    Axis axis;
    axis.logarithmic = panel.logarithmic;
    if (panel.logarithmic) {
        ASSAY_CHECK(low > 0);
        const double first = std::floor(std::log10(low));
        const double last = std::max(first + 1, std::ceil(std::log10(high)));
        for (double power = first; power <= last; ++power) {
            axis.ticks.push_back(std::pow(10.0, power));
        }
    } else {
        low = panel.from_zero ? std::min(low, 0.0) : low;
        const double step = nice_step(high > low ? high - low : 1);
        const double first = std::floor(low / step);
        const double last = std::max(first + 1, std::ceil(high / step));
        for (double tick = first; tick <= last; ++tick) {
            axis.ticks.push_back(tick * step);
        }
    }
    axis.low = axis.ticks.front();
    axis.high = axis.ticks.back();
    return axis;
}

class Writer {
public:
    void add(const std::string& text) { svg_ += text + "\n"; }
    void text(double x, double y, const char* anchor, const char* style, const std::string& words) {
        add("<text x=\"" + at(x) + "\" y=\"" + at(y) + "\" text-anchor=\"" + anchor +
            "\" class=\"" + style + "\">" + escaped(words) + "</text>");
    }
    void line(double x1, double y1, double x2, double y2, const char* style) {
        add("<line x1=\"" + at(x1) + "\" y1=\"" + at(y1) + "\" x2=\"" + at(x2) + "\" y2=\"" +
            at(y2) + "\" class=\"" + style + "\"/>");
    }
    // What it stands for is shown where the reader points at it.
    void dot(double x, double y, size_t series, const std::string& words) {
        add("<circle cx=\"" + at(x) + "\" cy=\"" + at(y) + "\" r=\"4\" fill-opacity=\"0.85\"" +
            " class=\"s" + std::to_string(series) + "\"><title>" + escaped(words) +
            "</title></circle>");
    }
    std::string take() { return std::move(svg_); }

private:
    std::string svg_;
};

void draw_panel(Writer& svg, const DotPanel& panel, const DotChart& chart, double left) {
    const Axis axis = axis_of(panel);
    const double first = left + kLabels;
    const double width = kPanelWidth - kLabels - kMargin;
    const double bottom = kTop + kLineHeight * static_cast<double>(panel.lines.size());
    const auto x = [&](double value) { return first + width * axis.part(value); };
    svg.text(left + kMargin, kTop - 14, "start", "panel", panel.title);
    for (const double tick : axis.ticks) {
        svg.line(x(tick), kTop, x(tick), bottom, "grid");
        svg.text(x(tick), bottom + 16, "middle", "tick", number(tick));
    }
    svg.text(first + width / 2, bottom + 34, "middle", "axis", panel.axis);
    if (!panel.mark_label.empty()) {
        svg.line(x(panel.mark), kTop, x(panel.mark), bottom, "mark");
        svg.text(x(panel.mark), kTop - 2, "middle", "tick", panel.mark_label);
    }
    double y = kTop + kLineHeight / 2;
    for (const DotLine& line : panel.lines) {
        svg.text(first - 10, y + 4, "end", "label", line.label);
        svg.line(first, y, first + width, y, "grid");
        if (line.low <= line.high) {
            svg.line(x(line.low), y, x(line.high), y, "interval");
        }
        for (size_t i = 0; i < line.values.size(); ++i) {
            if (!std::isnan(line.values[i])) {
                svg.dot(x(line.values[i]), y, i, chart.series[i] + ": " + number(line.values[i]));
            }
        }
        y += kLineHeight;
    }
}

}  // namespace

std::string dot_chart_svg(const DotChart& chart) {
    ASSAY_CHECK(chart.series.size() <= kDotSeriesMax);
    size_t lines = 0;
    for (const DotPanel& panel : chart.panels) {
        lines = std::max(lines, panel.lines.size());
    }
    const std::string width = at(kPanelWidth * static_cast<double>(chart.panels.size()));
    const std::string height = at(kTop + kLineHeight * static_cast<double>(lines) + kBottom);
    Writer svg;
    svg.add("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " + height +
            "\" role=\"img\">");
    svg.add("<title>" + escaped(chart.title) + "</title>");
    svg.add(kStyle + ("<rect class=\"ground\" width=\"" + width) + "\" height=\"" + height +
            "\"/>");
    svg.text(kMargin, 26, "start", "title", chart.title);
    double left = kMargin;
    for (size_t i = 0; i < chart.series.size(); ++i) {
        svg.dot(left + 4, 48, i, chart.series[i]);
        svg.text(left + 14, 52, "start", "label", chart.series[i]);
        left += 40 + 7 * static_cast<double>(chart.series[i].size());
    }
    for (size_t i = 0; i < chart.panels.size(); ++i) {
        draw_panel(svg, chart.panels[i], chart, kPanelWidth * static_cast<double>(i));
    }
    svg.add("</svg>");
    return svg.take();
}

}  // namespace assay
