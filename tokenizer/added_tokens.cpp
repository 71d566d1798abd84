#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/utf8.h"

namespace assay {

namespace {

// Names for the end of a text, without what is no letter of ASCII: <|end_of_text|>, [EOS], ...
constexpr std::string_view kEndNames[] = {"endoftext",
                                          "eos",
                                          "eostoken",
                                          "endofsentence",
                                          "endofsequence",
                                          "endofdocument",
                                          "eod",
                                          "eot",
                                          "eotid",
                                          "imend",
                                          "endofturn",
                                          "endofmessage",
                                          "eom",
                                          "end"};

std::string letters_of(std::string_view name) {
    std::string letters;
    for (const char c : name) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            letters.push_back(static_cast<char>(c | 0x20));
        }
    }
    return letters;
}

constexpr size_t kWordBytesMax = 4096;  // no cut is looked for further back

bool is_blank(uint32_t point) {
    return (point >= 9 && point <= 13) || point == 0x20 || point == 0x85 || point == 0xa0 ||
           point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
           point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000;
}

// One character; a byte where the text is ill-formed.
std::string_view first_character(std::string_view text) {
    for (size_t size = 1; size <= std::min<size_t>(text.size(), 4); ++size) {
        if (is_utf8(text.substr(0, size))) {
            return text.substr(0, size);
        }
    }
    return text.substr(0, 1);
}

std::string_view last_character(std::string_view text) {
    for (size_t size = 1; size <= std::min<size_t>(text.size(), 4); ++size) {
        if (is_utf8(text.substr(text.size() - size))) {
            return text.substr(text.size() - size);
        }
    }
    return text.substr(text.empty() ? 0 : text.size() - 1);
}

bool is_blank(std::string_view character) {
    return is_utf8(character) && is_blank(take_utf8(character));
}

// \w of Rust's regular expressions.
bool is_word(std::string_view character) {
    static const PreTokenizer kWord =
        *PreTokenizer::compile(R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}])");
    return !character.empty() && is_utf8(character) && kWord.matches(character);
}

size_t blanks_at_end(std::string_view text) {
    size_t blanks = 0;
    while (blanks < text.size()) {
        const std::string_view last = last_character(text.substr(0, text.size() - blanks));
        if (!is_blank(last)) {
            break;
        }
        blanks += last.size();
    }
    return blanks;
}

size_t blanks_at_start(std::string_view text) {
    size_t blanks = 0;
    while (blanks < text.size()) {
        const std::string_view next = first_character(text.substr(blanks));
        if (!is_blank(next)) {
            break;
        }
        blanks += next.size();
    }
    return blanks;
}

}  // namespace

void AddedTokens::Group::add(Entry entry) {
    entries_.push_back(std::move(entry));
}

void AddedTokens::Group::sort() {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        return a.token.content < b.token.content;
    });
    for (uint32_t i = 0; i < entries_.size(); ++i) {
        ASSAY_CHECK(i == 0 || entries_[i - 1].token.content != entries_[i].token.content);
        auto& range = by_first_byte_[static_cast<uint8_t>(entries_[i].token.content[0])];
        range = {range.second == 0 ? i : range.first, i + 1};
    }
}

// Narrows the range of those that begin as the text does, byte by byte.
const AddedTokens::Entry* AddedTokens::Group::longest_at(std::string_view text) const {
    const auto [from, to] = by_first_byte_[static_cast<uint8_t>(text[0])];
    auto low = entries_.begin() + from;
    auto high = entries_.begin() + to;
    const Entry* longest = nullptr;
    for (size_t depth = 1; low != high; ++depth) {
        if (low->token.content.size() == depth) {
            longest = &*low++;
        }
        if (depth == text.size()) {
            break;
        }
        const auto next = static_cast<uint8_t>(text[depth]);
        const auto byte_of = [depth](const Entry& entry) {
            return static_cast<uint8_t>(entry.token.content[depth]);
        };
        low = std::partition_point(
            low, high, [&](const Entry& entry) { return byte_of(entry) < next; });
        high = std::partition_point(
            low, high, [&](const Entry& entry) { return byte_of(entry) == next; });
    }
    return longest;
}

