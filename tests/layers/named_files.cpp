#include "tests/layers/named_files.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace assay {

namespace {

bool ends_with(const std::string& text, const std::string& suffix) {
    return text.size() > suffix.size() &&
           text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

/// What follows "//" on a line of code; "://" begins no comment.
std::string comment_of(const std::string& line) {
    std::size_t at = line.find("//");
    while (at != std::string::npos && at > 0 && line[at - 1] == ':') {
        at = line.find("//", at + 2);
    }
    return at == std::string::npos ? "" : line.substr(at + 2);
}

bool is_path_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string("_./-*:").find(c) != std::string::npos;
}

std::vector<std::string> names_in(const std::string& text) {
    std::vector<std::string> names;
    std::string word;
    for (const char c : text + " ") {
        if (is_path_char(c)) {
            word += c;
            continue;
        }
        while (!word.empty() && (word.back() == '.' || word.back() == ':')) {
            word.pop_back();
        }
        const bool names_file = ends_with(word, ".h") || ends_with(word, ".cpp") ||
                                ends_with(word, ".cu") || ends_with(word, ".md");
        if (names_file && word.find('*') == std::string::npos &&
            word.find("NAME") == std::string::npos && word.find("://") == std::string::npos &&
            word[0] != '.') {
            names.push_back(word);
        }
        word.clear();
    }
    return names;
}

bool is_known(const std::string& name,
              const std::string& path,
              const std::set<std::string>& files) {
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    if (files.count(name) != 0 || files.count(folder + name) != 0) {
        return true;
    }
    return name.find('/') == std::string::npos &&
           std::any_of(files.begin(), files.end(), [&name](const std::string& file) {
               return ends_with(file, "/" + name);
           });
}

}  // namespace

std::vector<Fault> unknown_files(const std::string& path,
                                 const std::string& text,
                                 const std::set<std::string>& files) {
    std::vector<Fault> faults;
    const bool is_document = ends_with(path, ".md");
    if (path.rfind("docs/log/", 0) == 0 || path.rfind("tests/layers/", 0) == 0) {
        return faults;
    }
    std::istringstream stream(text);
    int number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        for (const std::string& name : names_in(is_document ? line : comment_of(line))) {
            if (!is_known(name, path, files)) {
                faults.push_back({path, number, "there is no file " + name});
            }
        }
    }
    return faults;
}

}  // namespace assay
