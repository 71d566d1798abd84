#include "tokenizer/bpe.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "core/check.h"

namespace assay {

namespace {

constexpr size_t kTokenBytesMax = 1 << 16;

uint64_t pair_key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

bool is_id(int32_t id, const std::vector<std::string>& tokens) {
    return id >= 0 && static_cast<size_t>(id) < tokens.size() &&
           !tokens[static_cast<size_t>(id)].empty();
}

// A possible merge of the symbols at `left` and behind it; stale if they have changed since.
struct Candidate {
    uint32_t rank = 0;
    uint32_t left = 0;
    int32_t left_id = 0;
    int32_t right_id = 0;
    int32_t merged_id = 0;

    bool operator>(const Candidate& other) const {
        return rank != other.rank ? rank > other.rank : left > other.left;
    }
};

}  // namespace

// The symbols of a piece as a doubly linked list, with the merges that are possible now.
struct Bpe::Chain {
    struct Symbol {
        int32_t id = 0;
        uint32_t previous = 0;
        uint32_t next = 0;
    };
    static constexpr uint32_t kNone = UINT32_MAX;
    static constexpr int32_t kGone = -1;

    const Bpe& bpe;
    std::vector<Symbol> symbols;
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;

    Chain(const Bpe& owner, std::string_view piece) : bpe(owner) {
        symbols.reserve(piece.size());
        for (size_t i = 0; i < piece.size(); ++i) {
            const uint32_t at = static_cast<uint32_t>(i);
            symbols.push_back({bpe.byte_ids_[static_cast<uint8_t>(piece[i])],
                               i == 0 ? kNone : at - 1,
                               i + 1 == piece.size() ? kNone : at + 1});
        }
        for (size_t i = 0; i + 1 < symbols.size(); ++i) {
            propose(static_cast<uint32_t>(i));
        }
    }

    void propose(uint32_t left) {
        if (left == kNone || symbols[left].next == kNone) {
            return;
        }
        const int32_t left_id = symbols[left].id;
        const int32_t right_id = symbols[symbols[left].next].id;
        if (const Ranked* merge = bpe.find(left_id, right_id)) {
            candidates.push({merge->rank, left, left_id, right_id, merge->id});
        }
    }

    [[nodiscard]] bool is_stale(const Candidate& candidate) const {
        const Symbol& left = symbols[candidate.left];
        return left.id != candidate.left_id || left.next == kNone ||
               symbols[left.next].id != candidate.right_id;
    }

    void merge_all() {
        while (!candidates.empty()) {
            const Candidate candidate = candidates.top();
            candidates.pop();
            if (is_stale(candidate)) {
                continue;
            }
            Symbol& left = symbols[candidate.left];
            Symbol& right = symbols[left.next];
            ASSAY_CHECK(right.id != kGone && right.previous == candidate.left);
            left.id = candidate.merged_id;
            left.next = right.next;
            right.id = kGone;
            if (left.next != kNone) {
                symbols[left.next].previous = candidate.left;
            }
            propose(left.previous);
            propose(candidate.left);
        }
    }
};

Result<Bpe> Bpe::build(std::vector<std::string> tokens, std::vector<BpeMerge> merges) {
    if (tokens.size() > static_cast<size_t>(kVocabMax)) {
        return fail("a vocabulary of " + std::to_string(tokens.size()) + " tokens; at most " +
                    std::to_string(kVocabMax) + " are allowed");
    }
    Bpe out;
    for (size_t id = 0; id < tokens.size(); ++id) {
        if (tokens[id].size() > kTokenBytesMax) {
            return fail("token " + std::to_string(id) + " is too long");
        }
        if (!tokens[id].empty() && !out.ids_.emplace(tokens[id], static_cast<int32_t>(id)).second) {
            return fail("token " + std::to_string(id) + " is in the vocabulary twice");
        }
    }
    for (size_t byte = 0; byte < 256; ++byte) {
        const auto found = out.ids_.find(std::string(1, static_cast<char>(byte)));
        if (found == out.ids_.end()) {
            return fail("the vocabulary has no token for byte " + std::to_string(byte));
        }
        out.byte_ids_[byte] = found->second;
    }
    for (size_t rank = 0; rank < merges.size(); ++rank) {
        const BpeMerge& merge = merges[rank];
        if (!is_id(merge.left, tokens) || !is_id(merge.right, tokens)) {
            return fail("merge " + std::to_string(rank) + " joins an unknown token");
        }
        const auto made = out.ids_.find(tokens[static_cast<size_t>(merge.left)] +
                                        tokens[static_cast<size_t>(merge.right)]);
        if (made == out.ids_.end()) {
            return fail("merge " + std::to_string(rank) + " makes no token of the vocabulary");
        }
        out.ranks_.emplace(pair_key(merge.left, merge.right),
                           Ranked{static_cast<uint32_t>(rank), made->second});
    }
    ASSAY_CHECK_LE(out.ids_.size(), tokens.size());
    ASSAY_CHECK_LE(out.ranks_.size(), merges.size());
    out.tokens_ = std::move(tokens);
    out.merges_ = std::move(merges);
    return out;
}

Result<Bpe> Bpe::from_merges(std::vector<BpeMerge> merges) {
    std::vector<std::string> tokens;
    tokens.reserve(256 + merges.size());
    for (int byte = 0; byte < 256; ++byte) {
        tokens.emplace_back(1, static_cast<char>(byte));
    }
    for (const BpeMerge& merge : merges) {
        if (!is_id(merge.left, tokens) || !is_id(merge.right, tokens)) {
            return fail("merge " + std::to_string(tokens.size() - 256) + " joins a later token");
        }
        tokens.push_back(tokens[static_cast<size_t>(merge.left)] +
                         tokens[static_cast<size_t>(merge.right)]);
    }
    return build(std::move(tokens), std::move(merges));
}

const Bpe::Ranked* Bpe::find(int32_t left, int32_t right) const {
    const auto found = ranks_.find(pair_key(left, right));
    return found == ranks_.end() ? nullptr : &found->second;
}

void Bpe::encode(std::string_view piece, bool whole_words, std::vector<int32_t>& out) const {
    if (whole_words) {
        const auto found = ids_.find(std::string(piece));
        if (found != ids_.end()) {
            out.push_back(found->second);
            return;
        }
    }
    ASSAY_CHECK_LT(piece.size(), size_t{Chain::kNone});  // places are 32 bits
    Chain chain(*this, piece);
    chain.merge_all();
    for (uint32_t at = piece.empty() ? Chain::kNone : 0; at != Chain::kNone;
         at = chain.symbols[at].next) {
        out.push_back(chain.symbols[at].id);
    }
}

}  // namespace assay
