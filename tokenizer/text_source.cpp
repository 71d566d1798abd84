#include "tokenizer/text_source.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "tokenizer/text_kind.h"
#include "tokenizer/utf8.h"

namespace assay {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct CloseGzip {
    void operator()(gzFile_s* file) const { gzclose(file); }
};

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
    std::unique_ptr<gzFile_s, CloseGzip> file;  // null: all text is in `rest`
    std::string rest;                           // read, not handed out
    AddedTokens whole;                          // not to be cut
    uint64_t file_bytes = 0;
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
    Status check_end();
};

Status TextSource::State::check_end() {
    int code = Z_OK;
    const char* words = gzerror(file.get(), &code);
    if (code != Z_OK && code != Z_STREAM_END) {
        return fail("cannot read " + name + ": " +
                    (code == Z_ERRNO ? std::strerror(errno) : words));
    }
    return {};
}

Status TextSource::State::fill() {
    while (!at_end && rest.size() < block_bytes) {
        const uint64_t allowed = limit == 0 ? block_bytes : limit - read;
        const size_t wanted =
            std::min<uint64_t>({block_bytes - rest.size(), allowed, uint64_t{1} << 20});
        const size_t before = rest.size();
        rest.resize(before + wanted);
        const int got =
            wanted == 0 ? 0
                        : gzread(file.get(), rest.data() + before, static_cast<unsigned>(wanted));
        rest.resize(before + static_cast<size_t>(std::max(got, 0)));
        if (got <= 0) {
            at_end = true;
            rest.resize(wanted == 0 ? utf8_whole_prefix(rest) : rest.size());
            return wanted == 0 ? Status() : check_end();
        }
        read += static_cast<uint64_t>(got);
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
    auto state = std::make_unique<State>();
    state->name = file.string();
    std::error_code code;
    state->file_bytes = std::filesystem::file_size(file, code);
    if (!code) {
        state->file.reset(gzopen(file.c_str(), "rb"));
    }
    if (code || !state->file) {
        return fail("cannot open " + file.string() + ": " +
                    (code ? code.message() : std::string(std::strerror(errno))));
    }
    gzbuffer(state->file.get(), 1 << 17);
    state->limit = limit_bytes;
    state->block_bytes = std::max<size_t>(block_bytes, 16);
    return TextSource(std::move(state));
}

TextSource TextSource::from_text(std::string text, size_t block_bytes) {
    auto state = std::make_unique<State>();
    state->file_bytes = text.size();
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
    if (state_->at_end || state_->file_bytes == 0) {
        return 1.0;
    }
    const double of_file =
        static_cast<double>(gzoffset(state_->file.get())) / static_cast<double>(state_->file_bytes);
    const double of_limit =
        state_->limit == 0 ? 0.0
                           : static_cast<double>(state_->read) / static_cast<double>(state_->limit);
    return std::min(1.0, std::max(of_file, of_limit));
}

}  // namespace assay
