// Every benchmark runs at its smallest size and gives rows that can be read; no time is asserted.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "benchmarks/bench.h"
#include "benchmarks/bench_text.h"

namespace assay {
namespace {

TEST_CASE("each benchmark runs tiny and gives finite rows", "[benchmarks]") {
    BenchOptions options;
    options.tiny = true;
    options.repetitions = 1;
    std::set<std::string> names;
    for (const Bench& bench : all_benches()) {
        INFO(bench.name);
        std::set<std::string> own;
        const Result<std::vector<BenchRow>> rows = bench.run(options);
        REQUIRE(rows.ok());
        REQUIRE_FALSE(rows->empty());
        for (const BenchRow& row : *rows) {
            INFO(row.name);
            CHECK(std::isfinite(row.value));
            CHECK(row.value > 0);
            CHECK_FALSE(row.unit.empty());
            CHECK(own.insert(row.name).second);
            names.insert(row.name);
        }
    }
    for (const char* expected : {"tile_roots",         "gemm_total",
                                 "packed_row",         "adamw",
                                 "compress",           "decode",
                                 "aggregate_20",       "bits_per_value_real",
                                 "step_d256",          "step_d512",
                                 "step_d1024",         "step_d256_roots",
                                 "scaling_2_threads",  "step_memory",
                                 "peer_vs_bare",       "judge_per_submission",
                                 "checking_share_p10", "opening_bytes_demo",
                                 "audit_bytes_small",  "honest_verdicts_clear",
                                 "audit_rate"}) {
        CHECK(names.count(expected) == 1);
    }
}

std::vector<BenchRow> train_rows(const BenchOptions& options) {
    for (const Bench& bench : all_benches()) {
        if (bench.name == "train") {
            Result<std::vector<BenchRow>> rows = bench.run(options);
            REQUIRE(rows.ok());
            return *rows;
        }
    }
    FAIL("there is no benchmark `train`");
    return {};
}

TEST_CASE("training is measured against libtorch in every row that was asked for", "[benchmarks]") {
    BenchOptions options;
    options.tiny = true;
    options.repetitions = 1;
    options.against = "libtorch";
    std::vector<double> progress;
    options.progress = [&progress](double part) { progress.push_back(part); };
    std::map<std::string, BenchRow> rows;
    for (const BenchRow& row : train_rows(options)) {
        INFO(row.name << ": " << row.context);
        CHECK(rows.emplace(row.name, row).second);
        // Beside each: the median, and what the machine can do with as many threads.
        CHECK(row.context.find("median ") != std::string::npos);
        CHECK(row.context.find("FMA peak ") != std::string::npos);
        CHECK(row.context.find("stream read ") != std::string::npos);
        CHECK(row.context.find(row.threads == 1 ? "GB/s, 1 thread" : "GB/s, 2 threads") !=
              std::string::npos);
        CHECK(row.threads == (row.name.find("2_threads") == std::string::npos ? 1 : 2));
    }
    std::set<std::string> expected = {"scaling_2_threads",
                                      "scaling_2_threads_d256",
                                      "gemm_scaling_2_threads",
                                      "step_memory",
                                      "step_paths",
                                      "packed_row",
                                      "cost_t32",
                                      "cost_t64",
                                      "cost_d128",
                                      "cost_d256",
                                      "cost_d512",
                                      "cost_d1024"};
    for (const std::string name : {"step_d256",
                                   "step_d512",
                                   "step_d1024",
                                   "step_d256_roots",
                                   "decode",
                                   "adamw",
                                   "gemm_total"}) {
        expected.insert({name, name + "_2_threads"});
    }
    for (const auto& [name, row] : rows) {
        const bool of_a_shape = name.rfind("gemm_d", 0) == 0;
        CHECK((of_a_shape || expected.erase(name) == 1));
    }
    CHECK(expected.empty());
    // Two threads do the same work, in the same order.
    CHECK(rows["adamw"].note == rows["adamw_2_threads"].note);
    REQUIRE_FALSE(progress.empty());
    CHECK(std::is_sorted(progress.begin(), progress.end()));
    CHECK(progress.back() == Approx(1));
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

TEST_CASE("the honest rounds of the benchmark pass every audit", "[benchmarks]") {
    BenchOptions options;
    options.tiny = true;
    options.repetitions = 2;
    for (const Bench& bench : all_benches()) {
        if (bench.name != "round") {
            continue;
        }
        const Result<std::vector<BenchRow>> rows = bench.run(options);
        REQUIRE(rows.ok());
        CHECK(rows->front().note.find("4 of 4 audited steps passed") != std::string::npos);
    }
}

TEST_CASE("a median is the middle value, and both sides of a comparison run as often",
          "[benchmarks]") {
    CHECK(median({5, 1, 3}) == 3);
    int first = 0;
    int second = 0;
    const Alternating time = time_alternating(
        3, [&] { ++first; }, [&] { ++second; });
    CHECK(first == 4);  // one to warm up
    CHECK(second == 4);
    CHECK(time.first_min <= time.first_median);
    CHECK(time.second_min <= time.second_median);
    CHECK(describe_times({0.001, 0.002, 0.25, 0.5}) ==
          "min 1 ms, median 2 ms; the other min 250 ms, median 500 ms");
    BenchOptions options;
    options.repetitions = 1;
    std::vector<double> parts;
    options.progress = [&parts](double part) { parts.push_back(part); };
    time_alternating(
        narrowed(narrowed(options, 0.5, 1), 0, 0.5), [] {}, [] {});
    CHECK(parts == std::vector<double>{0.625, 0.75});
}

TEST_CASE("the text of a benchmark is the same each time, and a missing file is named",
          "[benchmarks]") {
    BenchOptions options;
    options.tiny = true;
    const Result<BenchText> one = read_bench_text(options, 300, 16);
    const Result<BenchText> two = read_bench_text(options, 300, 16);
    REQUIRE(one.ok());
    REQUIRE(two.ok());
    CHECK(one->training == two->training);
    CHECK(one->held_out == two->held_out);
    CHECK(one->training_count() > 8 * one->held_out_count());
    const std::vector<uint64_t> samples = {0, one->training_count() - 1};
    const std::vector<int32_t> tokens = one->read(samples);
    REQUIRE(tokens.size() == 34);
    CHECK(tokens[0] == one->training[0]);
    CHECK(tokens[17] == one->training[samples[1] * 16]);
    for (const int32_t token : one->training) {
        REQUIRE((token >= 0 && token < 300));
    }
    const Result<BenchText> too_long = read_bench_text(options, 300, 4096);
    REQUIRE_FALSE(too_long.ok());
    CHECK(too_long.reason().find("too short") != std::string::npos);
    options.text = "no/such/file.txt";
    const Result<BenchText> missing = read_bench_text(options, 300, 16);
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.reason().find("no/such/file.txt") != std::string::npos);
}

}  // namespace
}  // namespace assay
