// Learns byte-pair merges from text: the most frequent pair first (Sennrich et al. 2016).
//
// The result is a function of the counted words alone: pairs of equal count are taken in order of
// their ids. One owner thread; memory is bounded by kWordsMax distinct words.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "tokenizer/bpe.h"

namespace assay {

class BpeTrainer {
public:
    static constexpr size_t kWordsMax = 4'000'000;  // rarer words are dropped above
    static constexpr size_t kWordBytesMax = 256;    // longer words teach nothing

    // Counts one more of this word; what is shorter than two bytes or too long is passed over.
    void add(std::string_view word);

    // Merges that make ids 256, 257, ...; fails if the words have too few pairs. `progress` is
    // called with the number of merges made, from time to time; it may be empty.
    Result<std::vector<BpeMerge>> train(size_t merge_count,
                                        const std::function<void(size_t)>& progress) const;

private:
    struct WordHash {
        using is_transparent = void;
        size_t operator()(std::string_view word) const {
            return std::hash<std::string_view>()(word);
        }
    };
    void drop_rare_words();

    std::unordered_map<std::string, int64_t, WordHash, std::equal_to<>> words_;
    int64_t rare_ = 1;
};

}  // namespace assay
