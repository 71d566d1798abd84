// A snapshot's model as one GGUF file (version 3, F32), which llama.cpp and its kin load.
//
// Out only. That family turns neighbouring pairs in its rotary positions, so the rows of q and k
// are permuted; everything else is the same. https://github.com/ggml-org/ggml/blob/master/docs
// describes the format.

#pragma once

#include <filesystem>
#include <string>

#include "checkpoints/snapshot.h"
#include "core/result.h"

namespace assay {

// The file is complete or absent. `end_token`: by name; empty: by the names in use. Fails on a
// tokenizer that has more tokens than the model, and on one that llama.cpp would read in another
// way: a pattern that it has no name for, tokens that take blanks, no end of text (it would take
// id 11).
Status export_gguf(const Snapshot& snapshot,
                   const std::string& tokenizer_json,
                   const std::filesystem::path& file,
                   const std::string& end_token = "");

}  // namespace assay
