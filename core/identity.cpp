#include "core/identity.h"

#include <sodium.h>

#include "core/files.h"
#include "core/text_edges.h"

namespace assay {

namespace {

thread_local uint64_t checked = 0;

void ensure_sodium() {
    static const int kReady = sodium_init();
    ASSAY_CHECK(kReady >= 0);
}

}  // namespace

Identity Identity::from_seed(const Digest& seed) {
    ensure_sodium();
    Identity identity;
    crypto_sign_seed_keypair(identity.id_.key.data(), identity.secret_.data(), seed.bytes.data());
    return identity;
}

Identity Identity::generate() {
    ensure_sodium();
    Digest seed;
    randombytes_buf(seed.bytes.data(), seed.bytes.size());
    return from_seed(seed);
}

Result<Identity> Identity::load(const std::filesystem::path& file) {
    Result<std::string> text = read_text_file(file, 1024);
    if (!text) {
        return text.error();
    }
    const std::string why = why_no_text(*text);
    Result<Digest> seed = why.empty()
                              ? digest_from_hex(without_blanks(without_byte_order_mark(*text)))
                              : Result<Digest>(fail(why));
    if (!seed) {
        return fail("key file " + file.string() + " is not valid: " + seed.reason() +
                    "; make a new one with `assay keygen`");
    }
    return from_seed(*seed);
}

Status Identity::save(const std::filesystem::path& file) const {
    // An Ed25519 secret key of libsodium is the seed followed by the public key.
    const std::string text = to_hex(ByteSpan(secret_).first(32)) + "\n";
    return write_file_atomically(file, as_bytes(text), 0600);
}

Signature Identity::sign(ByteSpan message) const {
    Signature signature{};
    crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_.data());
    return signature;
}

CurveKey Identity::curve_public() const {
    Result<CurveKey> key = curve_key_of(id_);
    return key.value();
}

CurveKey Identity::curve_secret() const {
    CurveKey key{};
    ASSAY_CHECK_EQ(crypto_sign_ed25519_sk_to_curve25519(key.data(), secret_.data()), 0);
    return key;
}

bool verify_signature(const PeerId& signer, ByteSpan message, const Signature& sig) {
    ensure_sodium();
    ++checked;
    return crypto_sign_verify_detached(
               sig.data(), message.data(), message.size(), signer.key.data()) == 0;
}

uint64_t signatures_checked() {
    return checked;
}

Result<CurveKey> curve_key_of(const PeerId& id) {
    ensure_sodium();
    CurveKey key{};
    if (crypto_sign_ed25519_pk_to_curve25519(key.data(), id.key.data()) != 0) {
        return fail("key " + id.hex() + " is not a valid Ed25519 public key");
    }
    return key;
}

Result<PeerId> peer_id_from_hex(std::string_view hex) {
    Result<Digest> digest = digest_from_hex(hex);
    if (!digest) {
        return fail("a peer key is 64 hexadecimal digits: " + digest.reason());
    }
    PeerId id;
    id.key = digest->bytes;
    return id;
}

}  // namespace assay
