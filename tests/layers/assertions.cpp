// Line by line: what stands in front of a comment, between texts.

#include "tests/layers/assertions.h"

#include <cctype>
#include <set>
#include <sstream>
#include <string_view>

namespace assay {

namespace {

const std::set<std::string> kBesideTheProduct = {"tests", "fuzz", "studies", "benchmarks"};
constexpr std::string_view kWords[] = {"ASSAY_CHECK", "static_assert"};

bool is_word_part(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// The line without texts in quotes and without what follows "//"; empty for the preprocessor's.
std::string code_part(const std::string& line) {
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') {
        return "";
    }
    std::string code;
    bool quoted = false;
    for (size_t i = first; i < line.size(); ++i) {
        if (quoted && line[i] == '\\') {
            ++i;
        } else if (line[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && line.compare(i, 2, "//") == 0) {
            break;
        } else if (!quoted) {
            code += line[i];
        }
    }
    return code;
}

/// Whether the word, or one that it begins (ASSAY_CHECK_EQ), is called at this place.
bool is_called_at(const std::string& code, size_t at, std::string_view word) {
    if (code.compare(at, word.size(), word) != 0 || (at > 0 && is_word_part(code[at - 1]))) {
        return false;
    }
    size_t end = at + word.size();
    while (end < code.size() && is_word_part(code[end])) {
        ++end;
    }
    return end < code.size() && code[end] == '(';
}

}  // namespace

void AssertionCount::add(const AssertionCount& other) {
    lines += other.lines;
    assertions += other.assertions;
}

double AssertionCount::in_100_lines() const {
    return lines == 0 ? 0 : 100.0 * static_cast<double>(assertions) / static_cast<double>(lines);
}

AssertionCount count_assertions(const std::string& text) {
    AssertionCount count;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line); ++count.lines) {
        const std::string code = code_part(line);
        for (size_t at = 0; at < code.size(); ++at) {
            for (const std::string_view word : kWords) {
                count.assertions += is_called_at(code, at, word) ? 1U : 0U;
            }
        }
    }
    return count;
}

std::string product_folder(const std::string& path) {
    const size_t slash = path.find('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    const bool source = path.ends_with(".h") || path.ends_with(".cpp");
    return source && kBesideTheProduct.count(folder) == 0 ? folder : "";
}

}  // namespace assay
