// What a prepared data set consists of: its token shards with their hashes. Text, so that it can be
// read by people and hashed; every node of a run has the same one.
//
// No file is opened here but the manifest itself (data/token_shards.h maps the shards).

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"

namespace assay {

constexpr std::string_view kDataManifestFile = "data.manifest";  // in the data set's folder

struct ShardEntry {
    std::string file;  // a plain name in the data set's folder
    Digest sha256;     // plain SHA-256 of the whole file
    uint64_t token_count = 0;
    bool held_out = false;
    bool operator==(const ShardEntry&) const = default;
};

struct DataManifest {
    uint32_t vocab_size = 0;
    std::vector<ShardEntry> shards;
    // Nats per token of the held-out text under the training text's unigram distribution with
    // add-one smoothing: what a model that learnt nothing but frequencies would reach.
    double unigram_entropy = 0;
    Digest tokenizer;                   // plain SHA-256 of the tokenizer.json that made the tokens
    std::optional<uint32_t> end_token;  // that ends documents, where its name was given by hand
    bool operator==(const DataManifest&) const = default;
};

// The one canonical text of these values.
std::string encode_data_manifest(const DataManifest& manifest);
// From a stranger: accepts only what encode_data_manifest prints, with file names that stay inside
// a folder.
Result<DataManifest> parse_data_manifest(std::string_view text);
// The manifest of a data set's folder; the reason names the file.
Result<DataManifest> load_data_manifest(const std::filesystem::path& folder);

}  // namespace assay
