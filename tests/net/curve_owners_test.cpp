// Back from a connection key to the public keys that it may be of.

#include "net/curve_owners.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace assay {

TEST_CASE("of a connection key's two owners one is the key that it was made of") {
    size_t negative = 0;
    constexpr uint8_t kKeys = 64;
    for (uint8_t i = 0; i < kKeys; ++i) {
        const Identity identity = Identity::from_seed(sha256_plain(ByteSpan(&i, 1)));
        const std::vector<PeerId> owners = curve_owners(identity.curve_public());
        CAPTURE(static_cast<int>(i));
        REQUIRE(owners.size() == 2);
        CHECK(owners[0] != owners[1]);
        CHECK(std::count(owners.begin(), owners.end(), identity.id()) == 1);
        negative += owners[1] == identity.id() ? 1 : 0;
    }
    CHECK(negative > kKeys / 8);  // both signs are seen
    CHECK(negative < kKeys - kKeys / 8);
}

TEST_CASE("bytes that are no key's image have no owner") {
    CurveKey key{};
    size_t without = 0;
    for (int i = 0; i < 256; ++i) {
        key[0] = static_cast<uint8_t>(i);
        without += curve_owners(key).empty() ? 1 : 0;
    }
    CHECK(without > 64);  // about half of all are on the curve's twist
    key.fill(0xFF);
    key[0] = 0xEC;
    key[31] = 0x7F;  // -1
    CHECK(curve_owners(key).empty());
}

}  // namespace assay
