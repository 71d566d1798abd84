// A tokenizer without merges: 256 bytes and the end of text.

#pragma once

#include <string>
#include <utility>

#include "tokenizer/tokenizer.h"

namespace assay {

inline Tokenizer bytes_tokenizer() {
    Tokenizer::Parts parts{
        *Bpe::from_merges({}), PreTokenizer::gpt2(), {{256, {std::string(kEndOfText)}}}};
    return *Tokenizer::from_parts(std::move(parts));
}

}  // namespace assay
