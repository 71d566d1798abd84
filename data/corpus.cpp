#include "data/corpus.h"

#include <glob.h>

#include <algorithm>
#include <unordered_set>
#include <utility>
#include <variant>

#include "core/check.h"
#include "core/digest.h"
#include "data/json_lines.h"
#include "tokenizer/text_kind.h"
#include "tokenizer/text_source.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr const char* kStandardInput = "-";

bool is_pattern(const std::string& input) {
    return input.find_first_of("*?[") != std::string::npos;
}

Result<std::vector<fs::path>> files_below(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code code;
    fs::recursive_directory_iterator walk(folder, code);
    for (; !code && walk != fs::end(walk); walk.increment(code)) {
        if (walk->path().filename().string().starts_with('.')) {
            walk.disable_recursion_pending();
        } else if (walk->is_regular_file(code)) {
            files.push_back(walk->path());
        }
    }
    if (code) {
        return fail("cannot list " + folder.string() + ": " + code.message());
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<fs::path> files_like(const std::string& pattern) {
    glob_t found{};
    std::vector<fs::path> files;
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; ++i) {
            if (fs::is_regular_file(found.gl_pathv[i])) {
                files.emplace_back(found.gl_pathv[i]);
            }
        }
    }
    globfree(&found);
    return files;
}

// Digests are spread evenly as they are.
struct DigestHash {
    size_t operator()(const Digest& digest) const {
        size_t hash = 0;
        std::copy_n(digest.bytes.begin(), sizeof(hash), reinterpret_cast<uint8_t*>(&hash));
        return hash;
    }
};

}  // namespace

Result<std::vector<fs::path>> files_of_inputs(const std::vector<std::string>& inputs) {
    std::vector<fs::path> files;
    for (const std::string& input : inputs) {
        std::error_code code;
        std::vector<fs::path> found;
        if (input == kStandardInput || fs::exists(input, code)) {
            found = {input};
        }
        if (fs::is_directory(input, code)) {
            Result<std::vector<fs::path>> below = files_below(input);
            if (!below) {
                return below;
            }
            found = std::move(*below);
        } else if (found.empty() && is_pattern(input)) {
            found = files_like(input);
        }
        if (found.empty()) {
            return fail(fs::is_directory(input, code) ? "no file lies in " + input
                        : is_pattern(input)
                            ? "no file is like " + input
                            : "cannot open " + input + ": No such file or directory");
        }
        files.insert(files.end(), found.begin(), found.end());
    }
    if (files.empty()) {
        return fail("no input is named");
    }
    return files;
}

struct Corpus::State {
    CorpusOptions options;
    std::vector<fs::path> files;
    std::vector<uint64_t> sizes;  // of the files, packed; 0 where that is not known
    uint64_t bytes_of_files = 0;
    uint64_t bytes_of_done = 0;
    size_t at = 0;  // the file that comes next
    std::variant<std::monostate, TextSource, JsonLines> open;
    AddedTokenMap whole;
    CorpusCounts counts;  // without the open file's
    std::unordered_set<Digest, DigestHash> seen;

    [[nodiscard]] CorpusCounts all_counts() const;
    [[nodiscard]] bool is_over() const;
    Status open_next();
    void close();
    Result<std::optional<CorpusPart>> next_of(TextSource& text);
    Result<std::optional<CorpusPart>> next_of(JsonLines& lines);
    Result<std::optional<CorpusPart>> next_of(std::monostate) {
        return std::optional<CorpusPart>();
    }
    [[nodiscard]] bool is_wanted(const std::string& document);
};

CorpusCounts Corpus::State::all_counts() const {
    CorpusCounts all = counts;
    if (const auto* text = std::get_if<TextSource>(&open)) {
        all.bytes += text->bytes_read();
        all.replaced += text->replaced();
    } else if (const auto* lines = std::get_if<JsonLines>(&open)) {
        all.bytes += lines->bytes_read();
        all.bad_lines += lines->dropped();
    }
    return all;
}

bool Corpus::State::is_over() const {
    return options.limit_bytes > 0 && all_counts().bytes >= options.limit_bytes;
}

Status Corpus::State::open_next() {
    ASSAY_CHECK(at < files.size());
    const fs::path& file = files[at];
    Result<UnpackedFile> opened = UnpackedFile::open(file);
    if (!opened) {
        return opened.error();
    }
    const Result<std::string_view> first = opened->peek();
    if (!first) {
        return first.error();
    }
    ++counts.files;
    if (is_json_lines(file, *first)) {
        open.emplace<JsonLines>(file.string(), std::move(*opened), options.field, options.drop_bad);
        return {};
    }
    if (options.unique || options.bytes_min > 0) {
        return fail(file.string() +
                    " is plain text, one document in all: only those of JSON Lines are left out "
                    "for their length or for being equal");
    }
    const uint64_t room = options.limit_bytes == 0 ? 0 : options.limit_bytes - counts.bytes;
    open.emplace<TextSource>(TextSource::from_file(file.string(), std::move(*opened), room));
    std::get<TextSource>(open).keep_whole(whole);
    return {};
}

