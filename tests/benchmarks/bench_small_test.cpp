// Every benchmark runs at its smallest size and gives rows that can be read; no time is asserted.

#include <catch2/catch.hpp>
#include <cmath>

#include "benchmarks/bench.h"

namespace assay {
namespace {

TEST_CASE("each benchmark runs tiny and gives finite rows", "[benchmarks]") {
    BenchOptions options;
    options.tiny = true;
    options.repetitions = 1;
    REQUIRE(all_benches().size() >= 4);
    for (const Bench& bench : all_benches()) {
        INFO(bench.name);
        const Result<std::vector<BenchRow>> rows = bench.run(options);
        REQUIRE(rows.ok());
        REQUIRE_FALSE(rows->empty());
        for (const BenchRow& row : *rows) {
            INFO(row.name);
            CHECK(std::isfinite(row.value));
            CHECK(row.value > 0);
            CHECK_FALSE(row.unit.empty());
        }
    }
}

TEST_CASE("the work behind a benchmark gives the same result every time", "[benchmarks]") {
    BenchOptions options;
    options.tiny = true;
    options.repetitions = 1;
    for (const Bench& bench : all_benches()) {
        INFO(bench.name);
        const Result<std::vector<BenchRow>> first = bench.run(options);
        const Result<std::vector<BenchRow>> second = bench.run(options);
        REQUIRE(first.ok());
        REQUIRE(second.ok());
        for (size_t i = 0; i < first->size(); ++i) {
            CHECK((*first)[i].note == (*second)[i].note);
        }
    }
}

}  // namespace
}  // namespace assay
