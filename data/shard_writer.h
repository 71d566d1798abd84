// Writes one series of token shards: tokens in, files of bounded size out, hashed on the way.
//
// A file is complete under its name or not there: temporary name, sync, rename. One owner thread.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/data_manifest.h"

namespace assay {

class ShardWriter {
public:
    // Files are named PREFIX-00000.tokens and so on, of at most shard_tokens tokens each.
    // REQUIRES: shard_tokens > 0.
    ShardWriter(std::filesystem::path folder,
                std::string prefix,
                bool held_out,
                uint32_t vocab_size,
                uint64_t shard_tokens);
    ~ShardWriter();  // removes what is not finished
    ShardWriter(const ShardWriter&) = delete;
    ShardWriter& operator=(const ShardWriter&) = delete;

    // REQUIRES: every token is in the vocabulary.
    [[nodiscard]] Status append(std::span<const int32_t> tokens);
    // Completes the last file. Nothing may be appended afterwards.
    Result<std::vector<ShardEntry>> finish();

    [[nodiscard]] uint64_t token_count() const { return token_count_; }

private:
    class File;
    [[nodiscard]] Status start_file();
    [[nodiscard]] Status end_file();

    std::filesystem::path folder_;
    std::string prefix_;
    bool held_out_;
    uint32_t vocab_size_;
    uint64_t shard_tokens_;
    uint64_t token_count_ = 0;
    bool finished_ = false;
    std::unique_ptr<File> file_;
    std::vector<ShardEntry> entries_;
};

}  // namespace assay
