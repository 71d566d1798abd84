// Each study runs tiny; options that it does not take are refused; its plot is an SVG.

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "studies/all_studies.h"

namespace assay {
namespace {

const Bench& study_named(const std::string& name) {
    for (const Bench& bench : all_studies()) {
        if (bench.name == name) {
            return bench;
        }
    }
    FAIL("no study " + name);
    return all_studies().front();
}

size_t count_of(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

TEST_CASE("each study runs tiny and gives finite rows", "[studies]") {
    BenchOptions options;
    options.tiny = true;
    options.repetitions = 1;
    std::set<std::string> names;
    for (const Bench& study : all_studies()) {
        INFO(study.name);
        std::set<std::string> own;
        const Result<std::vector<BenchRow>> rows = study.run(options);
        REQUIRE(rows.ok());
        REQUIRE_FALSE(rows->empty());
        for (const BenchRow& row : *rows) {
            INFO(row.name);
            CHECK(std::isfinite(row.value));
            // The few values of a tiny model's norms may all have one magnitude.
            CHECK((row.value > 0 || row.name.ends_with("norm.magnitudes")));
            CHECK_FALSE(row.unit.empty());
            CHECK(own.insert(row.name).second);
            names.insert(row.name);
        }
    }
    for (const char* expected : {"ddp_loss",
                                 "average_loss",
                                 "diloco_loss",
                                 "sparseloco_loss",
                                 "sparseloco_bytes_up",
                                 "beta=0.95 loss",
                                 "beta=0.95 bytes",
                                 "late.all.all"}) {
        CHECK(names.count(expected) == 1);
    }
}

TEST_CASE("an option that a study does not take is refused by name", "[studies]") {
    const auto refused = [](const std::string& name, auto set) {
        BenchOptions options;
        set(options);
        return refusal(study_named(name), options);
    };
    CHECK(refused("format", [](BenchOptions& o) { o.parameters = "10M"; }).empty());
    CHECK(refused("format", [](BenchOptions& o) { o.parameters = "11M"; }).find("10M") !=
          std::string::npos);
    CHECK(refused("format_loss", [](BenchOptions& o) { o.vary = "keep=64"; }).empty());
    CHECK(refused("format", [](BenchOptions& o) { o.vary = "keep=64"; }).find("--vary") == 0);
}

TEST_CASE("the plots of the studies that have one draw their own rows", "[studies]") {
    BenchOptions options;
    options.tiny = true;
    for (const char* name : {"format", "format_loss"}) {
        const Bench& study = study_named(name);
        const Result<std::vector<BenchRow>> rows = study.run(options);
        REQUIRE(rows.ok());
        const std::string svg = study.plot(*rows);
        CHECK(count_of(svg, "<circle") > 8);
        CHECK(svg.size() < 100'000);
        CHECK(svg.find("nan") == std::string::npos);
    }
}

}  // namespace
}  // namespace assay
