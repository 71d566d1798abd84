// The rules of the house as a pure function: text of CMakeLists.txt and of one file in, faults out.
// It reads lines, it does not parse C++; what needs a parser is left to clang-tidy.

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace assay {

/// One broken rule. `line` counts from 1.
struct Fault {
    std::string file;
    int line = 0;
    std::string reason;

    [[nodiscard]] std::string text() const;
};

/// Who may include whom, as the module, test_folder and fuzz_targets lines of CMakeLists.txt say
/// it.
class Layers {
public:
    /// Reads the whole text of CMakeLists.txt.
    static Layers parse(const std::string& cmake_lists);

    /// The folder of the tree that `path` (from the root) belongs to; empty if to none that is
    /// known.
    [[nodiscard]] std::string folder_of(const std::string& path) const;

    /// The folders whose headers files of `folder` may include: itself and its DEPS, transitively.
    [[nodiscard]] std::set<std::string> allowed(const std::string& folder) const;

    [[nodiscard]] bool knows(const std::string& folder) const { return deps_.count(folder) != 0; }

private:
    void add_line(const std::string& kind, const std::vector<std::string>& words);

    std::map<std::string, std::set<std::string>> deps_;  // folder -> folders named in DEPS
    std::map<std::string, std::string> folder_by_name_;  // module name -> folder
};

/// All faults of one file; `path` is its path from the root, `text` its content.
std::vector<Fault> faults_of(const Layers& layers,
                             const std::string& path,
                             const std::string& text);

/// All faults of one document (*.md).
std::vector<Fault> document_faults(const std::string& path, const std::string& text);

}  // namespace assay
