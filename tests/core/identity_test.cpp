// Keys, signatures and their CURVE images.

#include "core/identity.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "core/files.h"
#include "tests/support/scratch_folder.h"

namespace assay {

namespace {

Identity identity_of(const char* name) {
    return Identity::from_seed(sha256_plain(as_bytes(name)));
}

}  // namespace

// RFC 8032, section 7.1, test 1.
TEST_CASE("a seed gives the published public key and signature") {
    const Digest seed =
        digest_from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").value();
    const Identity identity = Identity::from_seed(seed);
    CHECK(identity.id().hex() ==
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    CHECK(to_hex(identity.sign({})) ==
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
          "1cf9"
          "b46bd25bf5f0595bbe24655141438e7a100b");
}

TEST_CASE("a signature holds for its message and its signer alone") {
    const Identity alice = identity_of("alice");
    const Signature signature = alice.sign(as_bytes("message"));
    CHECK(verify_signature(alice.id(), as_bytes("message"), signature));
    CHECK_FALSE(verify_signature(alice.id(), as_bytes("messagf"), signature));
    CHECK_FALSE(verify_signature(identity_of("bob").id(), as_bytes("message"), signature));
    for (size_t i = 0; i < signature.size(); ++i) {
        Signature bent = signature;
        bent[i] ^= 1;
        CHECK_FALSE(verify_signature(alice.id(), as_bytes("message"), bent));
    }
}

TEST_CASE("a saved key is the same key, and nobody else may read it") {
    const ScratchFolder folder;
    const auto file = folder.path() / "key";
    const Identity made = Identity::generate();
    REQUIRE(made.save(file).ok());
    const Result<Identity> loaded = Identity::load(file);
    REQUIRE(loaded.ok());
    CHECK(loaded->id() == made.id());
    CHECK(loaded->curve_secret() == made.curve_secret());
    struct stat info {};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
}

TEST_CASE("two generated keys differ") {
    CHECK(Identity::generate().id() != Identity::generate().id());
}

TEST_CASE("a broken key file says what to do") {
    const ScratchFolder folder;
    const auto file = folder.path() / "key";
    CHECK_THAT(Identity::load(file).reason(), Catch::Contains("cannot read"));
    REQUIRE(write_file_atomically(file, as_bytes("12zz\n")).ok());
    CHECK_THAT(Identity::load(file).reason(), Catch::Contains("assay keygen"));
}

TEST_CASE("the CURVE key is the image of the public key") {
    const Identity alice = identity_of("alice");
    CHECK(curve_key_of(alice.id()).value() == alice.curve_public());
    CHECK(alice.curve_public() != identity_of("bob").curve_public());
}

TEST_CASE("two Ed25519 keys share one CURVE key") {
    const Identity alice = identity_of("alice");
    PeerId mirrored = alice.id();
    mirrored.key[31] ^= 0x80;  // the sign bit
    const Result<CurveKey> image = curve_key_of(mirrored);
    if (image.ok()) {
        CHECK(*image == alice.curve_public());
    }
}

TEST_CASE("bytes that are no key of the curve are refused") {
    PeerId none;
    none.key.fill(0xff);
    CHECK_FALSE(curve_key_of(none).ok());
    CHECK_FALSE(verify_signature(none, as_bytes("x"), Signature{}));
    CHECK_FALSE(peer_id_from_hex("abcd").ok());
    CHECK(peer_id_from_hex(identity_of("alice").id().hex()).value() == identity_of("alice").id());
}

TEST_CASE("a key file may have a byte order mark and blanks around its digits") {
    const ScratchFolder folder;
    const std::filesystem::path file = folder.path() / "key";
    const Identity identity = Identity::generate();
    REQUIRE(identity.save(file).ok());
    const std::string digits = read_text_file(file, 1024).value().substr(0, 64);
    for (const std::string& text :
         {"\xEF\xBB\xBF" + digits + "\r\n", "\t " + digits + " \r\n\r\n", digits}) {
        REQUIRE(write_file_atomically(file, as_bytes(text)).ok());
        const Result<Identity> loaded = Identity::load(file);
        REQUIRE(loaded.ok());
        CHECK(loaded->id() == identity.id());
    }
    REQUIRE(write_file_atomically(file, as_bytes("\xff\xfe" + digits + std::string(1, '\0'))).ok());
    const Result<Identity> other = Identity::load(file);
    REQUIRE_FALSE(other.ok());
    CHECK_THAT(other.reason(), Catch::Contains("UTF-8"));
}

}  // namespace assay
