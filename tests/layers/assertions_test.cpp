// The measure of assertions, held against made-up lines and against the tree.

#include "tests/layers/assertions.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace assay {

namespace {

namespace fs = std::filesystem;

// In a hundred lines, at least: over the product, and where money is decided.
constexpr double kOverAll = 1.3;
const std::map<std::string, double> kLeast = {{"serving", 1.0},
                                              {"rounds", 1.0},
                                              {"coordinator", 1.0},
                                              {"peer", 1.0},
                                              {"ledger", 1.0},
                                              {"net", 1.0}};

/// Of all folders with a header of the product, which lie side by side.
std::map<std::string, AssertionCount> counts_of_tree(const fs::path& root) {
    std::map<std::string, AssertionCount> counts;
    for (const fs::directory_entry& folder : fs::directory_iterator(root)) {
        const std::string name = folder.path().filename().string();
        if (!folder.is_directory() || name[0] == '.' || name.rfind("build", 0) == 0) {
            continue;
        }
        for (const fs::directory_entry& file : fs::directory_iterator(folder)) {
            const std::string path = name + "/" + file.path().filename().string();
            if (file.is_regular_file() && product_folder(path) == name) {
                std::ifstream stream(file.path(), std::ios::binary);
                std::ostringstream text;
                text << stream.rdbuf();
                counts[name].add(count_assertions(text.str()));
            }
        }
    }
    return counts;
}

}  // namespace

TEST_CASE("assertions are counted where they are used", "[layers]") {
    const AssertionCount count = count_assertions(
        "    ASSAY_CHECK(a); ASSAY_CHECK_EQ(a, b);\n"
        "static_assert(sizeof(a) == 4);\n"
        "// ASSAY_CHECK(a) would be wrong here\n"
        "say(\"ASSAY_CHECK(a)\");  // static_assert(true)\n"
        "#define ASSAY_CHECK(condition) ...\n"
        "NOT_ASSAY_CHECK(a); ASSAY_CHECKED\n"
        "\n");
    CHECK(count.assertions == 3);
    CHECK(count.lines == 7);
    CHECK(AssertionCount{200, 3}.in_100_lines() == Approx(1.5));
    CHECK(AssertionCount{}.in_100_lines() == 0);
}

TEST_CASE("the product is what programs are made of", "[layers]") {
    CHECK(product_folder("rounds/roster.cpp") == "rounds");
    CHECK(product_folder("rounds/roster.h") == "rounds");
    CHECK(product_folder("rounds/roster.md").empty());
    CHECK(product_folder("tests/rounds/roster_test.cpp").empty());
    CHECK(product_folder("benchmarks/bench_world.cpp").empty());
    CHECK(product_folder("main.cpp").empty());
}

TEST_CASE("invariants stand as assertions beside the code", "[layers]") {
    std::map<std::string, AssertionCount> counts = counts_of_tree(ASSAY_SOURCE_DIR);
    REQUIRE(counts.size() > 15);
    AssertionCount all;
    for (const auto& [folder, count] : counts) {
        UNSCOPED_INFO(folder << ": " << count.assertions << " in " << count.lines << " lines, "
                             << count.in_100_lines() << " in 100");
        all.add(count);
    }
    CHECK(all.in_100_lines() >= kOverAll);
    for (const auto& [folder, least] : kLeast) {
        CAPTURE(folder);
        CHECK(counts[folder].in_100_lines() >= least);
    }
}

}  // namespace assay
