#include "tests/support/skip.h"

#include <catch2/catch.hpp>
#include <iostream>
#include <set>

namespace assay {

namespace {

std::set<std::string>& skipped_names() {
    static std::set<std::string> names;
    return names;
}

}  // namespace

void skip_case(const std::string& reason) {
    const std::string name = Catch::getResultCapture().getCurrentTestName();
    skipped_names().insert(name);
    std::cout << "skipped: \"" << name << "\": " << reason << std::endl;
}

int skipped_cases() {
    return static_cast<int>(skipped_names().size());
}

int test_exit_code(int failed, int skipped) {
    if (failed != 0) {
        return 1;  // not their number: that may be any, kSkippedExit too
    }
    return skipped > 0 ? kSkippedExit : 0;
}

}  // namespace assay
