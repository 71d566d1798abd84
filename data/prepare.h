// Text to token shards: streams, bounded memory, any size.
//
// The token stream is cut into blocks; of each `held_out_every` blocks one, drawn from the number
// of the group alone, is held out: the held-out text has the distribution of the whole, and the
// same text gives the same files. Added tokens of the tokenizer that stand in the text become their
// ids. The end of a document (data/corpus.h) is the tokenizer's end-of-text token, if it has one,
// as is the literal <|endoftext|> in a text.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "data/corpus.h"
#include "data/data_manifest.h"

namespace assay {

struct PrepareOptions {
    CorpusOptions corpus;
    std::filesystem::path tokenizer;  // tokenizer.json
    std::filesystem::path folder;     // of the data set; made if it is not there
    std::string end_token;            // by name; empty: by the names in use
    uint64_t shard_tokens = 1 << 26;
    uint64_t block_tokens = 4096;
    uint64_t held_out_every = 50;  // at least 2
};

struct PrepareReport {
    DataManifest manifest;
    CorpusCounts corpus;
    uint64_t training_tokens = 0;
    uint64_t held_out_tokens = 0;
    bool ends_documents = false;  // the tokenizer has an end of text
};

// Makes all files in a folder within `folder`, and puts them into their places when they are whole:
// a data set that was there before is replaced then, or not at all. A folder with a manifest is
// always whole. Progress, from 0 to 1, may be empty.
Result<PrepareReport> prepare_data(const PrepareOptions& options,
                                   const std::function<void(double)>& progress = {});

// Whether block number `block` is held out.
bool is_held_out(uint64_t block, uint64_t held_out_every);

// Nats per token of a text with these counts under the add-one smoothed distribution of the other.
// REQUIRES: equal sizes.
double unigram_entropy(std::span<const uint64_t> training_counts,
                       std::span<const uint64_t> held_out_counts);

}  // namespace assay
