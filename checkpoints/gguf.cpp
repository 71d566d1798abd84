#include "checkpoints/gguf.h"

#include <array>

#include "core/check.h"
#include "core/files.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr uint32_t kVersion = 3;
constexpr uint64_t kAlignment = 32;
constexpr uint32_t kTensorF32 = 0;

enum class ValueType : uint32_t {
    kU32 = 4,
    kI32 = 5,
    kF32 = 6,
    kBool = 7,
    kString = 8,
    kArray = 9
};
enum class TokenType : int32_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

// What llama.cpp calls the patterns that it has; its tokenizers differ in one thing more, whether a
// piece that is a token needs no merges.
struct PreTokenizerName {
    std::string_view name;
    bool whole_words = false;
    std::string_view pattern;
};

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
const PreTokenizerName kPreTokenizers[] = {
    {"gpt-2", false, kGpt2Pattern},
    {"llama-bpe", true, kLlama3Pattern},
    {"smaug-bpe", false, kLlama3Pattern},
    {"qwen2",
     false,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
     R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"bailingmoe",
     false,
     R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*)"
     R"(|\s*[\r\n]|\s+(?!\S)|\s+)"},
    {"gpt-4o",
     false,
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)"
     R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"tekken",
     true,
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

Result<std::string> pre_tokenizer_name(const Tokenizer& tokenizer) {
    const std::string& pattern = tokenizer.parts().pre_tokenizer.pattern();
    const bool whole_words = tokenizer.parts().whole_words;
    for (const PreTokenizerName& known : kPreTokenizers) {
        if (known.pattern == pattern && known.whole_words == whole_words) {
            return std::string(known.name);
        }
    }
    return fail("llama.cpp has no pre-tokenizer for the pattern " + pattern +
                (whole_words ? " with ignore_merges" : "") +
                ": it would read text as other tokens; use the Hugging Face folder instead");
}

// What a reader of the file would do in another way.
Status check_tokens(const Tokenizer& tokenizer, int64_t vocab) {
    if (tokenizer.vocab_size() > vocab) {
        return fail("the tokenizer has " + std::to_string(tokenizer.vocab_size()) +
                    " tokens, the model only " + std::to_string(vocab));
    }
    if (!tokenizer.end_of_text()) {
        return fail(
            "the tokenizer has no token for the end of a text, and llama.cpp would take "
            "another one for it: name it with --end-token");
    }
    for (const auto& [id, token] : tokenizer.parts().added) {
        if (token.lstrip || token.rstrip || token.single_word) {
            return fail("the added token " + token.content.substr(0, 100) + " (" +
                        std::to_string(id) +
                        ") takes blanks or stands for single words only, which a GGUF file cannot "
                        "say; use the Hugging Face folder instead");
        }
    }
    return {};
}

// Keys with values, counted.
class Metadata {
public:
    void text(const std::string& key, const std::string& value) {
        begin(key, ValueType::kString);
        put(value);
    }
    void u32(const std::string& key, int64_t value) {
        begin(key, ValueType::kU32);
        writer_.u32(static_cast<uint32_t>(value));
    }
    void f32(const std::string& key, double value) {
        begin(key, ValueType::kF32);
        writer_.f32(static_cast<float>(value));
    }
    void flag(const std::string& key, bool value) {
        begin(key, ValueType::kBool);
        writer_.u8(value ? 1 : 0);
    }
    void texts(const std::string& key, const std::vector<std::string>& values) {
        begin_array(key, ValueType::kString, values.size());
        for (const std::string& value : values) {
            put(value);
        }
    }
    void i32s(const std::string& key, const std::vector<int32_t>& values) {
        begin_array(key, ValueType::kI32, values.size());
        for (const int32_t value : values) {
            writer_.u32(static_cast<uint32_t>(value));
        }
    }
    [[nodiscard]] uint64_t count() const { return count_; }
    [[nodiscard]] const Bytes& bytes() const { return writer_.bytes(); }

private:
    void put(const std::string& value) {
        writer_.u64(value.size());
        writer_.raw(as_bytes(value));
    }
    void begin(const std::string& key, ValueType type) {
        put(key);
        writer_.u32(static_cast<uint32_t>(type));
        ++count_;
    }
    void begin_array(const std::string& key, ValueType type, uint64_t count) {
        begin(key, ValueType::kArray);
        writer_.u32(static_cast<uint32_t>(type));
        writer_.u64(count);
    }

    ByteWriter writer_;
    uint64_t count_ = 0;
};

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

