// Byte-pair encoding: a vocabulary of byte strings, ranked merges, and the encoding of one piece.
//
// Knows no text files, patterns or special tokens. Immutable once built; any thread.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"

namespace assay {

struct BpeMerge {
    int32_t left = 0;
    int32_t right = 0;
    bool operator==(const BpeMerge&) const = default;
};

class Bpe {
public:
    static constexpr int32_t kVocabMax = 1 << 20;

    // tokens[id]: the bytes of a token; empty: no such id. merges in order of rank. Fails unless
    // every byte has a token, no two tokens are equal and each merge makes a token.
    static Result<Bpe> build(std::vector<std::string> tokens, std::vector<BpeMerge> merges);
    // Ids 0 to 255 are the bytes; merge i makes id 256 + i. Fails on a merge of a later id.
    static Result<Bpe> from_merges(std::vector<BpeMerge> merges);

    // Appends the ids of a piece: merges lowest rank first, leftmost first; O(n log n).
    // whole_words: a piece that is a token itself is that token, whatever the merges say.
    void encode(std::string_view piece, bool whole_words, std::vector<int32_t>& out) const;

    [[nodiscard]] const std::vector<std::string>& tokens() const { return tokens_; }
    [[nodiscard]] const std::vector<BpeMerge>& merges() const { return merges_; }

private:
    struct Ranked {
        uint32_t rank = 0;
        int32_t id = 0;
    };
    struct Chain;

    Bpe() = default;
    [[nodiscard]] const Ranked* find(int32_t left, int32_t right) const;

    std::vector<std::string> tokens_;
    std::vector<BpeMerge> merges_;
    std::array<int32_t, 256> byte_ids_{};
    std::unordered_map<std::string, int32_t> ids_;
    std::unordered_map<uint64_t, Ranked> ranks_;
};

}  // namespace assay
