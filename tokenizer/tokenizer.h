// Text to token ids and back: byte-level BPE, Hugging Face's tokenizer.json in and out.
//
// Any bytes can be encoded: what is no UTF-8 becomes U+FFFD first. Added tokens that stand in the
// text are found there; special ones only by encode_marked(), as Hugging Face does, so that nobody
// can smuggle one into encode(). Nothing is put before or behind a text. Copies share their cache
// of encoded words; all may be called from several threads.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/text_source.h"

namespace assay {

class Tokenizer {
public:
    // What a tokenizer.json holds; tokenizer/tokenizer_json.h reads and writes it.
    struct Parts {
        Bpe bpe;
        PreTokenizer pre_tokenizer;
        AddedTokenMap added;       // ids may be new ones, or those of the vocabulary
        bool whole_words = false;  // "ignore_merges"
    };
    static constexpr uint64_t kFileBytesMax = 64 << 20;

    // Fails where an added token has an id outside [0, Bpe::kVocabMax), the name of another one or
    // a name of more than AddedTokens::kContentBytesMax bytes.
    static Result<Tokenizer> from_parts(Parts parts);
    // tokenizer.json with a BPE model of byte level (GPT-2, Llama 3 and our own).
    static Result<Tokenizer> load(const std::filesystem::path& file);
    static Result<Tokenizer> parse(std::string_view json);
    // GPT-2's own two files, vocab.json and merges.txt.
    static Result<Tokenizer> load_gpt2(const std::filesystem::path& vocab,
                                       const std::filesystem::path& merges);
    // Learns merges up to `vocab_size` tokens, of which the last is the end of text. Progress, from
    // 0 to 1, may be empty.
    static Result<Tokenizer> train(BlockSource& source,
                                   int32_t vocab_size,
                                   const std::function<void(double)>& progress = {});

    // A tokenizer.json that reads back as the same tokenizer; save replaces the file as a whole.
    [[nodiscard]] std::string json() const;
    [[nodiscard]] Status save(const std::filesystem::path& file) const;

    // The same with another end of text: an added token by its name.
    [[nodiscard]] Result<Tokenizer> with_end_of_text(const std::string& name) const;

    // Special tokens are never made from text.
    [[nodiscard]] std::vector<int32_t> encode(std::string_view text) const;
    // Special tokens that stand in the text become their ids.
    [[nodiscard]] std::vector<int32_t> encode_marked(std::string_view text) const;
    // Special and unknown ids become nothing. May end inside a character.
    [[nodiscard]] std::string decode(std::span<const int32_t> ids) const;
    // With what stands for special ids.
    [[nodiscard]] std::string decode_marked(std::span<const int32_t> ids) const;
    // The bytes of a token, or what stands for an added one; empty for an unknown id.
    [[nodiscard]] std::string_view token_text(int32_t id) const;
    // The added token of this name.
    [[nodiscard]] std::optional<int32_t> added_id(std::string_view name) const;
    [[nodiscard]] bool is_added(int32_t id) const { return parts_->added.count(id) != 0; }
    [[nodiscard]] bool is_special(int32_t id) const {
        const auto found = parts_->added.find(id);
        return found != parts_->added.end() && found->second.special;
    }

    // One more than the largest id.
    [[nodiscard]] int32_t vocab_size() const { return vocab_size_; }
    [[nodiscard]] std::optional<int32_t> end_of_text() const { return end_of_text_; }
    [[nodiscard]] const Parts& parts() const { return *parts_; }

private:
    struct Cache;
    Tokenizer() = default;
    [[nodiscard]] std::vector<int32_t> encode_with(std::string_view text, bool with_special) const;
    void append_plain(std::string_view text, std::vector<int32_t>& ids) const;

    std::shared_ptr<const Parts> parts_;
    std::shared_ptr<const AddedTokens> added_;
    std::shared_ptr<Cache> cache_;
    int32_t vocab_size_ = 0;
    std::optional<int32_t> end_of_text_;
};

}  // namespace assay
