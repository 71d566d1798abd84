// Token shards on disk, memory-mapped, read as training sequences.
//
// A shard is 64 bytes of header ("ASSAYTOK", u32 version 1, u32 bytes of a token, u32 vocab_size,
// zeros), then tokens: u16, or u32 where the vocabulary is larger than 65536; little-endian. Sample
// i of a shard is the window of T + 1 tokens from i * T on; none crosses a shard. Samples are
// numbered through the training shards in the manifest's order, those held out apart. Immutable
// once open; any thread.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/data_manifest.h"

namespace assay {

constexpr uint64_t kShardHeaderBytes = 64;

// 2 or 4.
uint32_t token_bytes_of(uint32_t vocab_size);
Bytes shard_header(uint32_t vocab_size);

class TokenShards {
public:
    // Fails on a file that is missing, of another size or header than the manifest says, or, with
    // verify_hashes, of another hash; and if there is no training sample of this length.
    static Result<TokenShards> open(const std::filesystem::path& folder,
                                    const DataManifest& manifest,
                                    uint32_t sequence_tokens,
                                    bool verify_hashes);
    TokenShards(TokenShards&&) noexcept;
    TokenShards& operator=(TokenShards&&) noexcept;
    ~TokenShards();

    // Whole windows of T + 1 tokens, of the training shards and of those held out.
    [[nodiscard]] uint64_t sample_count() const;
    [[nodiscard]] uint64_t held_out_count() const;
    [[nodiscard]] uint32_t sequence_tokens() const { return sequence_tokens_; }

    // Appends T + 1 tokens a sample, in order. Fails, leaving `out` as it was, on an unknown sample
    // and on a token outside the vocabulary.
    [[nodiscard]] Status read_samples(std::span<const uint64_t> samples,
                                      std::vector<int32_t>& out) const;
    [[nodiscard]] Status read_held_out(std::span<const uint64_t> samples,
                                       std::vector<int32_t>& out) const;

private:
    class Map;
    struct Part {
        std::unique_ptr<Map> map;
        uint64_t first_sample = 0;
        uint64_t samples = 0;
    };
    struct Series {
        std::vector<Part> parts;
        uint64_t samples = 0;
    };

    TokenShards();
    [[nodiscard]] Status read(const Series& series,
                              std::span<const uint64_t> samples,
                              std::vector<int32_t>& out) const;

    Series training_;
    Series held_out_;
    uint32_t sequence_tokens_ = 0;
    uint32_t vocab_size_ = 0;
};

}  // namespace assay
