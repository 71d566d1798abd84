// One safetensors file: u64 header length | JSON | the tensors' values, little-endian, no holes.
//
// Knows layouts, not networks. Reading accepts a local file from anywhere: its size, header and
// every tensor's place are checked before a value is read, and no more than the layout says is
// allocated. https://github.com/huggingface/safetensors describes the format.

#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "protocol/layout.h"

namespace assay {

// The live values of each tensor as F32, in the layout's order.
// REQUIRES: values.size() == layout.value_count().
Bytes safetensors_bytes(const ParameterLayout& layout, std::span<const float> values);

// Values in layout order, padding zero. F32, F16 and BF16 are read, the last two without loss.
// Every tensor of the layout must be there; others are refused, but for `ignored` names.
Result<std::vector<float>> read_safetensors(const std::filesystem::path& file,
                                            const ParameterLayout& layout,
                                            const std::vector<std::string>& ignored = {});

}  // namespace assay