// model.layers.3.self_attn.q_proj.weight -> blk.3.attn_q.weight
std::string gguf_name(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kParts = {{
        {"model.embed_tokens", "token_embd"},
        {"model.norm", "output_norm"},
        {"lm_head", "output"},
        {"input_layernorm", "attn_norm"},
        {"self_attn.q_proj", "attn_q"},
        {"self_attn.k_proj", "attn_k"},
        {"self_attn.v_proj", "attn_v"},
        {"self_attn.o_proj", "attn_output"},
        {"post_attention_layernorm", "ffn_norm"},
        {"mlp.gate_proj", "ffn_gate"},
        {"mlp.up_proj", "ffn_up"},
        {"mlp.down_proj", "ffn_down"},
    }};
    ASSAY_CHECK(name.ends_with(".weight"));
    name.remove_suffix(std::string_view(".weight").size());
    std::string out;
    if (take_prefix(name, "model.layers.")) {
        const size_t dot = name.find('.');
        out = "blk." + std::string(name.substr(0, dot)) + ".";
        name.remove_prefix(dot + 1);
    }
    for (const auto& [theirs, ours] : kParts) {
        if (name == theirs) {
            return out + std::string(ours) + ".weight";
        }
    }
    ASSAY_CHECK(false);  // llama_layout has no other names
    return out;
}

// Heads whose rows are to be permuted: those of q and k; 0 for other tensors.
int64_t permuted_heads(const ModelShape& shape, const std::string& name) {
    if (name.find("self_attn.q_proj") != std::string::npos) {
        return shape.heads;
    }
    return name.find("self_attn.k_proj") != std::string::npos ? shape.kv_heads : 0;
}

// Row i of a head's first half becomes row 2i, row i of its second half row 2i + 1.
void append_permuted(ByteWriter& writer,
                     const TensorLayout& tensor,
                     uint64_t heads,
                     const float* values) {
    ASSAY_CHECK(heads > 0 && tensor.rows % heads == 0);
    const uint64_t head_rows = tensor.rows / heads;
    ASSAY_CHECK_EQ(head_rows % 2, uint64_t{0});  // two halves
    for (uint64_t row = 0; row < tensor.rows; ++row) {
        const uint64_t in_head = row % head_rows;
        const uint64_t from = row - in_head + in_head / 2 + in_head % 2 * (head_rows / 2);
        const float* first = values + from * tensor.columns;
        writer.raw(float_bytes({first, tensor.columns}));
    }
}

void align(ByteWriter& writer) {
    while (writer.bytes().size() % kAlignment != 0) {
        writer.u8(0);
    }
}

uint64_t aligned(uint64_t size) {
    return (size + kAlignment - 1) / kAlignment * kAlignment;
}

void append_infos(ByteWriter& writer, const ParameterLayout& layout) {
    uint64_t offset = 0;
    for (const TensorLayout& tensor : layout.tensors) {
        const std::string name = gguf_name(tensor.name);
        writer.u64(name.size());
        writer.raw(as_bytes(name));
        writer.u32(tensor.rows > 1 ? 2 : 1);
        writer.u64(tensor.columns);  // innermost first
        if (tensor.rows > 1) {
            writer.u64(tensor.rows);
        }
        writer.u32(kTensorF32);
        writer.u64(offset);
        offset = aligned(offset + tensor.live() * sizeof(float));
    }
}

void append_data(ByteWriter& writer, const ParameterLayout& layout, const Snapshot& snapshot) {
    align(writer);
    const size_t start = writer.bytes().size();
    uint64_t offset = 0;  // as append_infos said
    for (const TensorLayout& tensor : layout.tensors) {
        ASSAY_CHECK_EQ(writer.bytes().size() - start, offset);
        offset = aligned(offset + tensor.live() * sizeof(float));
        const float* values = snapshot.theta.data() + tensor.first_value();
        const int64_t heads = permuted_heads(snapshot.shape, tensor.name);
        if (heads > 0) {
            append_permuted(writer, tensor, static_cast<uint64_t>(heads), values);
        } else {
            writer.raw(float_bytes({values, tensor.live()}));
        }
        align(writer);
    }
}

