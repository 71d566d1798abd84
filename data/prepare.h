// Text to token shards: streaming, in bounded memory, complete or absent.
//
// Blocks of text are hashed; every kHeldOutEvery-th (by hash) is held out, so that both parts have
// the same distribution and the split does not depend on the order of reading.

#pragma once

#include <filesystem>
#include <functional>

#include "data/text_source.h"
#include "data/token_shards.h"
#include "data/tokenizer.h"

namespace assay {

struct PrepareSettings {
    uint64_t shard_tokens = uint64_t{1} << 26;
    uint32_t held_out_every = 20;
    size_t block_bytes = 16384;                        // unit of the split
    uint64_t held_out_tokens_max = uint64_t{1} << 21;  // later blocks are then all trained on
};

// Writes shards, then the manifest (data.manifest) that makes them exist, into `folder`.
Result<DataManifest> prepare_data(TextSource& source,
                                  const Tokenizer& tokenizer,
                                  const std::filesystem::path& folder,
                                  const PrepareSettings& settings,
                                  const std::function<void(double)>& progress = {});

}  // namespace assay