void AddedTokens::Group::split(std::string_view text,
                               bool with_special,
                               std::vector<Piece>& out) const {
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
        const Entry* found = longest_at(text.substr(at));
        if (found == nullptr) {
            ++at;
            continue;
        }
        size_t start = at;
        size_t stop = at + found->token.content.size();
        at = stop;  // passed over, whether it counts or not
        const AddedToken& token = found->token;
        if ((token.special && !with_special) ||
            (token.single_word && (is_word(last_character(text.substr(0, start))) ||
                                   is_word(first_character(text.substr(stop)))))) {
            continue;
        }
        if (token.lstrip && start > done) {
            start -= blanks_at_end(text.substr(done, start - done));
        }
        if (token.rstrip) {
            stop += blanks_at_start(text.substr(stop));
        }
        if (start > done) {
            out.push_back({text.substr(done, start - done), std::nullopt});
        }
        out.push_back({text.substr(start, stop - start), found->id});
        done = stop;
    }
    if (done < text.size()) {
        out.push_back({text.substr(done), std::nullopt});
    }
}

AddedTokens::AddedTokens(const AddedTokenMap& tokens) {
    for (const auto& [id, token] : tokens) {
        ASSAY_CHECK_LE(token.content.size(), kContentBytesMax);
        if (!token.content.empty()) {
            (token.normalized ? second_ : first_).add({token, id});
            single_words_ = single_words_ || token.single_word;
            longest_ = std::max(longest_, token.content.size());
        }
    }
    first_.sort();
    second_.sort();
}

std::vector<AddedTokens::Piece> AddedTokens::split(std::string_view text, bool with_special) const {
    std::vector<Piece> pieces;
    first_.split(text, with_special, pieces);
    if (second_.empty()) {
        return pieces;
    }
    std::vector<Piece> out;
    for (const Piece& piece : pieces) {
        if (piece.id) {
            out.push_back(piece);
        } else {
            second_.split(piece.text, with_special, out);
        }
    }
    return out;
}

// Where the token that `cut` cuts begins, or `cut`; behind it where it begins the text.
size_t AddedTokens::outside_tokens(std::string_view text, size_t cut) const {
    for (const Piece& piece : split(text, true)) {
        const auto start = static_cast<size_t>(piece.text.data() - text.data());
        const size_t stop = start + piece.text.size();
        if (start >= cut) {
            break;
        }
        if (piece.id && stop > cut) {
            return start > 0 ? start : stop;
        }
    }
    return cut;
}

size_t AddedTokens::whole_prefix(std::string_view text, size_t wanted) const {
    ASSAY_CHECK_LE(wanted, text.size());
    if (longest_ == 0) {
        return wanted;
    }
    if (!single_words_) {
        return outside_tokens(text, wanted);
    }
    // Cut inside a word, its half might be an added one.
    size_t cut = outside_tokens(text, wanted);
    const size_t best = cut;
    while (cut > 0 && best - cut < kWordBytesMax) {
        const std::string_view before = last_character(text.substr(0, cut));
        if (!is_word(before) || !is_word(first_character(text.substr(cut)))) {
            const size_t outside = outside_tokens(text, cut);
            if (outside >= cut) {
                return outside;
            }
            cut = outside;
        } else {
            cut -= before.size();
        }
    }
    return best;
}

std::optional<int32_t> find_end_token(const AddedTokenMap& tokens) {
    for (const std::string_view exact : {kEndOfText, std::string_view("</s>")}) {
        for (const auto& [id, token] : tokens) {
            if (token.content == exact) {
                return id;
            }
        }
    }
    for (const std::string_view name : kEndNames) {
        for (const auto& [id, token] : tokens) {
            // A word that stands for itself ends nothing.
            if (token.special && letters_of(token.content) == name) {
                return id;
            }
        }
    }
    return std::nullopt;
}

}  // namespace assay
