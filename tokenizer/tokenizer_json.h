// The bytes of Hugging Face's tokenizer.json, and of GPT-2's vocab.json with merges.txt.
//
// Accepts files from strangers: everything is bounded, and what this program could not encode in
// the same way is refused with the reason. The only part of data/ that sees a JSON library.

#pragma once

#include <string>
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace assay {

// The reason names the entry that this program would encode in another way.
Result<Tokenizer::Parts> parse_tokenizer_json(std::string_view json);
Result<Tokenizer::Parts> parse_gpt2_files(std::string_view vocab_json, std::string_view merges);
// The same parts give the same bytes.
std::string write_tokenizer_json(const Tokenizer::Parts& parts);

// GPT-2's writing of any bytes as printable characters: one character a byte.
std::string bytes_to_printable(std::string_view bytes);
// Fails on a character that stands for no byte, and on what is no UTF-8.
Result<std::string> printable_to_bytes(std::string_view printable);

}  // namespace assay
