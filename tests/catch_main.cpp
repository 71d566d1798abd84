// The main function of every test binary, compiled once.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "tests/support/skip.h"

int main(int argc, char** argv) {
    const int failed = Catch::Session().run(argc, argv);
    return assay::test_exit_code(failed, assay::skipped_cases());
}
