// What a data set or a tokenizer is made of: the documents of many files, in one order.
//
// Inputs are files, folders (all that lies below, hidden files aside), patterns with * ? [ ] and
// "-", standard input; a folder's and a pattern's files come in the order of their names. Each is
// packed or not (unpack/); JSON Lines hold a document a line, plain text one in all. One owner
// thread; bounded memory, but for the hashes that `unique` keeps: 32 bytes and a little a document.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/block_source.h"

namespace assay {

struct CorpusOptions {
    std::vector<std::string> inputs;
    std::string field = "text";  // of JSON Lines
    uint64_t limit_bytes = 0;    // of unpacked files; 0: all
    // Of JSON Lines: what is left out. Plain text is refused with either of the first two.
    uint64_t bytes_min = 0;  // of a document
    bool unique = false;     // a document that came before, byte for byte
    bool drop_bad = false;   // lines that hold no document
};

struct CorpusPart {
    std::string text;
    bool ends_document = false;
};

struct CorpusCounts {
    uint64_t files = 0;
    uint64_t bytes = 0;  // of the unpacked files
    uint64_t documents = 0;
    uint64_t replaced = 0;  // ill-formed parts of UTF-8, now U+FFFD
    uint64_t short_ones = 0;
    uint64_t equal_ones = 0;
    uint64_t bad_lines = 0;
};

// The files that the inputs name. Fails where one names none.
Result<std::vector<std::filesystem::path>> files_of_inputs(const std::vector<std::string>& inputs);

class Corpus : public BlockSource {
public:
    static Result<Corpus> open(const CorpusOptions& options);
    Corpus(Corpus&&) noexcept;
    Corpus& operator=(Corpus&&) noexcept;
    ~Corpus() override;

    // No part of a plain text ends in one of these. Before the first part.
    void keep_whole(const AddedTokenMap& tokens);
    // A document comes in one part or more, the last of which may be empty; nothing at the end.
    Result<std::optional<CorpusPart>> next_part();
    // The same without saying where documents end.
    Result<std::string> next() override;

    [[nodiscard]] CorpusCounts counts() const;
    [[nodiscard]] double progress() const override;

private:
    struct State;
    explicit Corpus(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace assay
