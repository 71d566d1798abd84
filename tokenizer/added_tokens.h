// The tokens that a tokenizer.json adds to its vocabulary, and where they stand in a text.
//
// Found as Hugging Face's tokenizers finds them: the leftmost, of several there the longest; those
// that are "normalized" only in what the others leave. Immutable; any thread.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

constexpr std::string_view kEndOfText = "<|endoftext|>";

// An entry of "added_tokens" but for its id.
struct AddedToken {
    std::string content;
    bool special = true;       // says something about the text, and is left out of it on request
    bool normalized = false;   // looked for after the others
    bool single_word = false;  // not inside a word
    bool lstrip = false;       // takes the blanks before it
    bool rstrip = false;       // takes the blanks behind it
    bool operator==(const AddedToken&) const = default;
};
using AddedTokenMap = std::map<int32_t, AddedToken>;  // by id

class AddedTokens {
public:
    static constexpr size_t kContentBytesMax = 1024;

    struct Piece {
        std::string_view text;      // of a token, with the blanks that it takes
        std::optional<int32_t> id;  // none: plain text
    };

    AddedTokens() = default;
    // REQUIRES: contents of at most kContentBytesMax bytes, no two equal. Empty ones are nowhere.
    explicit AddedTokens(const AddedTokenMap& tokens);

    // The text in order, without empty pieces. Without `with_special` those are plain text.
    [[nodiscard]] std::vector<Piece> split(std::string_view text, bool with_special) const;

    // A place at which text can be cut without cutting a token: `wanted`, or the nearest before it,
    // or, where the token at `wanted` begins the text, behind that one.
    // REQUIRES: text goes on for reach() behind `wanted`, or ends with its file.
    [[nodiscard]] size_t whole_prefix(std::string_view text, size_t wanted) const;
    // So many bytes decide whether a token stands somewhere.
    [[nodiscard]] size_t reach() const { return 2 * longest_; }

private:
    struct Entry {
        AddedToken token;
        int32_t id = 0;
    };
    // Those that are looked for at once, in order of their bytes.
    class Group {
    public:
        void add(Entry entry);
        void sort();
        [[nodiscard]] bool empty() const { return entries_.empty(); }
        void split(std::string_view text, bool with_special, std::vector<Piece>& out) const;

    private:
        [[nodiscard]] const Entry* longest_at(std::string_view text) const;

        std::vector<Entry> entries_;
        std::array<std::pair<uint32_t, uint32_t>, 256> by_first_byte_{};
    };

    [[nodiscard]] size_t outside_tokens(std::string_view text, size_t cut) const;

    Group first_;
    Group second_;
    size_t longest_ = 0;
    bool single_words_ = false;
};

// The token that ends a text: by the names that are in use for it, best known first.
std::optional<int32_t> find_end_token(const AddedTokenMap& tokens);

}  // namespace assay
