// A chart of dots is text that draws what it was given.

#include "status/dot_chart.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace assay {

namespace {

size_t count_of(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("a dot chart is whole SVG, whatever the labels hold") {
    DotPanel panel{"Loss & bytes", "nats", {{"a < b", {1, 2}}, {"c", {3, std::nan("")}}}};
    panel.mark_label = "target";
    panel.mark = 2;
    const std::string svg = dot_chart_svg({"Title", {"one", "two"}, {panel}});
    CHECK(svg.find("<svg ") == 0);
    CHECK(svg.find("</svg>") != std::string::npos);
    for (const char* label : {"Title", "Loss &amp; bytes", "nats", "a &lt; b", "one", "target"}) {
        CHECK(svg.find(label) != std::string::npos);
    }
    CHECK(count_of(svg, "<circle") == 3 + 2);  // of the values and of the legend
    CHECK(count_of(svg, "<text") == count_of(svg, "</text>"));
    CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("an interval is drawn behind its value, and the axis shows all of it") {
    DotPanel panel{"profit", "rounds", {{"a", {1}}, {"b", {2}}}};
    const std::string plain = dot_chart_svg({"", {"mean"}, {panel}});
    CHECK(count_of(plain, "class=\"interval\"") == 0);
    panel.lines[0].low = -40;
    panel.lines[0].high = 3;
    const std::string svg = dot_chart_svg({"", {"mean"}, {panel}});
    CHECK(count_of(svg, "class=\"interval\"") == 1);
    CHECK(svg.find(">-40<") != std::string::npos);  // a tick
}

}  // namespace assay
