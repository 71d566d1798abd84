#include "tests/layers/dead_functions.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "tests/layers/cpp_reader.h"

namespace assay {

namespace {

using Files = std::map<std::string, CppFile>;

bool starts_with(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

bool is_product(const std::string& path) {
    return !starts_with(path, "tests/") && !starts_with(path, "fuzz/");
}

bool is_header(const std::string& path) {
    return path.size() > 2 && path.compare(path.size() - 2, 2, ".h") == 0;
}

std::vector<std::string> includes_of(const std::string& text) {
    static const std::string kStart = "#include \"";
    std::vector<std::string> found;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (starts_with(line, kStart)) {
            found.push_back(line.substr(kStart.size(), line.rfind('"') - kStart.size()));
        }
    }
    return found;
}

/// Path -> the files that it includes, through others too, and itself.
std::map<std::string, std::set<std::string>> all_includes(
    const std::map<std::string, std::string>& texts) {
    std::map<std::string, std::vector<std::string>> direct;
    for (const auto& [path, text] : texts) {
        direct[path] = includes_of(text);
    }
    std::map<std::string, std::set<std::string>> all;
    for (const auto& [path, text] : texts) {
        std::set<std::string>& reached = all[path];
        std::vector<std::string> open = {path};
        while (!open.empty()) {
            const std::string next = open.back();
            open.pop_back();
            if (reached.insert(next).second && direct.count(next) != 0) {
                open.insert(open.end(), direct[next].begin(), direct[next].end());
            }
        }
    }
    return all;
}

/// One function of the product, whatever its declarations and overloads.
struct Wanted {
    std::string name;
    std::string owner;
    std::string file;
    int line = 0;
    bool used = false;
    bool in_tests = false;
};

/// The words of all files, and who says which name where.
class Uses {
public:
    explicit Uses(const std::map<std::string, std::string>& texts)
        : includes_(all_includes(texts)) {
        for (const auto& [path, text] : texts) {
            files_[path] = read_cpp(text);
        }
        for (const auto& [path, file] : files_) {
            for (const CodeFunction& function : file.functions) {
                declared_[path].insert(function.word);
            }
            classes_.insert(file.classes.begin(), file.classes.end());
            for (std::size_t i = 0; i < file.words.size(); ++i) {
                places_[file.words[i].text].push_back({path, static_cast<int>(i)});
            }
        }
    }

    [[nodiscard]] const Files& files() const { return files_; }

    void look_for(Wanted* wanted) const {
        for (const auto& [path, index] : places_.at(wanted->name)) {
            if (sees(*wanted, path, index) && is_use(*wanted, path, index)) {
                (is_product(path) ? wanted->used : wanted->in_tests) = true;
            }
        }
    }

private:
    /// May the word in `path` mean it? A parameter of a template is met only where both headers
    /// are included.
    [[nodiscard]] bool sees(const Wanted& wanted, const std::string& path, int index) const {
        if (includes_.at(path).count(wanted.file) != 0) {
            return true;
        }
        const CppFile& file = files_.at(path);
        const std::string before = word_at(file, index - 1);
        const bool on_parameter = before == "." || (before == "::" && !of_class(file, index));
        return !wanted.owner.empty() && on_parameter &&
               std::any_of(includes_.begin(), includes_.end(), [&](const auto& one) {
                   return one.second.count(path) != 0 && one.second.count(wanted.file) != 0;
               });
    }

    [[nodiscard]] bool is_use(const Wanted& wanted, const std::string& path, int index) const {
        const CppFile& file = files_.at(path);
        const auto found = declared_.find(path);
        if (found != declared_.end() && found->second.count(index) != 0) {
            return false;
        }
        const int function = file.words[static_cast<std::size_t>(index)].function;
        const CodeFunction* around =
            function < 0 ? nullptr : &file.functions[static_cast<std::size_t>(function)];
        if (around != nullptr && around->name == wanted.name && around->owner == wanted.owner) {
            return false;
        }
        const std::string before = word_at(file, index - 1);
        if (wanted.owner.empty()) {
            return before != "." && before != "->" && !of_class(file, index);
        }
        if (before == "::") {
            return !of_class(file, index) || word_at(file, index - 2) == wanted.owner;
        }
        return before == "." || before == "->" || around == nullptr || !around->owner.empty();
    }

    /// Is there "Class::" in front of it, of a class of the tree?
    [[nodiscard]] bool of_class(const CppFile& file, int index) const {
        return word_at(file, index - 1) == "::" && classes_.count(word_at(file, index - 2)) != 0;
    }

    static std::string word_at(const CppFile& file, int index) {
        return index < 0 ? "" : file.words[static_cast<std::size_t>(index)].text;
    }

    Files files_;
    std::map<std::string, std::set<std::string>> includes_;
    std::map<std::string, std::set<int>> declared_;
    std::map<std::string, std::vector<std::pair<std::string, int>>> places_;
    std::set<std::string> classes_;
};

std::vector<Wanted> wanted_of(const Files& files) {
    static const std::set<std::string> kCalledByTheLanguage = {"begin", "end", "main"};
    std::vector<Wanted> all;
    std::set<std::pair<std::string, std::string>> known;
    for (const auto& [path, file] : files) {
        if (!is_product(path) || !is_header(path)) {
            continue;
        }
        for (const CodeFunction& function : file.functions) {
            if (function.is_special || function.is_override ||
                kCalledByTheLanguage.count(function.name) != 0 ||
                !known.insert({path, function.owner + "::" + function.name}).second) {
                continue;
            }
            all.push_back({function.name, function.owner, path, function.first_line});
        }
    }
    return all;
}

}  // namespace

std::string DeadFunction::text() const {
    return file + ":" + std::to_string(line) + ": " + name +
           (in_tests ? " is called by tests alone" : " is called by nobody") +
           ": use it, delete it, or except it with a reason in tests/layers/dead_functions.txt";
}

std::vector<DeadFunction> dead_functions(const std::map<std::string, std::string>& texts) {
    const Uses uses(texts);
    std::vector<DeadFunction> dead;
    for (Wanted& wanted : wanted_of(uses.files())) {
        uses.look_for(&wanted);
        if (!wanted.used) {
            const std::string owner = wanted.owner.empty() ? "" : wanted.owner + "::";
            dead.push_back({owner + wanted.name, wanted.file, wanted.line, wanted.in_tests});
        }
    }
    return dead;
}

std::vector<std::string> exception_faults(const std::vector<DeadFunction>& found,
                                          const std::string& exceptions) {
    std::vector<std::string> faults;
    std::set<std::string> excepted;
    std::istringstream stream(exceptions);
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        std::string name;
        std::string reason;
        if (!(words >> name) || name[0] == '#') {
            continue;
        }
        if (!(words >> reason)) {
            faults.push_back(name + ": an exception without a reason");
        }
        if (!excepted.insert(name).second) {
            faults.push_back(name + ": excepted twice");
        }
        const bool needed =
            std::any_of(found.begin(), found.end(), [&name](const DeadFunction& one) {
                return one.name == name;
            });
        if (!needed) {
            faults.push_back(name + ": this exception is no longer needed, or names nothing");
        }
    }
    for (const DeadFunction& one : found) {
        if (excepted.count(one.name) == 0) {
            faults.push_back(one.text());
        }
    }
    return faults;
}

}  // namespace assay
