// A snapshot's model as a Hugging Face folder that stock `transformers` loads, and back.
//
// safetensors: u64 header length | JSON | fp32 data. RoPE is half-split on both sides, so nothing
// is permuted. Import reads local folders only; sizes are bounded and checked before anything is
// read.

#pragma once

#include <filesystem>
#include <string>

#include "checkpoints/snapshot.h"
#include "core/result.h"

namespace assay {

// Writes model.safetensors, config.json, generation_config.json, tokenizer.json,
// tokenizer_config.json and README.md. Each file is complete or absent.
Status export_hugging_face(const Snapshot& snapshot,
                           const std::string& tokenizer_json,
                           const std::filesystem::path& folder);

// theta and shape from config.json and model.safetensors (fp32); everything else is empty.
Result<Snapshot> import_hugging_face(const std::filesystem::path& folder);

}  // namespace assay
