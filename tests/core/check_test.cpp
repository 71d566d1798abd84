// Assertions end the process and say where; what holds costs nothing and says nothing.

#include "core/check.h"

#include <catch2/catch.hpp>
#include <stdexcept>

#include "tests/support/check_fires.h"

namespace assay {

namespace {

TEST_CASE("an assertion that does not hold ends the process and names file, line and values",
          "[core]") {
    const int three = 3;
    const std::string printed = fired_check([&] { ASSAY_CHECK_EQ(three, 4); });
    CHECK_THAT(printed, Catch::Contains("check_test.cpp:"));
    CHECK_THAT(printed, Catch::Contains("(three) == (4) does not hold: 3 vs 4"));
    CHECK_THAT(printed, Catch::Contains("defect of the program"));
    CHECK_THAT(fired_check([&] { ASSAY_CHECK(three > 5); }), Catch::Contains("three > 5"));
    CHECK_THAT(fired_check([&] { ASSAY_CHECK_LT(three, 3); }), Catch::Contains("3 vs 3"));
    CHECK_THAT(fired_check([&] { ASSAY_CHECK_LE(three, 2); }), Catch::Contains("3 vs 2"));
}

TEST_CASE("what holds says nothing, and another end is not taken for an assertion", "[core]") {
    CHECK(fired_check([] { ASSAY_CHECK_EQ(1, 1); }).empty());
    CHECK(fired_check([] { ASSAY_CHECK_LE(1, 1); }).empty());
    CHECK(fired_check([] { throw std::runtime_error("internal error at"); }).empty());
    CHECK(fired_check([] { std::abort(); }).empty());
}

}  // namespace
}  // namespace assay
