#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/check.h"
#include "core/files.h"
#include "tokenizer/bpe_trainer.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8.h"

namespace assay {

namespace {

// Whether the tokens can be looked for.
Status check_added(const AddedTokenMap& added) {
    std::set<std::string_view> names;
    for (const auto& [id, token] : added) {
        if (id < 0 || id >= Bpe::kVocabMax) {
            return fail("the added token " + token.content.substr(0, 100) + " has the id " +
                        std::to_string(id) + "; allowed are 0 to " +
                        std::to_string(Bpe::kVocabMax - 1));
        }
        if (token.content.size() > AddedTokens::kContentBytesMax) {
            return fail("the added token " + std::to_string(id) + " has " +
                        std::to_string(token.content.size()) + " bytes; at most " +
                        std::to_string(AddedTokens::kContentBytesMax) + " are allowed");
        }
        if (!names.insert(token.content).second) {
            return fail("the added token " + std::to_string(id) +
                        " has the name of another token: " + token.content.substr(0, 100));
        }
    }
    return {};
}

// The first few, for a message.
std::string names_of(const AddedTokenMap& added) {
    std::string names;
    size_t named = 0;
    for (const auto& entry : added) {
        if (++named > 8) {
            return names + ", ...";
        }
        names += (names.empty() ? "" : ", ") + entry.second.content.substr(0, 100);
    }
    return names.empty() ? "none" : names;
}

}  // namespace

// Ids of words met before. Emptied when full.
struct Tokenizer::Cache {
    static constexpr size_t kWordsMax = 1 << 17;
    static constexpr size_t kWordBytesMax = 64;

    struct WordHash {
        using is_transparent = void;
        size_t operator()(std::string_view word) const {
            return std::hash<std::string_view>()(word);
        }
    };
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<int32_t>, WordHash, std::equal_to<>> words;

    const std::vector<int32_t>& ids_of(std::string_view piece, const Parts& parts) {
        const auto found = words.find(piece);
        if (found != words.end()) {
            return found->second;
        }
        if (words.size() >= kWordsMax) {
            words.clear();
        }
        ASSAY_CHECK(piece.size() <= kWordBytesMax && words.size() < kWordsMax);
        std::vector<int32_t> ids;
        parts.bpe.encode(piece, parts.whole_words, ids);
        return words.emplace(piece, std::move(ids)).first->second;
    }
};

Result<Tokenizer> Tokenizer::from_parts(Parts parts) {
    if (Status checked = check_added(parts.added); !checked.ok()) {
        return checked.error();
    }
    Tokenizer out;
    out.vocab_size_ = static_cast<int32_t>(parts.bpe.tokens().size());
    if (!parts.added.empty()) {
        out.vocab_size_ = std::max(out.vocab_size_, parts.added.rbegin()->first + 1);
    }
    ASSAY_CHECK(out.vocab_size_ > 0 && out.vocab_size_ <= Bpe::kVocabMax);
    out.end_of_text_ = find_end_token(parts.added);
    out.added_ = std::make_shared<const AddedTokens>(parts.added);
    out.parts_ = std::make_shared<const Parts>(std::move(parts));
    out.cache_ = std::make_shared<Cache>();
    return out;
}

Result<Tokenizer> Tokenizer::parse(std::string_view json) {
    Result<Parts> parts = parse_tokenizer_json(json);
    if (!parts) {
        return parts.error();
    }
    return from_parts(std::move(*parts));
}

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& file) {
    Result<std::string> text = read_text_file(file, kFileBytesMax);
    if (!text) {
        return text.error();
    }
    Result<Tokenizer> out = parse(*text);
    if (!out) {
        return fail(file.string() + ": " + out.reason());
    }
    return out;
}

Result<Tokenizer> Tokenizer::load_gpt2(const std::filesystem::path& vocab,
                                       const std::filesystem::path& merges) {
    Result<std::string> vocab_text = read_text_file(vocab, kFileBytesMax);
    if (!vocab_text) {
        return vocab_text.error();
    }
    Result<std::string> merges_text = read_text_file(merges, kFileBytesMax);
    if (!merges_text) {
        return merges_text.error();
    }
    Result<Parts> parts = parse_gpt2_files(*vocab_text, *merges_text);
    if (!parts) {
        return fail(vocab.string() + ": " + parts.reason());
    }
    return from_parts(std::move(*parts));
}

