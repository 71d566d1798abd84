// Line by line: includes, preprocessor, widths, words.

#include "tests/layers/house_rules.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string_view>

namespace assay {

namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kDocumentColumns = 120;  // tables need more than code does
constexpr std::size_t kHeaderLines = 200;

const std::set<std::string> kCoreNouns = {
    "check",     "result",      "bytes",       "ids",          "clock",      "digest",
    "merkle",    "multi_proof", "tile_strips", "rng",          "fields",     "log",
    "identity",  "files",       "job_thread",  "owner_thread", "json_depth", "version",
    "printable", "text_edges",  "line_budget", "descriptors"};
const std::set<std::string> kLayerCalls = {"module", "test_folder", "test_support", "fuzz_targets"};
const std::set<std::string> kStrangers = {"coordinator", "peer", "serving"};
// What tests of several folders share: any test may include it.
const std::string kSupport = "tests/support";
// One table of all messages; one algorithm as a template over its path.
const std::set<std::string> kLongHeaders = {"protocol/messages.h", "kernels/attention_body.h"};
// Folders and beginnings of names.
const std::vector<std::string> kPureFiles = {
    "rounds/", "peer/peer_machine", "verify/judge", "ledger/books"};
const std::vector<std::string> kImpureWords = {
    "now(", "random_device", "zmq", "std::thread", "std::jthread", "sleep"};
const std::vector<std::string> kBareAssertions = {" assert(", " abort(", " CHECK("};
const std::vector<std::string> kSleepWords = {"sleep_for", "sleep_until", "usleep(", " sleep("};
const std::vector<std::string> kUnfinishedWords = {std::string("TO") + "DO",
                                                   std::string("FIX") + "ME"};

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) {
    return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

std::size_t columns_of(const std::string& line) {
    return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

/// The line without what stands in quotes, nor what follows "//".
std::string code_of(const std::string& line) {
    std::string code;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (c == '\\') {
                ++i;
            } else if (c == quote) {
                quote = 0;
            }
        } else if (c == '"' ||
                   (c == '\'' &&
                    (i == 0 || std::isalnum(static_cast<unsigned char>(line[i - 1])) == 0))) {
            quote = c;
        } else if (c == '/' && i + 1 < line.size() && line[i + 1] == '/') {
            break;
        } else {
            code += c;
        }
    }
    return code;
}

/// The path inside #include "...", empty if the line is none.
std::string quoted_include(const std::string& line) {
    static const std::string kStart = "#include \"";
    if (!starts_with(line, kStart)) {
        return "";
    }
    return line.substr(kStart.size(), line.find('"', kStart.size()) - kStart.size());
}

bool names_any(const std::string& text, const std::vector<std::string>& words, std::string* found) {
    for (const std::string& word : words) {
        if (text.find(word) != std::string::npos) {
            *found = word;
            return true;
        }
    }
    return false;
}

std::string include_fault(const Layers& layers,
                          const std::string& path,
                          const std::string& target) {
    const std::string from = layers.folder_of(path);
    if (starts_with(target, "assay/v1/")) {
        return from == "protocol" ? "" : "generated protobuf headers stay inside protocol/";
    }
    const std::string to = layers.folder_of(target);
    if (to.empty()) {
        return "\"" + target + "\" is no path from the root into a folder with a module line";
    }
    if (to == kSupport && starts_with(path, "tests/")) {
        return "";
    }
    if (from != to && kStrangers.count(from) != 0 && kStrangers.count(to) != 0) {
        return from + "/ and " + to + "/ meet on the wire, never by include";
    }
    if (layers.allowed(from).count(to) == 0) {
        return from + "/ may not include " + to + "/: it is not among its DEPS";
    }
    return "";
}

bool is_pure(const std::string& path) {
    return std::any_of(kPureFiles.begin(), kPureFiles.end(), [&path](const std::string& prefix) {
        return starts_with(path, prefix);
    });
}

/// What is wrong with the file as a whole, told at its first or last line.
void check_file(const std::string& path,
                const std::vector<std::string>& lines,
                std::vector<Fault>* faults) {
    const std::string own_header = path.substr(0, path.rfind('.')) + ".h";
    const bool own_first = !lines.empty() && quoted_include(lines[0]) == own_header;
    if (!own_first && (lines.empty() || !starts_with(lines[0], "//"))) {
        faults->push_back({path,
                           1,
                           "the first line is neither a comment that says what the file "
                           "is nor the include of its own header"});
    }
    const bool measured = ends_with(path, ".h") && !starts_with(path, "tests/");
    if (measured && lines.size() > kHeaderLines && kLongHeaders.count(path) == 0) {
        faults->push_back({path, static_cast<int>(lines.size()), "a header of over 200 lines"});
    }
    if (starts_with(path, "core/")) {
        const std::string name = path.substr(5, path.find('.') - 5);
        if (kCoreNouns.count(name) == 0) {
            faults->push_back({path, 1, "core/ has a fixed list of files, this is not among them"});
        }
    }
}

