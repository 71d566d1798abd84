// Text in blocks: what a tokenizer learns from.

#pragma once

#include <string>

#include "core/result.h"

namespace assay {

class BlockSource {
public:
    virtual ~BlockSource() = default;
    // The next block, UTF-8 that ends where a pre-token may; empty at the end.
    virtual Result<std::string> next() = 0;
    // How much of the input is read, 0 to 1.
    [[nodiscard]] virtual double progress() const = 0;
};

}  // namespace assay