void add_shape(Metadata& metadata, const Snapshot& snapshot) {
    const ModelShape& shape = snapshot.shape;
    metadata.text("general.architecture", "llama");
    metadata.text("general.name", snapshot.run_name);
    metadata.u32("general.file_type", 0);
    metadata.u32("general.alignment", kAlignment);
    metadata.u32("llama.vocab_size", shape.vocab);
    metadata.u32("llama.context_length", shape.context);
    metadata.u32("llama.embedding_length", shape.width);
    metadata.u32("llama.block_count", shape.layers);
    metadata.u32("llama.feed_forward_length", shape.ffn_width);
    metadata.u32("llama.attention.head_count", shape.heads);
    metadata.u32("llama.attention.head_count_kv", shape.kv_heads);
    metadata.f32("llama.attention.layer_norm_rms_epsilon", shape.norm_epsilon);
    metadata.u32("llama.rope.dimension_count", shape.head_width);
    metadata.f32("llama.rope.freq_base", shape.rope_theta);
}

TokenType type_of(const Tokenizer& tokenizer, int32_t id) {
    if (tokenizer.is_special(id)) {
        return TokenType::kControl;
    }
    if (tokenizer.is_added(id)) {
        return TokenType::kUserDefined;
    }
    return tokenizer.token_text(id).empty() ? TokenType::kUnused : TokenType::kNormal;
}

std::string name_of(const Tokenizer& tokenizer, int32_t id, TokenType type) {
    if (type == TokenType::kUnused) {
        return "<unused" + std::to_string(id) + ">";
    }
    const std::string_view text = tokenizer.token_text(id);
    return type == TokenType::kNormal ? bytes_to_printable(text) : std::string(text);
}

// REQUIRES: check_tokens.
void add_tokens(Metadata& metadata,
                const Tokenizer& tokenizer,
                const std::string& pre_tokenizer,
                int64_t vocab) {
    std::vector<std::string> tokens;
    std::vector<int32_t> types;
    for (int32_t id = 0; id < vocab; ++id) {
        const TokenType type = type_of(tokenizer, id);
        tokens.push_back(name_of(tokenizer, id, type));
        types.push_back(static_cast<int32_t>(type));
    }
    const Bpe& bpe = tokenizer.parts().bpe;
    std::vector<std::string> merges;
    for (const BpeMerge& merge : bpe.merges()) {
        merges.push_back(bytes_to_printable(bpe.tokens()[static_cast<size_t>(merge.left)]) + " " +
                         bytes_to_printable(bpe.tokens()[static_cast<size_t>(merge.right)]));
    }
    metadata.text("tokenizer.ggml.model", "gpt2");
    metadata.text("tokenizer.ggml.pre", pre_tokenizer);
    metadata.texts("tokenizer.ggml.tokens", tokens);
    metadata.i32s("tokenizer.ggml.token_type", types);
    metadata.texts("tokenizer.ggml.merges", merges);
    // A text begins behind the end of the one before; that token is not put there unasked.
    metadata.flag("tokenizer.ggml.add_bos_token", false);
    metadata.flag("tokenizer.ggml.add_eos_token", false);
    metadata.u32("tokenizer.ggml.bos_token_id", *tokenizer.end_of_text());
    metadata.u32("tokenizer.ggml.eos_token_id", *tokenizer.end_of_text());
}

}  // namespace

Status export_gguf(const Snapshot& snapshot,
                   const std::string& tokenizer_json,
                   const fs::path& file,
                   const std::string& end_token) {
    Result<Tokenizer> tokenizer = Tokenizer::parse(tokenizer_json);
    if (tokenizer.ok() && !end_token.empty()) {
        tokenizer = tokenizer->with_end_of_text(end_token);
    }
    if (!tokenizer) {
        return tokenizer.error();
    }
    if (Status checked = check_tokens(*tokenizer, snapshot.shape.vocab); !checked) {
        return checked;
    }
    Result<std::string> pre_tokenizer = pre_tokenizer_name(*tokenizer);
    if (!pre_tokenizer) {
        return pre_tokenizer.error();
    }
    const ParameterLayout layout = llama_layout(snapshot.shape);
    ASSAY_CHECK_EQ(snapshot.theta.size(), layout.value_count());
    Metadata metadata;
    add_shape(metadata, snapshot);
    add_tokens(metadata, *tokenizer, *pre_tokenizer, snapshot.shape.vocab);
    ByteWriter writer;
    writer.raw(as_bytes("GGUF"));
    writer.u32(kVersion);
    writer.u64(layout.tensors.size());
    writer.u64(metadata.count());
    writer.raw(metadata.bytes());
    append_infos(writer, layout);
    append_data(writer, layout, snapshot);
    return write_file_atomically(file, writer.bytes());
}

}  // namespace assay
