#include "tests/layers/told_functions.h"

#include <algorithm>
#include <sstream>

#include "tests/layers/cpp_reader.h"

namespace assay {

namespace {

bool is_product_header(const std::string& path) {
    return path.rfind("tests/", 0) != 0 && path.rfind("fuzz/", 0) != 0 && path.size() > 2 &&
           path.compare(path.size() - 2, 2, ".h") == 0;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines = {""};  // lines count from 1
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// Does a group of declarations begin behind this line?
bool ends_group(const std::string& line) {
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos) {
        return true;
    }
    const std::string code = line.substr(first);
    return code.rfind("public:", 0) == 0 || code.rfind("private:", 0) == 0 ||
           code.rfind("protected:", 0) == 0 || code.rfind("class ", 0) == 0 ||
           code.rfind("struct ", 0) == 0 || code.rfind("namespace ", 0) == 0;
}

bool is_told(const CppFile& file,
             const std::vector<std::string>& lines,
             const CodeFunction& function) {
    for (int line = function.first_line; line <= function.last_line; ++line) {
        if (file.comment_lines.count(line) != 0) {
            return true;
        }
    }
    for (int line = function.first_line - 1; line > 0; --line) {
        const std::string& text = lines[static_cast<std::size_t>(line)];
        if (ends_group(text)) {
            return false;
        }
        if (file.comment_lines.count(line) != 0) {
            return true;
        }
    }
    return false;
}

/// Is it the one function that the header declares beside no class?
bool is_alone(const CppFile& file) {
    return file.functions.size() == 1 && file.classes.empty();
}

/// Does its line end with a body that is one return?
bool shows_itself(const std::vector<std::string>& lines, const CodeFunction& function) {
    const std::string& line = lines[static_cast<std::size_t>(function.first_line)];
    return function.has_body && line.find("{ return ") != std::string::npos && line.back() == '}';
}

/// Does somebody else say what it does? A constructor without arguments makes an empty one.
bool is_asked(const CppFile& file,
              const std::vector<std::string>& lines,
              const CodeFunction& function) {
    const auto word = [&](int ahead) {
        return file.words
            .at(static_cast<std::size_t>(function.word) + static_cast<std::size_t>(ahead))
            .text;
    };
    if (!function.is_public || function.is_override || shows_itself(lines, function)) {
        return false;
    }
    const bool is_constructor = function.is_special && function.name == function.owner;
    const bool is_destructor = is_constructor && function.word > 0 && word(-1) == "~";
    if (is_constructor && !is_destructor) {
        const bool copies_or_moves = word(2) == "const" || word(3) == "&";
        return word(2) != ")" && !copies_or_moves;
    }
    const bool defined_outside = function.word > 0 && word(-1) == "::";
    return !function.is_special && !defined_outside;
}

}  // namespace

ToldFunctions told_functions(const std::map<std::string, std::string>& texts) {
    ToldFunctions all;
    for (const auto& [path, text] : texts) {
        if (!is_product_header(path)) {
            continue;
        }
        const CppFile file = read_cpp(text);
        const std::vector<std::string> lines = lines_of(text);
        for (const CodeFunction& function : file.functions) {
            if (!is_asked(file, lines, function)) {
                continue;
            }
            ++all.asked;
            if (!is_told(file, lines, function) && !is_alone(file)) {
                all.silent.push_back(path + ":" + std::to_string(function.first_line) + ": " +
                                     function.name);
            }
        }
    }
    return all;
}

}  // namespace assay
