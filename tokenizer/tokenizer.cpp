#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/check.h"
#include "core/files.h"
#include "tokenizer/bpe_trainer.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8.h"

namespace assay {

namespace {

// Names that are used for the end of a text, the first found counts.
constexpr std::string_view kEndNames[] = {kEndOfText, "<|end_of_text|>", "</s>", "<|eot_id|>"};

std::optional<int32_t> find_end(const std::map<int32_t, std::string>& special) {
    for (const std::string_view name : kEndNames) {
        for (const auto& entry : special) {
            if (entry.second == name) {
                return entry.first;
            }
        }
    }
    return std::nullopt;
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
    Tokenizer out;
    out.vocab_size_ = static_cast<int32_t>(parts.bpe.tokens().size());
    for (const auto& entry : parts.special) {
        if (entry.first < 0 || entry.first >= Bpe::kVocabMax) {
            return fail("the special token " + entry.second + " has the id " +
                        std::to_string(entry.first) + "; allowed are 0 to " +
                        std::to_string(Bpe::kVocabMax - 1));
        }
        out.vocab_size_ = std::max(out.vocab_size_, entry.first + 1);
    }
    ASSAY_CHECK(out.vocab_size_ > 0 && out.vocab_size_ <= Bpe::kVocabMax);
    out.end_of_text_ = find_end(parts.special);
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

Result<Tokenizer> Tokenizer::train(TextSource& source,
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
        {std::move(*bpe), pre_tokenizer, {{vocab_size - 1, std::string(kEndOfText)}}});
}

std::string Tokenizer::json() const {
    return write_tokenizer_json(*parts_);
}

Status Tokenizer::save(const std::filesystem::path& file) const {
    return write_file_atomically(file, as_bytes(json()));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
    std::string repaired;
    if (!is_utf8(text)) {
        uint64_t replaced = 0;
        repaired = repair_utf8(text, replaced);
        text = repaired;
    }
    std::vector<int32_t> ids;
    ids.reserve(text.size() / 3);
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
    return ids;
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

std::string_view Tokenizer::token_text(int32_t id) const {
    const auto special = parts_->special.find(id);
    if (special != parts_->special.end()) {
        return special->second;
    }
    const std::vector<std::string>& tokens = parts_->bpe.tokens();
    return id >= 0 && static_cast<size_t>(id) < tokens.size()
               ? std::string_view(tokens[static_cast<size_t>(id)])
               : std::string_view();
}

}  // namespace assay
