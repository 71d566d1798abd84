// Whether bytes are text at all, and if not, what they are. Stateless.
//
// What is packed, of another encoding or made of records is refused by name: byte-level BPE would
// take anything, and nobody would notice before the model talks.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "core/result.h"

namespace assay {

// Whether the file holds a JSON object a line (data/json_lines.h): by its name or its first bytes.
bool is_json_lines(const std::filesystem::path& file, std::string_view first_bytes);
// By the name's ending and by the first bytes of what is in the file, unpacked.
Status check_text_file(const std::filesystem::path& file, std::string_view first_bytes);
// A part of a text: fails where its bytes are not those of UTF-8. `replaced`: how many ill-formed
// parts it had.
Status check_text_block(std::string_view block, uint64_t replaced);

}  // namespace assay
