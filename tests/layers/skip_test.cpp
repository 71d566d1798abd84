// What a test program ends with where cases were skipped.

#include "tests/support/skip.h"

#include <catch2/catch.hpp>

namespace assay {

TEST_CASE("a failure counts more than any number of skipped cases", "[layers]") {
    CHECK(test_exit_code(0, 0) == 0);
    CHECK(test_exit_code(0, 1) == kSkippedExit);
    for (const int failed : {1, kSkippedExit, 255, -1}) {
        CHECK(test_exit_code(failed, 0) == 1);
        CHECK(test_exit_code(failed, 3) == 1);
    }
}

}  // namespace assay
