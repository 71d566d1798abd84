// SHA-256 against published vectors, and domains.

#include "core/digest.h"

#include <catch2/catch.hpp>
#include <unordered_set>

namespace assay {

// FIPS 180-4 examples.
TEST_CASE("SHA-256 gives the published digests") {
    CHECK(sha256_plain({}).hex() ==
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_plain(as_bytes("abc")).hex() ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(
        sha256_plain(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).hex() ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha256_plain(Bytes(1000000, 'a')).hex() ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a domain is its length, its name, then the parts") {
    ByteWriter writer;
    writer.u8(4);
    writer.raw(as_bytes("tile"));
    writer.raw(as_bytes("xyz"));
    CHECK(sha256("tile", as_bytes("x"), as_bytes("y"), as_bytes("z")) ==
          sha256_plain(writer.bytes()));
    CHECK(sha256("a", as_bytes("bc")) != sha256("ab", as_bytes("c")));
}

TEST_CASE("streaming in any pieces gives the same, and can begin again") {
    const Bytes data(1000, 7);
    for (const size_t piece : std::vector<size_t>{1, 3, 64, 999}) {
        Sha256 hasher;
        for (size_t at = 0; at < data.size(); at += piece) {
            hasher.add(ByteSpan(data).subspan(at, std::min(piece, data.size() - at)));
        }
        CHECK(hasher.finish() == sha256_plain(data));
        hasher.add(as_bytes("abc"));
        CHECK(hasher.finish() == sha256_plain(as_bytes("abc")));
    }
}

TEST_CASE("digests come from 32 bytes or 64 digits alone") {
    const Digest digest = sha256_plain(as_bytes("x"));
    CHECK(digest_from_hex(digest.hex()).value() == digest);
    CHECK_FALSE(digest_from_hex(digest.hex().substr(2)).ok());
    CHECK_FALSE(digest_from_hex(digest.hex() + "00").ok());
    CHECK_FALSE(digest_from_bytes(Bytes(31)).ok());
    CHECK(Digest{}.is_zero());
    CHECK_FALSE(digest.is_zero());
    CHECK(digest.brief() == digest.hex().substr(0, 12));
}

TEST_CASE("digests can be keys") {
    std::unordered_set<Digest> seen;
    for (uint8_t i = 0; i < 100; ++i) {
        seen.insert(sha256_plain(ByteSpan(&i, 1)));
    }
    CHECK(seen.size() == 100);
}

}  // namespace assay
