// What a new key pays: found by trying, checked by one hash, of no use to another key or run.

#include "protocol/entry_work.h"

#include <catch2/catch.hpp>

namespace assay {

namespace {

constexpr uint32_t kBits = 12;

Digest run_of(uint8_t number) {
    Digest digest;
    digest.bytes[0] = number;
    return digest;
}

PeerId key_of(uint8_t number) {
    PeerId id;
    id.key[5] = number;
    return id;
}

uint64_t found(uint32_t bits = kBits) {
    return find_entry_nonce(run_of(1), key_of(1), bits, [](uint64_t) { return true; }).value();
}

}  // namespace

TEST_CASE("a nonce is enough for its own run and key alone") {
    const uint64_t nonce = found();
    CHECK(is_entry_work(run_of(1), key_of(1), nonce, kBits));
    CHECK_FALSE(is_entry_work(run_of(2), key_of(1), nonce, kBits));
    CHECK_FALSE(is_entry_work(run_of(1), key_of(2), nonce, kBits));
    CHECK_FALSE(is_entry_work(run_of(1), key_of(1), nonce + 1, kBits));
    for (uint64_t less = 0; less < nonce; ++less) {
        REQUIRE_FALSE(is_entry_work(run_of(1), key_of(1), less, kBits));
    }
}

TEST_CASE("the hash is the one that is written down") {
    const uint64_t nonce = found();
    ByteWriter number;
    number.u64(nonce);
    const Digest hash = sha256("entry", run_of(1).span(), key_of(1).span(), number.bytes());
    CHECK(hash.bytes[0] == 0);
    CHECK((hash.bytes[1] & 0xF0U) == 0);
    CHECK(is_entry_work(run_of(1), key_of(1), nonce, 8));
    const bool more = (hash.bytes[1] & 0x08U) == 0;
    CHECK(is_entry_work(run_of(1), key_of(1), nonce, kBits + 1) == more);
}

TEST_CASE("no bits ask for nothing, and more than a hash has are never found") {
    CHECK(is_entry_work(run_of(1), key_of(1), 77, 0));
    CHECK(found(0) == 0);
    CHECK_FALSE(is_entry_work(run_of(1), key_of(1), 77, 257));
}

TEST_CASE("a search says how far it is, and ends when it is told to") {
    std::vector<uint64_t> told;
    CHECK_FALSE(find_entry_nonce(run_of(1), key_of(1), 200, [&](uint64_t tried) {
        told.push_back(tried);
        return told.size() < 3;
    }));
    REQUIRE(told.size() == 3);
    CHECK(told[0] > 0);
    CHECK(told[1] == 2 * told[0]);
    CHECK(told[2] == 3 * told[0]);
}

}  // namespace assay
