// Identifiers. A peer is its Ed25519 public key; a round is a number that is never used twice.

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "core/bytes.h"

namespace assay {

// Ed25519 public key. "Order of peer id" is the order of these bytes.
struct PeerId {
    std::array<uint8_t, 32> key{};

    auto operator<=>(const PeerId&) const = default;
    [[nodiscard]] std::string hex() const { return to_hex(key); }
    // First 8 hexadecimal digits, for tables.
    [[nodiscard]] std::string brief() const { return hex().substr(0, 8); }
    [[nodiscard]] ByteSpan span() const { return key; }
};

inline std::ostream& operator<<(std::ostream& out, const PeerId& id) {
    return out << id.brief();
}

struct RoundId {
    uint64_t value = 0;

    auto operator<=>(const RoundId&) const = default;
    [[nodiscard]] RoundId next() const { return RoundId{value + 1}; }
};

inline std::ostream& operator<<(std::ostream& out, RoundId id) {
    return out << id.value;
}

}  // namespace assay

template <>
struct std::hash<assay::PeerId> {
    size_t operator()(const assay::PeerId& id) const noexcept {
        size_t value = 0;
        for (size_t i = 0; i < sizeof(value); ++i) {
            value = value << 8 | id.key[i];
        }
        return value;
    }
};
