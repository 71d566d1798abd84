// SHA-256 digests with domain separation.
//
// sha256(domain, parts...) hashes u8 length of the domain, the domain, then each part's bytes.
// Domains in use: "strip", "node", "leaf", "commit", "plan", ..: one short name per kind of thing.

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "core/bytes.h"

namespace assay {

struct Digest {
    static constexpr size_t kSize = 32;
    std::array<uint8_t, kSize> bytes{};

    auto operator<=>(const Digest&) const = default;
    [[nodiscard]] bool is_zero() const { return *this == Digest{}; }
    [[nodiscard]] std::string hex() const { return to_hex(bytes); }
    // First 12 hexadecimal digits, for people.
    [[nodiscard]] std::string brief() const { return hex().substr(0, 12); }
    [[nodiscard]] ByteSpan span() const { return bytes; }
};

std::ostream& operator<<(std::ostream& out, const Digest& digest);
// Fails unless these are 64 hexadecimal digits of either case.
Result<Digest> digest_from_hex(std::string_view hex);
// REQUIRES nothing: fails unless bytes.size() is 32.
Result<Digest> digest_from_bytes(ByteSpan bytes);

// Streaming SHA-256. Reusable after finish().
class Sha256 {
public:
    Sha256();
    // Begins with the domain. REQUIRES: fewer than 256 bytes.
    explicit Sha256(std::string_view domain);
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    // The parts are joined without separators: what has no fixed size needs its length in front.
    void add(ByteSpan bytes);
    void add(const Digest& digest) { add(digest.span()); }
    // Starts anew without a domain, whatever the constructor was given.
    Digest finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Plain SHA-256 without a domain: what `sha256sum` prints. Used for blobs.
Digest sha256_plain(ByteSpan bytes);
Digest sha256(std::string_view domain, ByteSpan a, ByteSpan b = {}, ByteSpan c = {});

}  // namespace assay

template <>
struct std::hash<assay::Digest> {
    size_t operator()(const assay::Digest& digest) const noexcept {
        size_t value = 0;
        for (size_t i = 0; i < sizeof(value); ++i) {
            value = value << 8 | digest.bytes[i];
        }
        return value;
    }
};