/// The reasons for which one line is refused.
std::vector<std::string> line_faults(const Layers& layers,
                                     const std::string& path,
                                     const std::string& line) {
    std::vector<std::string> reasons;
    const std::string target = quoted_include(line);
    if (!target.empty()) {
        reasons.push_back(include_fault(layers, path, target));
    }
    const std::string code = code_of(line);
    const std::size_t first = std::min(code.find_first_not_of(" \t"), code.size());
    const std::string_view directive = std::string_view(code).substr(first);
    if (starts_with(directive, "#if") || starts_with(directive, "#el")) {
        reasons.push_back("conditional code: put the other case into another source file");
    }
    if (columns_of(line) > kColumns) {
        reasons.push_back("over 100 columns");
    }
    std::string word;
    if (names_any(line, kUnfinishedWords, &word)) {
        reasons.push_back(word + ": finish it or drop it");
    }
    if (is_pure(path) && names_any(code + quoted_include(line), kImpureWords, &word)) {
        reasons.push_back("'" + word + "' in a pure file: time and chance come in as arguments");
    }
    if (!starts_with(path, "tests/") && names_any(" " + code, kBareAssertions, &word)) {
        reasons.push_back("'" + word.substr(1) + "': assertions are ASSAY_CHECK* of core/check.h");
    }
    const std::size_t mark = line.find("// ---");
    if (mark != std::string::npos && line.find_first_not_of("- ", mark + 2) == std::string::npos) {
        reasons.push_back("a ruler without words: shorten the one that the formatter broke");
    }
    if (starts_with(path, "tests/") && names_any(" " + code, kSleepWords, &word)) {
        reasons.push_back("'" + word + "' in a test: wait for the event itself");
    }
    reasons.erase(std::remove(reasons.begin(), reasons.end(), ""), reasons.end());
    return reasons;
}

}  // namespace

std::string Fault::text() const {
    return file + ":" + std::to_string(line) + ": " + reason;
}

void Layers::add_line(const std::string& kind, const std::vector<std::string>& words) {
    const bool named = kind == "module" || kind == "test_folder";
    const std::string whole = kind == "fuzz_targets" ? "fuzz" : kSupport;
    std::string folder = !named ? whole : kind == "module" ? words.at(0) : "tests/" + words.at(0);
    std::set<std::string> deps;
    std::string keyword = named ? "" : "DEPS";
    for (std::size_t i = named ? 1 : 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (std::all_of(
                word.begin(), word.end(), [](unsigned char c) { return std::isupper(c) != 0; })) {
            keyword = word;
        } else if (keyword == "DEPS") {
            const auto known = folder_by_name_.find(word);
            deps.insert(known == folder_by_name_.end() ? word : known->second);
        } else if (keyword == "FOLDER") {
            folder = word;
        }
    }
    if (kind == "module") {
        folder_by_name_[words.at(0)] = folder;
    }
    deps_[folder] = deps;
}

Layers Layers::parse(const std::string& cmake_lists) {
    Layers layers;
    std::string text;
    for (const std::string& line : lines_of(cmake_lists)) {
        text += "\n" + line.substr(0, line.find('#'));
    }
    // A call starts its line and may go on over the next ones.
    for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) {
        const std::size_t open = text.find('(', at);
        if (open == std::string::npos) {
            break;
        }
        const std::string kind = text.substr(at + 1, open - at - 1);
        if (kLayerCalls.count(kind) != 0) {
            layers.add_line(kind, words_of(text.substr(open + 1, text.find(')', open) - open - 1)));
        }
    }
    return layers;
}

std::string Layers::folder_of(const std::string& path) const {
    std::string folder = path;
    while (folder.find('/') != std::string::npos) {
        folder = folder.substr(0, folder.rfind('/'));
        if (knows(folder) || folder == kSupport) {
            return folder;
        }
        // tests/NAME without a line of its own belongs to the module NAME.
        if (starts_with(folder, "tests/") && knows(folder.substr(6))) {
            return folder.substr(6);
        }
    }
    return "";
}

std::set<std::string> Layers::allowed(const std::string& folder) const {
    std::set<std::string> reached = {folder};
    std::vector<std::string> open = {folder};
    while (!open.empty()) {
        const auto found = deps_.find(open.back());
        open.pop_back();
        if (found == deps_.end()) {
            continue;
        }
        for (const std::string& dep : found->second) {
            if (reached.insert(dep).second) {
                open.push_back(dep);
            }
        }
    }
    return reached;
}

std::vector<Fault> faults_of(const Layers& layers,
                             const std::string& path,
                             const std::string& text) {
    std::vector<Fault> faults;
    const std::vector<std::string> lines = lines_of(text);
    check_file(path, lines, &faults);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        for (const std::string& reason : line_faults(layers, path, lines[i])) {
            faults.push_back({path, static_cast<int>(i + 1), reason});
        }
    }
    return faults;
}

std::vector<Fault> document_faults(const std::string& path, const std::string& text) {
    std::vector<Fault> faults;
    const std::vector<std::string> lines = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (columns_of(lines[i]) > kDocumentColumns) {
            faults.push_back({path, static_cast<int>(i + 1), "over 120 columns"});
        }
    }
    return faults;
}

}  // namespace assay
