#include "data/data_manifest.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <set>

#include "core/files.h"
#include "protocol/limits.h"
#include "tokenizer/bpe.h"

namespace assay {

namespace {

constexpr std::string_view kFirstLine = "assay data manifest 1";
constexpr std::string_view kEndToken = "end_token ";

bool is_plain_name(std::string_view name) {
    if (name.empty() || name.size() > 128 || name.front() == '.') {
        return false;
    }
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return true;
}

std::string_view take_until(std::string_view& text, char end) {
    const size_t at = text.find(end);
    const std::string_view front = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return front;
}

template <typename T>
bool read_number(std::string_view text, T& value) {
    const char* end = text.data() + text.size();
    const std::from_chars_result got = std::from_chars(text.data(), end, value);
    return !text.empty() && got.ec == std::errc() && got.ptr == end;
}

bool read_digest(std::string_view text, Digest& digest) {
    const Result<Digest> read = digest_from_hex(text);
    if (read.ok()) {
        digest = *read;
    }
    return read.ok();
}

// "shard FILE SHA256 TOKENS train|held_out"
bool read_shard(std::string_view line, ShardEntry& shard) {
    if (take_until(line, ' ') != "shard") {
        return false;
    }
    shard.file = std::string(take_until(line, ' '));
    const std::string_view hash = take_until(line, ' ');
    const std::string_view count = take_until(line, ' ');
    shard.held_out = line == "held_out";
    return is_plain_name(shard.file) && read_digest(hash, shard.sha256) &&
           read_number(count, shard.token_count) && shard.token_count <= limits::kShardTokensMax &&
           (shard.held_out || line == "train");
}

Status check_head(const DataManifest& manifest) {
    if (manifest.vocab_size < 1 || manifest.vocab_size > uint32_t{Bpe::kVocabMax}) {
        return fail("the data manifest's vocab_size is " + std::to_string(manifest.vocab_size) +
                    "; allowed are 1 to " + std::to_string(Bpe::kVocabMax));
    }
    if (manifest.end_token && *manifest.end_token >= manifest.vocab_size) {
        return fail("the data manifest's end_token is no token of its vocabulary");
    }
    if (!(manifest.unigram_entropy >= 0 && manifest.unigram_entropy < 64)) {
        return fail("the data manifest's unigram_entropy is out of bounds");
    }
    return {};
}

Status read_shards(std::string_view text, DataManifest& manifest) {
    std::set<std::string> names;
    while (!text.empty()) {
        const std::string_view line = take_until(text, '\n');
        ShardEntry shard;
        if (!read_shard(line, shard)) {
            const size_t head_lines = manifest.end_token ? 5 : 4;
            return fail("line " + std::to_string(manifest.shards.size() + head_lines + 1) +
                        " of the data manifest is no shard");
        }
        if (!names.insert(shard.file).second) {
            return fail("the data manifest names " + shard.file + " twice");
        }
        if (manifest.shards.size() == limits::kShardsMax) {
            return fail("the data manifest has more than " + std::to_string(limits::kShardsMax) +
                        " shards");
        }
        manifest.shards.push_back(std::move(shard));
    }
    return {};
}

}  // namespace

std::string encode_data_manifest(const DataManifest& manifest) {
    std::string text = std::string(kFirstLine) + "\n";
    text += "vocab_size " + std::to_string(manifest.vocab_size) + "\n";
    text += "tokenizer " + manifest.tokenizer.hex() + "\n";
    text += "unigram_entropy_bits " +
            std::to_string(std::bit_cast<uint64_t>(manifest.unigram_entropy)) + "\n";
    if (manifest.end_token) {
        text += std::string(kEndToken) + std::to_string(*manifest.end_token) + "\n";
    }
    for (const ShardEntry& shard : manifest.shards) {
        text += "shard " + shard.file + " " + shard.sha256.hex() + " " +
                std::to_string(shard.token_count) + (shard.held_out ? " held_out\n" : " train\n");
    }
    return text;
}

Result<DataManifest> parse_data_manifest(std::string_view text) {
    const std::string_view whole = text;
    if (take_until(text, '\n') != kFirstLine) {
        return fail("this is no data manifest: it does not begin with \"" +
                    std::string(kFirstLine) + "\"");
    }
    DataManifest manifest;
    uint64_t entropy_bits = 0;
    std::string_view vocab = take_until(text, '\n');
    std::string_view tokenizer = take_until(text, '\n');
    std::string_view entropy = take_until(text, '\n');
    if (take_until(vocab, ' ') != "vocab_size" || !read_number(vocab, manifest.vocab_size) ||
        take_until(tokenizer, ' ') != "tokenizer" || !read_digest(tokenizer, manifest.tokenizer) ||
        take_until(entropy, ' ') != "unigram_entropy_bits" || !read_number(entropy, entropy_bits)) {
        return fail("the head of the data manifest is not well formed");
    }
    manifest.unigram_entropy = std::bit_cast<double>(entropy_bits);
    if (text.starts_with(kEndToken)) {
        std::string_view end = take_until(text, '\n').substr(kEndToken.size());
        if (!read_number(end, manifest.end_token.emplace())) {
            return fail("the data manifest's end_token is no number");
        }
    }
    if (Status head = check_head(manifest); !head.ok()) {
        return head.error();
    }
    if (Status shards = read_shards(text, manifest); !shards.ok()) {
        return shards.error();
    }
    if (encode_data_manifest(manifest) != whole) {
        return fail("the data manifest is not written in its one canonical form");
    }
    return manifest;
}

Result<DataManifest> load_data_manifest(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / kDataManifestFile;
    Result<std::string> text = read_text_file(file, limits::kDataManifestBytesMax);
    if (!text) {
        return text.error();
    }
    Result<DataManifest> manifest = parse_data_manifest(*text);
    if (!manifest) {
        return fail(file.string() + ": " + manifest.reason());
    }
    return manifest;
}

}  // namespace assay
