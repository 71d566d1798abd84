// A file of C++ as far as the rules of the house read it: words, and the functions that it declares
// or defines at namespace and class scope. No types, no overloads, no macros: it knows brackets,
// the keywords that open a scope, and that a name before the first round bracket is a function's.

#pragma once

#include <set>
#include <string>
#include <vector>

namespace assay {

/// One word of code: an identifier, a number, "::", "->" or one other character. What stands in
/// quotes is one word, `"`; comments are none.
struct CodeWord {
    std::string text;
    int line = 0;  // counts from 1
    bool directive = false;
    int function = -1;  // whose body it stands in: index into CppFile::functions; -1: nobody's
};

/// A function where it is declared or defined.
struct CodeFunction {
    std::string name;
    std::string owner;  // the innermost class around it or in front of it; "" for a free function
    int first_line = 0;
    int last_line = 0;  // of the declaration; a body may go on
    int word = 0;       // index of its name in CppFile::words
    bool is_public = true;
    bool is_override = false;
    bool is_special = false;  // constructor, destructor, operator, defaulted or deleted
    bool has_body = false;
};

struct CppFile {
    std::vector<CodeWord> words;
    std::vector<CodeFunction> functions;
    std::vector<std::string> classes;  // names, in order
    std::set<int> comment_lines;       // lines that hold a comment or a part of one
    std::set<int> code_lines;
};

CppFile read_cpp(const std::string& text);

}  // namespace assay
