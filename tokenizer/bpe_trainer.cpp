#include "tokenizer/bpe_trainer.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "core/check.h"

namespace assay {

namespace {

uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

BpeMerge merge_of(uint64_t key) {
    return {static_cast<int32_t>(key >> 32), static_cast<int32_t>(key & 0xffffffffU)};
}

struct Word {
    std::vector<int32_t> symbols;
    int64_t count = 0;
};

struct Pair {
    int64_t count = 0;
    std::vector<uint32_t> words;  // where it occurs, or did
};

struct Ranked {
    int64_t count = 0;
    uint64_t key = 0;

    // "Less" is taken later: smaller count, then larger ids.
    bool operator<(const Ranked& other) const {
        return count != other.count ? count < other.count : key > other.key;
    }
};

// Counts of all pairs, kept up to date merge by merge.
class PairTable {
public:
    explicit PairTable(std::vector<Word> words) : words_(std::move(words)) {
        for (uint32_t w = 0; w < words_.size(); ++w) {
            const std::vector<int32_t>& symbols = words_[w].symbols;
            for (size_t i = 0; i + 1 < symbols.size(); ++i) {
                change(key_of(symbols[i], symbols[i + 1]), words_[w].count, w);
            }
        }
        for (const auto& entry : pairs_) {
            queue_.push({entry.second.count, entry.first});
        }
        touched_.clear();
    }

    // The pair of highest count; false if there is none.
    bool top(uint64_t& key) {
        while (!queue_.empty()) {
            const Ranked ranked = queue_.top();
            const auto found = pairs_.find(ranked.key);
            if (found != pairs_.end() && found->second.count == ranked.count && ranked.count > 0) {
                key = ranked.key;
                return true;
            }
            queue_.pop();
        }
        return false;
    }

    void merge(uint64_t key, int32_t id) {
        const BpeMerge pair = merge_of(key);
        ASSAY_CHECK(pair.left < id && pair.right < id);  // a merge joins what is there already
        ASSAY_CHECK(touched_.empty());
        const std::vector<uint32_t> where = std::move(pairs_[key].words);
        for (const uint32_t w : where) {
            merge_in_word(w, pair, id);
        }
        pairs_.erase(key);
        std::sort(touched_.begin(), touched_.end());
        touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
        for (const uint64_t changed : touched_) {
            const auto found = pairs_.find(changed);
            if (found != pairs_.end() && found->second.count > 0) {
                queue_.push({found->second.count, changed});
            }
        }
        touched_.clear();
    }

private:
    void change(uint64_t key, int64_t by, uint32_t word) {
        Pair& pair = pairs_[key];
        pair.count += by;
        if (by > 0 && (pair.words.empty() || pair.words.back() != word)) {
            pair.words.push_back(word);
        }
        touched_.push_back(key);
    }

    void merge_in_word(uint32_t w, const BpeMerge& pair, int32_t id) {
        std::vector<int32_t>& symbols = words_[w].symbols;
        const int64_t count = words_[w].count;
        size_t out = 0;
        for (size_t i = 0; i < symbols.size(); ++i) {
            if (i + 1 == symbols.size() || symbols[i] != pair.left ||
                symbols[i + 1] != pair.right) {
                symbols[out++] = symbols[i];
                continue;
            }
            if (out > 0) {
                change(key_of(symbols[out - 1], pair.left), -count, w);
                change(key_of(symbols[out - 1], id), count, w);
            }
            if (i + 2 < symbols.size()) {
                change(key_of(pair.right, symbols[i + 2]), -count, w);
                change(key_of(id, symbols[i + 2]), count, w);
            }
            symbols[out++] = id;
            ++i;
        }
        symbols.resize(out);
    }

    std::vector<Word> words_;
    std::unordered_map<uint64_t, Pair> pairs_;
    std::priority_queue<Ranked> queue_;
    std::vector<uint64_t> touched_;  // since the last merge began
};

}  // namespace

void BpeTrainer::add(std::string_view word) {
    if (word.size() < 2 || word.size() > kWordBytesMax) {
        return;
    }
    const auto found = words_.find(word);
    if (found != words_.end()) {
        ++found->second;
        return;
    }
    if (words_.size() >= kWordsMax) {
        drop_rare_words();
    }
    ASSAY_CHECK_LT(words_.size(), kWordsMax);  // a text makes no table without end
    words_.emplace(word, 1);
}

void BpeTrainer::drop_rare_words() {
    while (words_.size() > kWordsMax / 2) {
        std::erase_if(words_, [this](const auto& entry) { return entry.second <= rare_; });
        ++rare_;
    }
}

Result<std::vector<BpeMerge>> BpeTrainer::train(size_t merge_count,
                                                const std::function<void(size_t)>& progress) const {
    std::vector<Word> words;
    words.reserve(words_.size());
    for (const auto& entry : words_) {
        Word word{{}, entry.second};
        for (const char c : entry.first) {
            word.symbols.push_back(static_cast<uint8_t>(c));
        }
        words.push_back(std::move(word));
    }
    ASSAY_CHECK_EQ(words.size(), words_.size());
    PairTable table(std::move(words));
    std::vector<BpeMerge> merges;
    while (merges.size() < merge_count) {
        uint64_t key = 0;
        if (!table.top(key)) {
            return fail("the text is too small for a vocabulary of " +
                        std::to_string(merge_count + 257) + " tokens: it has pairs for " +
                        std::to_string(merges.size() + 257) + " only");
        }
        table.merge(key, static_cast<int32_t>(256 + merges.size()));
        merges.push_back(merge_of(key));
        if (progress && merges.size() % 256 == 0) {
            progress(merges.size());
        }
    }
    return merges;
}

}  // namespace assay
