#include "core/digest.h"

#include <openssl/evp.h>

namespace assay {

namespace {

// Fetched once: looking the algorithm up again for each digest costs more than a small hash.
const EVP_MD* algorithm() {
    static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    ASSAY_CHECK(kAlgorithm != nullptr);
    return kAlgorithm;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Digest& digest) {
    return out << digest.hex();
}

Result<Digest> digest_from_hex(std::string_view hex) {
    Result<Bytes> bytes = from_hex(hex);
    if (!bytes) {
        return bytes.error();
    }
    return digest_from_bytes(*bytes);
}

Result<Digest> digest_from_bytes(ByteSpan bytes) {
    if (bytes.size() != Digest::kSize) {
        return fail("a digest has 32 bytes, not " + std::to_string(bytes.size()));
    }
    Digest digest;
    std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
    return digest;
}

struct Sha256::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
    void start() { ASSAY_CHECK_EQ(EVP_DigestInit_ex(context, algorithm(), nullptr), 1); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    state_->start();
}

Sha256::Sha256(std::string_view domain) : Sha256() {
    ASSAY_CHECK_LT(domain.size(), size_t{256});
    const auto length = static_cast<uint8_t>(domain.size());
    add(ByteSpan(&length, 1));
    add(as_bytes(domain));
}

Sha256::~Sha256() = default;

void Sha256::add(ByteSpan bytes) {
    ASSAY_CHECK_EQ(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()), 1);
}

Digest Sha256::finish() {
    Digest digest;
    ASSAY_CHECK_EQ(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), nullptr), 1);
    state_->start();
    return digest;
}

Digest sha256_plain(ByteSpan bytes) {
    Sha256 hasher;
    hasher.add(bytes);
    return hasher.finish();
}

Digest sha256(std::string_view domain, ByteSpan a, ByteSpan b, ByteSpan c) {
    Sha256 hasher(domain);
    hasher.add(a);
    hasher.add(b);
    hasher.add(c);
    return hasher.finish();
}

}  // namespace assay
