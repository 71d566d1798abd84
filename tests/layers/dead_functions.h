// Functions of product headers that no product code calls: only tests do, or nobody.
//
// By name, without types: a use of a free function is its name that does not follow "." or "->", a
// use of a member is its name behind ".", "->" or "::", or bare in the body of a member; both only
// in a file that sees the header (a member also where a third file sees both, as a template meets
// its parameter), outside the function's own body. So a namesake in use hides a dead function, and
// an overload the other one. Constructors, operators, overrides (called through their base) and
// begin and end (called by the language) are not asked.

#pragma once

#include <map>
#include <string>
#include <vector>

namespace assay {

struct DeadFunction {
    std::string name;  // "name" or "Class::name"
    std::string file;  // the header
    int line = 0;
    bool in_tests = false;  // some test says its name

    [[nodiscard]] std::string text() const;
};

/// `texts`: path from the root -> text of every source of the tree.
std::vector<DeadFunction> dead_functions(const std::map<std::string, std::string>& texts);

/// What is wrong with the exceptions: "NAME  reason" a line, "#" starts a comment. Found but not
/// excepted, excepted but not found (in use by now, or no function at all), without a reason,
/// twice.
std::vector<std::string> exception_faults(const std::vector<DeadFunction>& found,
                                          const std::string& exceptions);

}  // namespace assay
