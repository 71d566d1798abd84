// A snapshot's model as a Hugging Face folder that stock `transformers` loads, and back.
//
// RoPE is half-split on both sides, so nothing is permuted. Import reads local folders only; what
// would make another network of the same tensors (biases, stretched positions) is refused.

#pragma once

#include <filesystem>
#include <string>

#include "checkpoints/snapshot.h"
#include "core/result.h"

namespace assay {

// Writes model.safetensors, config.json, generation_config.json, tokenizer.json,
// tokenizer_config.json, special_tokens_map.json and README.md. Each file is complete or absent.
// `end_token`: by name; empty: by the names in use. It is named as the beginning of a text too, as
// in training, or neither is named where the tokenizer has none. A post-processor of the tokenizer
// that adds tokens to every text is left out: training and serving follow none.
Status export_hugging_face(const Snapshot& snapshot,
                           const std::string& tokenizer_json,
                           const std::filesystem::path& folder,
                           const std::string& end_token = "");

// Fails on a folder that holds anything but an export of ours; the reason names a file.
Status check_export_folder(const std::filesystem::path& folder);

// theta and shape from config.json and model.safetensors (one file; F32, F16 or BF16); everything
// else is empty.
Result<Snapshot> import_hugging_face(const std::filesystem::path& folder);

}  // namespace assay
