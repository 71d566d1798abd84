#include "protocol/entry_work.h"

#include <array>
#include <bit>

#include "core/check.h"

namespace assay {

namespace {

constexpr uint64_t kTriesBetween = uint64_t{1} << 14;  // a hundredth of a second or so

uint32_t zero_bits(const Digest& digest) {
    uint32_t zeros = 0;
    for (const uint8_t byte : digest.bytes) {
        zeros += static_cast<uint32_t>(std::countl_zero(byte));
        if (byte != 0) {
            break;
        }
    }
    return zeros;
}

std::array<uint8_t, sizeof(uint64_t)> little_endian(uint64_t number) {
    std::array<uint8_t, sizeof(uint64_t)> bytes{};
    for (uint8_t& byte : bytes) {
        byte = static_cast<uint8_t>(number);
        number >>= 8U;
    }
    return bytes;
}

}  // namespace

bool is_entry_work(const Digest& manifest, const PeerId& peer, uint64_t nonce, uint32_t bits) {
    return bits == 0 ||
           zero_bits(sha256("entry", manifest.span(), peer.span(), little_endian(nonce))) >= bits;
}

std::optional<uint64_t> find_entry_nonce(const Digest& manifest,
                                         const PeerId& peer,
                                         uint32_t bits,
                                         const EntryProgress& go_on) {
    ASSAY_CHECK(go_on != nullptr);
    uint64_t nonce = 0;
    while (!is_entry_work(manifest, peer, nonce, bits)) {
        if (++nonce % kTriesBetween == 0 && !go_on(nonce)) {
            return std::nullopt;
        }
    }
    return nonce;
}

}  // namespace assay