Result<Tokenizer> Tokenizer::train(BlockSource& source,
                                   int32_t vocab_size,
                                   const std::function<void(double)>& progress) {
    if (vocab_size < 257 || vocab_size > Bpe::kVocabMax) {
        return fail("a vocabulary of " + std::to_string(vocab_size) +
                    " tokens; allowed are 257 to " + std::to_string(Bpe::kVocabMax));
    }
    const auto report = [&progress](double part) {
        if (progress) {
            progress(part);
        }
    };
    const PreTokenizer pre_tokenizer = PreTokenizer::gpt2();
    BpeTrainer trainer;
    for (;;) {
        const Result<std::string> block = source.next();
        if (!block) {
            return block.error();
        }
        if (block->empty()) {
            break;
        }
        for (const std::string_view piece : pre_tokenizer.split(*block)) {
            trainer.add(piece);
        }
        report(0.5 * source.progress());
    }
    const size_t wanted = static_cast<size_t>(vocab_size) - 257;
    Result<std::vector<BpeMerge>> merges = trainer.train(wanted, [&](size_t made) {
        report(0.5 + 0.5 * static_cast<double>(made) / static_cast<double>(wanted));
    });
    if (!merges) {
        return merges.error();
    }
    Result<Bpe> bpe = Bpe::from_merges(std::move(*merges));
    if (!bpe) {
        return bpe.error();
    }
    // The last id is that of the end of a text.
    ASSAY_CHECK_EQ(bpe->tokens().size() + 1, static_cast<size_t>(vocab_size));
    report(1.0);
    return from_parts(
        {std::move(*bpe), pre_tokenizer, {{vocab_size - 1, {std::string(kEndOfText)}}}});
}

std::string Tokenizer::json() const {
    return write_tokenizer_json(*parts_);
}

Status Tokenizer::save(const std::filesystem::path& file) const {
    return write_file_atomically(file, as_bytes(json()));
}

std::optional<int32_t> Tokenizer::added_id(std::string_view name) const {
    for (const auto& [id, token] : parts_->added) {
        if (token.content == name) {
            return id;
        }
    }
    return std::nullopt;
}

Result<Tokenizer> Tokenizer::with_end_of_text(const std::string& name) const {
    const std::optional<int32_t> id = added_id(name);
    if (!id) {
        return fail("the tokenizer has no added token " + name.substr(0, 100) + " (it has " +
                    names_of(parts_->added) + ")");
    }
    Tokenizer out = *this;
    out.end_of_text_ = id;
    return out;
}

void Tokenizer::append_plain(std::string_view text, std::vector<int32_t>& ids) const {
    const std::vector<std::string_view> pieces = parts_->pre_tokenizer.split(text);
    const std::lock_guard<std::mutex> lock(cache_->mutex);
    for (const std::string_view piece : pieces) {
        if (piece.size() > Cache::kWordBytesMax) {
            parts_->bpe.encode(piece, parts_->whole_words, ids);
            continue;
        }
        const std::vector<int32_t>& cached = cache_->ids_of(piece, *parts_);
        ids.insert(ids.end(), cached.begin(), cached.end());
    }
}

std::vector<int32_t> Tokenizer::encode_with(std::string_view text, bool with_special) const {
    std::string repaired;
    if (!is_utf8(text)) {
        uint64_t replaced = 0;
        repaired = repair_utf8(text, replaced);
        text = repaired;
    }
    std::vector<int32_t> ids;
    ids.reserve(text.size() / 3);
    for (const AddedTokens::Piece& piece : added_->split(text, with_special)) {
        if (piece.id) {
            ids.push_back(*piece.id);
        } else {
            append_plain(piece.text, ids);
        }
    }
    return ids;
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
    return encode_with(text, false);
}

std::vector<int32_t> Tokenizer::encode_marked(std::string_view text) const {
    return encode_with(text, true);
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
    std::string text;
    for (const int32_t id : ids) {
        if (!is_special(id)) {
            text += token_text(id);
        }
    }
    return text;
}

std::string Tokenizer::decode_marked(std::span<const int32_t> ids) const {
    std::string text;
    for (const int32_t id : ids) {
        text += token_text(id);
    }
    return text;
}

std::string_view Tokenizer::token_text(int32_t id) const {
    const auto added = parts_->added.find(id);
    if (added != parts_->added.end()) {
        return added->second.content;
    }
    const std::vector<std::string>& tokens = parts_->bpe.tokens();
    return id >= 0 && static_cast<size_t>(id) < tokens.size()
               ? std::string_view(tokens[static_cast<size_t>(id)])
               : std::string_view();
}

}  // namespace assay
