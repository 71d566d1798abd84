// Public functions without a word: declarations that no comment explains.
//
// Asked are free functions and public members of product headers. Not asked, for somebody else says
// it: overrides (their base), constructors without arguments, destructors, operators, what is
// defaulted or deleted, definitions of a member outside its class, and what is one line that ends
// in the body { return ...; }, which a reader sees at once.
//
// Told is a declaration with a comment on one of its own lines, or with one directly above its
// group: the consecutive lines of declarations without an empty line, an access word or the
// beginning of a class between them and the comment. So one line serves a pair. A header whose one
// function its opening comment describes is told by that.

#pragma once

#include <map>
#include <string>
#include <vector>

namespace assay {

struct ToldFunctions {
    int asked = 0;
    std::vector<std::string> silent;  // "path:line: name"
};

/// `texts`: path from the root -> text of every source of the tree.
ToldFunctions told_functions(const std::map<std::string, std::string>& texts);

}  // namespace assay
