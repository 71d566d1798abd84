// Public functions without a word: counted in made-up headers and in the tree.

#include "tests/layers/told_functions.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/layers/tree.h"

namespace assay {

TEST_CASE("a comment tells the declarations of its group, and no others", "[layers]") {
    const std::string header =
        "// What it is.\n\n#pragma once\n\nnamespace a {\n\n"
        "int silent(int x);\n\n"
        "// Says why.\n"
        "int told(int x);\n"
        "int in_the_group(int x);\n\n"
        "int behind_a_gap(int x);\n"
        "int on_its_line(int x,\n"
        "                int y);  // says why\n\n"
        "// The class.\n"
        "class A {\npublic:\n"
        "    A();\n    A(const A&) = delete;\n    ~A();\n"
        "    explicit A(int x);\n"
        "    void run() override;\n"
        "    bool operator==(const A&) const;\n\n"
        "    // Says why.\n"
        "    int size() const { return size_ + 1; }\n\n"
        "    int shown() const { return size_; }\n"
        "    void count() { ++size_; }\n"
        "private:\n"
        "    int own();\n"
        "};\n\n}\n";
    const ToldFunctions found = told_functions({{"a/a.h", header}, {"a/a.cpp", "int f();\n"}});
    CHECK(found.asked == 7);
    CHECK(found.silent ==
          std::vector<std::string>{
              "a/a.h:7: silent", "a/a.h:13: behind_a_gap", "a/a.h:23: A", "a/a.h:31: count"});
    CHECK(told_functions({{"tests/a/a.h", header}}).asked == 0);
}

TEST_CASE("a header of one function is told by its first comment", "[layers]") {
    const std::string one = "// What f does.\n\nint f(int x);\n";
    CHECK(told_functions({{"a/a.h", one}}).silent.empty());
    CHECK(told_functions({{"a/a.h", one + "\nint g(int x);\n"}}).silent.size() == 2);
}

TEST_CASE("fewer than one public function in twenty is without a word", "[layers]") {
    const std::filesystem::path root = ASSAY_SOURCE_DIR;
    const ToldFunctions found = told_functions(texts_under(root, is_source));
    REQUIRE(found.asked > 500);
    std::string silent;
    for (const std::string& one : found.silent) {
        silent += one + "\n";
    }
    INFO(found.silent.size() << " of " << found.asked << ":\n" << silent);
    CHECK(found.silent.size() * 20 < static_cast<std::size_t>(found.asked));
}

}  // namespace assay
