#include "tests/layers/tree.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace assay {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

bool is_source(const std::filesystem::path& path) {
    const std::string extension = path.extension().string();
    return extension == ".cpp" || extension == ".h" || extension == ".cu";
}

bool is_document(const std::filesystem::path& path) {
    return path.extension() == ".md";
}

std::vector<std::string> files_under(const std::filesystem::path& root,
                                     bool (*is_wanted)(const std::filesystem::path&)) {
    std::vector<std::string> found;
    auto walk = std::filesystem::recursive_directory_iterator(root);
    for (auto entry = begin(walk); entry != end(walk); ++entry) {
        const std::string name = entry->path().filename().string();
        if (entry->is_directory() && (name[0] == '.' || name.rfind("build", 0) == 0)) {
            entry.disable_recursion_pending();
        } else if (entry->is_regular_file() && is_wanted(entry->path())) {
            found.push_back(entry->path().lexically_relative(root).generic_string());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::map<std::string, std::string> texts_under(const std::filesystem::path& root,
                                               bool (*is_wanted)(const std::filesystem::path&)) {
    std::map<std::string, std::string> texts;
    for (const std::string& path : files_under(root, is_wanted)) {
        texts[path] = read_file(root / path);
    }
    return texts;
}

}  // namespace assay
