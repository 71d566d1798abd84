// GGUF export, read back by a reader of its own: keys, tokens, and each tensor's values.

#include "checkpoints/gguf.h"

#include <catch2/catch.hpp>
#include <map>

#include "core/files.h"
#include "tests/checkpoints/made_snapshot.h"
#include "tests/support/bytes_tokenizer.h"
#include "tests/support/scratch_folder.h"
#include "tokenizer/tokenizer.h"

namespace assay {
namespace {

std::string long_text(ByteReader& reader) {
    return to_text(reader.raw(reader.u64()));
}

struct Info {
    std::vector<uint64_t> sizes;  // innermost first
    uint64_t offset = 0;
};

struct Gguf {
    std::map<std::string, std::string> texts;
    std::map<std::string, uint32_t> numbers;
    std::map<std::string, std::vector<std::string>> lists;
    std::vector<std::string> keys;
    std::map<std::string, Info> infos;
    Bytes data;
};

void read_value(ByteReader& reader, const std::string& key, uint32_t type, Gguf& out) {
    switch (type) {
        case 4:
        case 6:
            out.numbers[key] = reader.u32();
            return;
        case 7:
            out.numbers[key] = reader.u8();
            return;
        case 8:
            out.texts[key] = long_text(reader);
            return;
        default:
            break;
    }
    REQUIRE(type == 9);
    const uint32_t element = reader.u32();
    const uint64_t count = reader.u64();
    for (uint64_t i = 0; i < count && reader.ok(); ++i) {
        out.lists[key].push_back(element == 8 ? long_text(reader) : std::to_string(reader.u32()));
    }
}

Gguf read_gguf(const Bytes& bytes) {
    ByteReader reader(bytes);
    Gguf out;
    REQUIRE(to_text(reader.raw(4)) == "GGUF");
    REQUIRE(reader.u32() == 3);
    const uint64_t tensors = reader.u64();
    const uint64_t values = reader.u64();
    for (uint64_t i = 0; i < values; ++i) {
        out.keys.push_back(long_text(reader));
        read_value(reader, out.keys.back(), reader.u32(), out);
    }
    for (uint64_t i = 0; i < tensors; ++i) {
        Info& info = out.infos[long_text(reader)];
        info.sizes.resize(reader.u32());
        for (uint64_t& size : info.sizes) {
            size = reader.u64();
        }
        CHECK(reader.u32() == 0);  // F32
        info.offset = reader.u64();
        CHECK(info.offset % 32 == 0);
    }
    REQUIRE(reader.ok());
    const size_t start = (reader.position() + 31) / 32 * 32;
    out.data.assign(bytes.begin() + static_cast<std::ptrdiff_t>(start), bytes.end());
    return out;
}

float value_at(const Gguf& gguf, const Info& info, uint64_t row, uint64_t column) {
    ByteReader reader(ByteSpan(gguf.data).subspan(info.offset));
    reader.raw(4 * (row * info.sizes[0] + column));
    return reader.f32();
}

// Whether llama.cpp's rotation of neighbouring pairs sees what our half-split rotation sees.
void check_permuted(const Gguf& gguf,
                    const Snapshot& snapshot,
                    const TensorLayout& tensor,
                    const std::string& name) {
    const Info& info = gguf.infos.at(name);
    const auto head = static_cast<uint64_t>(snapshot.shape.head_width);
    for (uint64_t row = 0; row < tensor.rows; ++row) {
        const uint64_t in_head = row % head;
        const uint64_t first_half = in_head < head / 2 ? 1 : 0;
        const uint64_t to = first_half == 1 ? 2 * in_head : 2 * (in_head - head / 2) + 1;
        for (uint64_t column = 0; column < tensor.columns; ++column) {
            REQUIRE(value_at(gguf, info, row - in_head + to, column) ==
                    snapshot.theta[tensor.first_value() + row * tensor.columns + column]);
        }
    }
}

TEST_CASE("a GGUF export holds every tensor, with q and k in pairs", "[checkpoints]") {
    for (const bool tied : {true, false}) {
        const ScratchFolder folder;
        const Snapshot snapshot = made_tiny_snapshot(tied);
        const auto file = folder.path() / "tiny.gguf";
        REQUIRE(export_gguf(snapshot, bytes_tokenizer().json(), file).ok());
        const Gguf gguf = read_gguf(*read_file(file, 1U << 24));
        const ParameterLayout layout = llama_layout(snapshot.shape);
        REQUIRE(gguf.infos.size() == layout.tensors.size());
        CHECK(gguf.infos.count("output.weight") == (tied ? 0 : 1));
        const TensorLayout& down = layout.tensors[9];
        REQUIRE(down.name == layer_tensor_name(0, "mlp.down_proj"));
        const Info& info = gguf.infos.at("blk.0.ffn_down.weight");
        CHECK(info.sizes == std::vector<uint64_t>{down.columns, down.rows});
        for (uint64_t row = 0; row < down.rows; ++row) {
            REQUIRE(value_at(gguf, info, row, 5) ==
                    snapshot.theta[down.first_value() + row * down.columns + 5]);
        }
        check_permuted(gguf, snapshot, layout.tensors[2], "blk.0.attn_q.weight");
        check_permuted(gguf, snapshot, layout.tensors[9 + 3], "blk.1.attn_k.weight");
    }
}

TEST_CASE("a GGUF export says shape and tokens", "[checkpoints]") {
    const ScratchFolder folder;
    const Snapshot snapshot = made_tiny_snapshot();
    const auto file = folder.path() / "tiny.gguf";
    const Tokenizer tokenizer = bytes_tokenizer();
    REQUIRE(export_gguf(snapshot, tokenizer.json(), file).ok());
    const Gguf gguf = read_gguf(*read_file(file, 1U << 24));
    CHECK(gguf.texts.at("general.architecture") == "llama");
    CHECK(gguf.numbers.at("llama.block_count") == 2);
    CHECK(gguf.numbers.at("llama.attention.head_count_kv") == 1);
    CHECK(gguf.numbers.at("llama.rope.dimension_count") == 8);
    const auto& tokens = gguf.lists.at("tokenizer.ggml.tokens");
    const auto& types = gguf.lists.at("tokenizer.ggml.token_type");
    REQUIRE(tokens.size() == 300);
    REQUIRE(types.size() == 300);
    const auto end = static_cast<size_t>(*tokenizer.end_of_text());
    CHECK(gguf.numbers.at("tokenizer.ggml.eos_token_id") == end);
    CHECK(tokens[end] == kEndOfText);
    CHECK(types[end] == "3");
    CHECK(tokens[299] == "<unused299>");
    CHECK(types[299] == "5");
    CHECK(std::count(types.begin(), types.end(), "1") == 256);
}

// A tokenizer of bytes, with this pattern and these added tokens behind them.
std::string made_tokenizer(const std::string& pattern,
                           bool whole_words,
                           const std::vector<AddedToken>& tokens) {
    AddedTokenMap added;
    for (const AddedToken& token : tokens) {
        added.emplace(256 + static_cast<int32_t>(added.size()), token);
    }
    return Tokenizer::from_parts(
               {*Bpe::from_merges({}), *PreTokenizer::compile(pattern), added, whole_words})
        ->json();
}

TEST_CASE("a GGUF export says what added tokens are, and names bos and eos", "[checkpoints]") {
    const ScratchFolder folder;
    const auto file = folder.path() / "tiny.gguf";
    const std::string tokenizer =
        made_tokenizer(std::string(kGpt2Pattern),
                       false,
                       {{"<pad>"}, {.content = "<think>", .special = false}, {"<stop>"}});
    const Status nameless = export_gguf(made_tiny_snapshot(), tokenizer, file);
    REQUIRE_FALSE(nameless.ok());
    CHECK(nameless.reason().find("--end-token") != std::string::npos);
    CHECK_FALSE(export_gguf(made_tiny_snapshot(), tokenizer, file, "<eos>").ok());
    CHECK(std::filesystem::is_empty(folder.path()));
    REQUIRE(export_gguf(made_tiny_snapshot(), tokenizer, file, "<stop>").ok());
    const Gguf gguf = read_gguf(*read_file(file, 1U << 24));
    CHECK(gguf.numbers.at("tokenizer.ggml.bos_token_id") == 258);
    CHECK(gguf.numbers.at("tokenizer.ggml.eos_token_id") == 258);
    CHECK(gguf.numbers.at("tokenizer.ggml.add_bos_token") == 0);
    const auto& tokens = gguf.lists.at("tokenizer.ggml.tokens");
    const auto& types = gguf.lists.at("tokenizer.ggml.token_type");
    CHECK(tokens[257] == "<think>");
    CHECK(types[256] == "3");
    CHECK(types[257] == "4");
}

TEST_CASE("a GGUF export names llama.cpp's pre-tokenizer, or none is written", "[checkpoints]") {
    const std::string llama3 =
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+)"
        R"([\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    const std::string qwen2 =
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+)"
        R"([\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    const std::string two_digits =
        R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++)"
        R"([\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
    struct Case {
        std::string pattern;
        bool whole_words;
        std::string name;  // empty: refused
    };
    const ScratchFolder folder;
    const auto file = folder.path() / "tiny.gguf";
    for (const Case& one : {Case{std::string(kGpt2Pattern), false, "gpt-2"},
                            Case{std::string(kGpt2Pattern), true, ""},
                            Case{llama3, true, "llama-bpe"},
                            Case{llama3, false, "smaug-bpe"},  // the same but for ignore_merges
                            Case{qwen2, false, "qwen2"},
                            Case{qwen2, true, ""},
                            Case{two_digits, false, ""},
                            Case{R"(\p{N}{1,3}| ?\p{L}+|\s+)", false, ""}}) {
        INFO(one.pattern);
        const std::string tokenizer =
            made_tokenizer(one.pattern, one.whole_words, {{std::string(kEndOfText)}});
        const Status written = export_gguf(made_tiny_snapshot(), tokenizer, file);
        REQUIRE(written.ok() == !one.name.empty());
        if (written.ok()) {
            CHECK(read_gguf(*read_file(file, 1U << 24)).texts.at("tokenizer.ggml.pre") == one.name);
        } else {
            CHECK_THAT(written.reason(), Catch::Contains(one.pattern));
        }
    }
}