void Corpus::State::close() {
    counts = all_counts();
    open = std::monostate();
    bytes_of_done += sizes[at];
    ++at;
}

Result<std::optional<CorpusPart>> Corpus::State::next_of(TextSource& text) {
    Result<std::string> block = text.next();
    if (!block) {
        return block.error();
    }
    const bool ends = block->empty();
    counts.documents += ends && text.bytes_read() > 0 ? 1 : 0;
    const bool nothing = ends && text.bytes_read() == 0;
    if (ends) {
        close();
    }
    return nothing ? std::optional<CorpusPart>() : CorpusPart{std::move(*block), ends};
}

Result<std::optional<CorpusPart>> Corpus::State::next_of(JsonLines& lines) {
    while (!is_over()) {
        Result<std::optional<std::string>> document = lines.next();
        if (!document) {
            return document.error();
        }
        if (!*document) {
            break;
        }
        if (is_wanted(**document)) {
            ++counts.documents;
            return std::optional(CorpusPart{std::move(**document), true});
        }
    }
    close();
    return std::optional<CorpusPart>();
}

bool Corpus::State::is_wanted(const std::string& document) {
    if (document.empty() || document.size() < options.bytes_min) {
        ++counts.short_ones;
        return false;
    }
    if (options.unique && !seen.insert(sha256_plain(as_bytes(document))).second) {
        ++counts.equal_ones;
        return false;
    }
    return true;
}

Corpus::Corpus(std::unique_ptr<State> state) : state_(std::move(state)) {}
Corpus::Corpus(Corpus&&) noexcept = default;
Corpus& Corpus::operator=(Corpus&&) noexcept = default;
Corpus::~Corpus() = default;

Result<Corpus> Corpus::open(const CorpusOptions& options) {
    Result<std::vector<fs::path>> files = files_of_inputs(options.inputs);
    if (!files) {
        return files.error();
    }
    auto state = std::make_unique<State>();
    state->options = options;
    for (const fs::path& file : *files) {
        std::error_code code;
        const uintmax_t size = fs::file_size(file, code);
        state->sizes.push_back(code ? 0 : size);
        state->bytes_of_files += state->sizes.back();
    }
    state->files = std::move(*files);
    return Corpus(std::move(state));
}

void Corpus::keep_whole(const AddedTokenMap& tokens) {
    ASSAY_CHECK(state_->at == 0 && std::holds_alternative<std::monostate>(state_->open));
    state_->whole = tokens;
}

Result<std::optional<CorpusPart>> Corpus::next_part() {
    State& state = *state_;
    for (;;) {
        if (std::holds_alternative<std::monostate>(state.open)) {
            if (state.at == state.files.size() || state.is_over()) {
                return std::optional<CorpusPart>();
            }
            if (Status opened = state.open_next(); !opened) {
                return opened.error();
            }
        }
        auto part = std::visit([&state](auto& open) { return state.next_of(open); }, state.open);
        if (!part || *part) {
            return part;
        }
    }
}

Result<std::string> Corpus::next() {
    for (;;) {
        Result<std::optional<CorpusPart>> part = next_part();
        if (!part) {
            return part.error();
        }
        if (!*part) {
            return std::string();
        }
        if (!(*part)->text.empty()) {
            return std::move((*part)->text);
        }
    }
}

CorpusCounts Corpus::counts() const {
    return state_->all_counts();
}

double Corpus::progress() const {
    const State& state = *state_;
    if (state.at == state.files.size()) {
        return 1.0;
    }
    const double all = static_cast<double>(std::max<uint64_t>(state.bytes_of_files, 1));
    const auto* text = std::get_if<TextSource>(&state.open);
    const auto* lines = std::get_if<JsonLines>(&state.open);
    const double part =
        static_cast<double>(state.sizes[state.at]) * (text != nullptr    ? text->progress()
                                                      : lines != nullptr ? lines->progress()
                                                                         : 0.0);
    const double of_files = (static_cast<double>(state.bytes_of_done) + part) / all;
    const double of_limit = state.options.limit_bytes == 0
                                ? 0.0
                                : static_cast<double>(state.all_counts().bytes) /
                                      static_cast<double>(state.options.limit_bytes);
    return std::min(1.0, std::max(of_files, of_limit));
}

}  // namespace assay
