// Token shards: files of token ids, mapped into memory, and the manifest that lists them by hash.
//
//   shard: "ATOK" | u32 version 1 | u32 bytes per token (2 or 4) | u32 zero | u64 count | ids, LE
//
// Sample i of a stream is the T + 1 tokens from position i * T of its shards laid end to end; a
// sample never spans two shards. Reading is safe from several threads.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "core/result.h"

namespace assay {

struct ShardEntry {
    std::string file;  // a plain name in the manifest's folder
    Digest sha256;
    uint64_t token_count = 0;
    bool held_out = false;
};

struct DataManifest {
    uint32_t vocab_size = 0;
    // Nats per token of the held-out tokens under the training tokens' frequencies plus one.
    double unigram_entropy = 0;
    std::vector<ShardEntry> shards;
};

constexpr const char* kDataManifestFile = "data.manifest";
constexpr size_t kShardHeaderBytes = 24;

std::string encode_data_manifest(const DataManifest& manifest);
// From a stranger: bounded; file names are plain names.
Result<DataManifest> parse_data_manifest(std::string_view text);

// Header of a shard file.
Bytes shard_header(uint32_t bytes_per_token, uint64_t count);

class TokenShards {
public:
    static Result<TokenShards> open(const std::filesystem::path& folder,
                                    const DataManifest& manifest,
                                    uint32_t sequence_tokens,
                                    bool verify_hashes);
    TokenShards(TokenShards&&) noexcept;
    TokenShards& operator=(TokenShards&&) noexcept;
    ~TokenShards();

    [[nodiscard]] uint64_t sample_count() const;
    [[nodiscard]] uint64_t held_out_count() const;
    [[nodiscard]] uint32_t sequence_tokens() const;
    // out becomes (samples.size(), T + 1), row-major. Fails on a sample that there is not.
    Status read_samples(std::span<const uint64_t> samples, std::vector<int32_t>& out) const;
    Status read_held_out(std::span<const uint64_t> samples, std::vector<int32_t>& out) const;

private:
    struct State;
    explicit TokenShards(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace assay