TEST_CASE("a GGUF export refuses tokens that the format cannot describe", "[checkpoints]") {
    const ScratchFolder folder;
    for (const AddedToken& token : {AddedToken{.content = "<m>", .lstrip = true},
                                    AddedToken{.content = "<m>", .rstrip = true},
                                    AddedToken{.content = "<m>", .single_word = true}}) {
        const std::string tokenizer =
            made_tokenizer(std::string(kGpt2Pattern), false, {{std::string(kEndOfText)}, token});
        const Status written =
            export_gguf(made_tiny_snapshot(), tokenizer, folder.path() / "tiny.gguf");
        REQUIRE_FALSE(written.ok());
        CHECK_THAT(written.reason(), Catch::Contains("<m>"));
    }
}

TEST_CASE("a GGUF export without a fitting tokenizer fails and leaves no file", "[checkpoints]") {
    const ScratchFolder folder;
    const auto file = folder.path() / "tiny.gguf";
    CHECK_FALSE(export_gguf(made_tiny_snapshot(), "{}", file).ok());
    Snapshot small = made_tiny_snapshot();
    small.shape.vocab = 256;  // one less than the bytes and the end of text
    const Status written = export_gguf(small, bytes_tokenizer().json(), file);
    REQUIRE_FALSE(written.ok());
    CHECK(written.reason().find("257") != std::string::npos);
    CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace assay
