// Text from a file, packed or not (unpack/), in blocks of bounded size, made UTF-8 on the way.
//
// A block ends where pre-tokenisers end a piece (before a space or newline behind a letter or
// digit) and in no added token, so that encoding block by block gives the tokens of the whole. What
// is no text is refused (tokenizer/text_kind.h), a byte order mark left out. One owner thread.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/result.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/block_source.h"
#include "unpack/unpacked_file.h"

namespace assay {

class TextSource : public BlockSource {
public:
    static constexpr size_t kBlockBytes = 1 << 20;

    // limit_bytes: reads no further than so many bytes of text; 0: to the end.
    static Result<TextSource> open(const std::filesystem::path& file,
                                   uint64_t limit_bytes = 0,
                                   size_t block_bytes = kBlockBytes);
    // The same of a file that is open; `name` is for reasons.
    static TextSource from_file(std::string name,
                                UnpackedFile file,
                                uint64_t limit_bytes = 0,
                                size_t block_bytes = kBlockBytes);
    // Text in memory, for tests.
    static TextSource from_text(std::string text, size_t block_bytes = kBlockBytes);
    TextSource(TextSource&&) noexcept;
    TextSource& operator=(TextSource&&) noexcept;
    ~TextSource() override;

    // Blocks end in none of these. Before the first one.
    void keep_whole(const AddedTokenMap& tokens);

    // Fails on an unreadable or damaged file, and on no text.
    Result<std::string> next() override;

    // Of the unpacked text.
    [[nodiscard]] uint64_t bytes_read() const;
    // Ill-formed parts replaced by U+FFFD so far.
    [[nodiscard]] uint64_t replaced() const;
    [[nodiscard]] double progress() const override;

private:
    struct State;
    explicit TextSource(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace assay
