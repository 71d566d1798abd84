// Assertions about our own code. They stay in release builds.
//
// A check states what a programmer promised. What a stranger sends is never checked here: it is
// judged by a Result with a reason in words (core/result.h).

#pragma once

#include <sstream>
#include <string>

namespace assay {

// Prints file, line, condition and details to stderr, then ends the process.
[[noreturn]] void check_failed(const char* file,
                               int line,
                               const char* condition,
                               const std::string& details);

// Both values in words, for the checks that compare two.
template <typename A, typename B>
std::string describe_pair(const A& a, const B& b) {
    std::ostringstream out;
    out << a << " vs " << b;
    return out.str();
}

}  // namespace assay

#define ASSAY_CHECK_MSG(condition, details) \
    ((condition) ? static_cast<void>(0)     \
                 : ::assay::check_failed(__FILE__, __LINE__, #condition, (details)))
#define ASSAY_CHECK(condition) ASSAY_CHECK_MSG(condition, std::string())
#define ASSAY_CHECK_EQ(a, b) ASSAY_CHECK_MSG((a) == (b), ::assay::describe_pair((a), (b)))
#define ASSAY_CHECK_LT(a, b) ASSAY_CHECK_MSG((a) < (b), ::assay::describe_pair((a), (b)))
#define ASSAY_CHECK_LE(a, b) ASSAY_CHECK_MSG((a) <= (b), ::assay::describe_pair((a), (b)))
