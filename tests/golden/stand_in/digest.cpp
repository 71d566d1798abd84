// SHA-256 in place of core/digest.cpp, for programs that scripts/check_exact.sh builds for
// processors without the libraries that core/ links. Slow, over a message that is kept whole.

#include "core/digest.h"

#include <array>
#include <bit>

namespace assay {

// FIPS 180-4, over a message that is kept whole.
struct Sha256::State {
    Bytes message;
};

namespace {

constexpr uint32_t kRoundWords[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void add_block(const uint8_t* block, std::array<uint32_t, 8>& hash) {
    uint32_t w[64];
    for (size_t i = 0; i < 16; ++i) {
        w[i] = uint32_t{block[4 * i]} << 24 | uint32_t{block[4 * i + 1]} << 16 |
               uint32_t{block[4 * i + 2]} << 8 | block[4 * i + 3];
    }
    for (size_t i = 16; i < 64; ++i) {
        const uint32_t a = w[i - 15];
        const uint32_t b = w[i - 2];
        w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[i - 7] +
               (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
    }
    std::array<uint32_t, 8> v = hash;
    for (size_t i = 0; i < 64; ++i) {
        const uint32_t e = v[4];
        const uint32_t a = v[0];
        const uint32_t t = v[7] + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                           ((e & v[5]) ^ (~e & v[6])) + kRoundWords[i] + w[i];
        const uint32_t u = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) +
                           ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        v = {t + u, a, v[1], v[2], v[3] + t, e, v[5], v[6]};
    }
    for (size_t i = 0; i < 8; ++i) {
        hash[i] += v[i];
    }
}

}  // namespace

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(std::string_view domain) : Sha256() {
    state_->message.push_back(static_cast<uint8_t>(domain.size()));
    add(as_bytes(domain));
}
void Sha256::add(ByteSpan bytes) {
    state_->message.insert(state_->message.end(), bytes.begin(), bytes.end());
}
Digest Sha256::finish() {
    Bytes& message = state_->message;
    const uint64_t bits = 8 * message.size();
    message.push_back(0x80);
    message.resize((message.size() + 8 + 63) / 64 * 64);
    for (size_t i = 0; i < 8; ++i) {
        message[message.size() - 1 - i] = static_cast<uint8_t>(bits >> (8 * i));
    }
    std::array<uint32_t, 8> hash{0x6a09e667,
                                 0xbb67ae85,
                                 0x3c6ef372,
                                 0xa54ff53a,
                                 0x510e527f,
                                 0x9b05688c,
                                 0x1f83d9ab,
                                 0x5be0cd19};
    for (size_t at = 0; at < message.size(); at += 64) {
        add_block(message.data() + at, hash);
    }
    message.clear();
    Digest digest;
    for (size_t i = 0; i < Digest::kSize; ++i) {
        digest.bytes[i] = static_cast<uint8_t>(hash[i / 4] >> (24 - 8 * (i % 4)));
    }
    return digest;
}

Digest sha256_plain(ByteSpan bytes) {
    Sha256 hash;
    hash.add(bytes);
    return hash.finish();
}
Digest sha256(std::string_view domain, ByteSpan a, ByteSpan b, ByteSpan c) {
    Sha256 hash(domain);
    hash.add(a);
    hash.add(b);
    hash.add(c);
    return hash.finish();
}

}  // namespace assay
