#include "tokenizer/text_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/check.h"
#include "tokenizer/text_kind.h"
#include "tokenizer/utf8.h"

namespace assay {

namespace {

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Where to cut the text so that a pre-token ends there: before the last space or newline that
// stands behind a letter or digit of ASCII. Without one: behind the last whole character.
size_t cut_of(std::string_view text) {
    for (size_t at = text.size(); at > 1; --at) {
        if ((text[at - 1] == '\n' || text[at - 1] == ' ') && is_word(text[at - 2])) {
            return at - 1;
        }
    }
    return utf8_whole_prefix(text);
}

}  // namespace

struct TextSource::State {
    std::string name;
    std::optional<UnpackedFile> file;  // none: all text is in `rest`
    std::string rest;                  // read, not handed out
    AddedTokens whole;                 // not to be cut
    uint64_t limit = 0;
    uint64_t read = 0;
    uint64_t replaced = 0;
    size_t block_bytes = 0;
    bool at_end = false;
    bool begun = false;

    Status fill();
    Status begin();
    [[nodiscard]] size_t next_cut() const;
    Result<std::string> take(size_t size);
};

Status TextSource::State::fill() {
    while (!at_end && rest.size() < block_bytes) {
        const uint64_t allowed = limit == 0 ? block_bytes : limit - read;
        const size_t wanted = std::min<uint64_t>(block_bytes - rest.size(), allowed);
        if (wanted == 0) {
            at_end = true;
            rest.resize(utf8_whole_prefix(rest));
            return {};
        }
        const size_t before = rest.size();
        rest.resize(before + wanted);
        const Result<size_t> got = file->read({rest.data() + before, wanted});
        rest.resize(before + (got ? *got : 0));
        if (!got) {
            return got.error();
        }
        at_end = *got < wanted;
        read += *got;
    }
    return {};
}

// Of a file, before its first block.
Status TextSource::State::begin() {
    if (std::exchange(begun, true) || !file) {
        return {};
    }
    if (rest.starts_with(kByteOrderMark)) {
        rest.erase(0, kByteOrderMark.size());
    }
    return check_text_file(name, rest);
}

// How much of `rest` is the next block.
size_t TextSource::State::next_cut() const {
    if (at_end && rest.size() <= block_bytes) {
        return rest.size();
    }
    const size_t known = at_end ? rest.size() : rest.size() - whole.reach();
    const size_t cut = cut_of(std::string_view(rest).substr(0, std::min(known, block_bytes)));
    return whole.whole_prefix(rest, cut);
}

Result<std::string> TextSource::State::take(size_t size) {
    std::string block = rest.substr(0, size);
    rest.erase(0, size);
    const uint64_t before = replaced;
    if (!is_utf8(block)) {
        block = repair_utf8(block, replaced);
    }
    if (Status text = file ? check_text_block(block, replaced - before) : Status(); !text.ok()) {
        return fail(name + " is no plain text: " + text.reason());
    }
    return block;
}

TextSource::TextSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
TextSource::TextSource(TextSource&&) noexcept = default;
TextSource& TextSource::operator=(TextSource&&) noexcept = default;
TextSource::~TextSource() = default;

Result<TextSource> TextSource::open(const std::filesystem::path& file,
                                    uint64_t limit_bytes,
                                    size_t block_bytes) {
    Result<UnpackedFile> opened = UnpackedFile::open(file);
    if (!opened) {
        return opened.error();
    }
    return from_file(file.string(), std::move(*opened), limit_bytes, block_bytes);
}

TextSource TextSource::from_file(std::string name,
                                 UnpackedFile file,
                                 uint64_t limit_bytes,
                                 size_t block_bytes) {
    auto state = std::make_unique<State>();
    state->name = std::move(name);
    state->file = std::move(file);
    state->limit = limit_bytes;
    state->block_bytes = std::max<size_t>(block_bytes, 16);
    return TextSource(std::move(state));
}

TextSource TextSource::from_text(std::string text, size_t block_bytes) {
    auto state = std::make_unique<State>();
    state->read = text.size();
    state->rest = std::move(text);
    state->block_bytes = std::max<size_t>(block_bytes, 16);
    state->at_end = true;
    return TextSource(std::move(state));
}

void TextSource::keep_whole(const AddedTokenMap& tokens) {
    ASSAY_CHECK(!state_->begun);
    state_->whole = AddedTokens(tokens);
    state_->block_bytes = std::max(state_->block_bytes, 4 * state_->whole.reach());
}

Result<std::string> TextSource::next() {
    State& state = *state_;
    if (Status filled = state.fill(); !filled.ok()) {
        return filled.error();
    }
    if (Status begun = state.begin(); !begun.ok()) {
        return begun.error();
    }
    const size_t cut = state.next_cut();
    ASSAY_CHECK(cut > 0 || state.rest.empty());  // an empty block says that the text is over
    return state.take(cut);
}

uint64_t TextSource::bytes_read() const {
    return state_->read;
}
uint64_t TextSource::replaced() const {
    return state_->replaced;
}

double TextSource::progress() const {
    if (state_->at_end || !state_->file) {
        return 1.0;
    }
    const double of_limit =
        state_->limit == 0 ? 0.0
                           : static_cast<double>(state_->read) / static_cast<double>(state_->limit);
    return std::min(1.0, std::max(state_->file->progress(), of_limit));
}

}  // namespace assay
