// Bytes that are the same each time: of a size, and with a salt others.

#pragma once

#include "core/bytes.h"

namespace assay {

inline Bytes some_bytes(size_t size, uint8_t salt = 0) {
    Bytes bytes(size);
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<uint8_t>(i * 31 + i / 251 + salt);
    }
    return bytes;
}

}  // namespace assay
