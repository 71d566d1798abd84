// Options that a benchmark does not take are refused before it runs.

#include <catch2/catch.hpp>

#include "benchmarks/bench.h"

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

TEST_CASE("an option that a benchmark does not take is refused by name", "[benchmarks]") {
    const auto refused = [](const std::string& name, auto set) {
        BenchOptions options;
        set(options);
        return refusal(bench_named(name), options);
    };
    CHECK(refused("gemm", [](BenchOptions& o) { o.parameters = "1M"; }).find("--parameters") == 0);
    CHECK(refused("hash", [](BenchOptions& o) { o.plot = "x.svg"; }).find("--plot") == 0);
    CHECK(refused("gemm", [](BenchOptions& o) { o.threads = 2; }).find("--threads") == 0);
    CHECK(refused("hash", [](BenchOptions& o) { o.against = "torch"; }).find("--against") == 0);
}

}  // namespace
}  // namespace assay
