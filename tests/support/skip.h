// Test cases that not every machine can run: they say why and return, and ctest shows their entry
// as skipped.
//
// Such a case carries a tag [needs_WHAT], for which cmake/AssayModule.cmake makes a ctest entry of
// its own; in any other entry a skip is a failure, so that none hides among cases that passed.

#pragma once

#include <string>

namespace assay {

constexpr int kSkippedExit = 77;  // the entries' SKIP_RETURN_CODE

// Called by the case that cannot run; it returns after this.
void skip_case(const std::string& reason);

// How many cases of this process were skipped.
int skipped_cases();

// What a test program ends with: a failure counts more than any number of skipped cases.
int test_exit_code(int failed, int skipped);

}  // namespace assay
