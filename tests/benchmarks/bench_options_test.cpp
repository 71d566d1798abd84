// Options that a benchmark does not take are refused before it runs; its plot is an SVG.

#include <catch2/catch.hpp>
#include <cmath>

#include "benchmarks/bench.h"
#include "benchmarks/dot_chart.h"

namespace assay {
namespace {

const Bench& bench_named(const std::string& name) {
    for (const Bench& bench : all_benches()) {
        if (bench.name == name) {
            return bench;
        }
    }
    FAIL("no benchmark " + name);
    return all_benches().front();
}

size_t count_of(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

TEST_CASE("an option that a benchmark does not take is refused by name", "[benchmarks]") {
    const auto refused = [](const std::string& name, auto set) {
        BenchOptions options;
        set(options);
        return refusal(bench_named(name), options);
    };
    CHECK(refused("format", [](BenchOptions& o) { o.parameters = "10M"; }).empty());
    CHECK(refused("format", [](BenchOptions& o) { o.parameters = "11M"; }).find("10M") !=
          std::string::npos);
    CHECK(refused("gemm", [](BenchOptions& o) { o.parameters = "1M"; }).find("--parameters") == 0);
    CHECK(refused("format_loss", [](BenchOptions& o) { o.vary = "keep=64"; }).empty());
    CHECK(refused("format", [](BenchOptions& o) { o.vary = "keep=64"; }).find("--vary") == 0);
    CHECK(refused("hash", [](BenchOptions& o) { o.plot = "x.svg"; }).find("--plot") == 0);
    CHECK(refused("gemm", [](BenchOptions& o) { o.threads = 2; }).find("--threads") == 0);
    CHECK(refused("hash", [](BenchOptions& o) { o.against = "torch"; }).find("--against") == 0);
}

TEST_CASE("a plot has each label, a dot for each value, and what it opens it closes",
          "[benchmarks]") {
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

TEST_CASE("the plots of the benchmarks that have one draw their own rows", "[benchmarks]") {
    BenchOptions options;
    options.tiny = true;
    for (const char* name : {"format", "format_loss"}) {
        const Bench& bench = bench_named(name);
        const Result<std::vector<BenchRow>> rows = bench.run(options);
        REQUIRE(rows.ok());
        const std::string svg = bench.plot(*rows);
        CHECK(count_of(svg, "<circle") > 8);
        CHECK(svg.size() < 100'000);
        CHECK(svg.find("nan") == std::string::npos);
    }
}

}  // namespace
}  // namespace assay
