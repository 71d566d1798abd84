// Byte readers, writers and hexadecimal text.

#include "core/bytes.h"

#include <bit>
#include <catch2/catch.hpp>
#include <limits>

namespace assay {

TEST_CASE("hexadecimal text and bytes are each other's inverse") {
    Bytes all(256);
    for (size_t i = 0; i < all.size(); ++i) {
        all[i] = static_cast<uint8_t>(i);
    }
    CHECK(from_hex(to_hex(all)).value() == all);
    CHECK(to_hex(Bytes{0x00, 0xab, 0xff}) == "00abff");
    CHECK(from_hex("00ABff").value() == Bytes{0x00, 0xab, 0xff});
    CHECK(from_hex("").value().empty());
}

TEST_CASE("text that is no hexadecimal is refused with its place") {
    CHECK_THAT(from_hex("abc").reason(), Catch::Contains("odd"));
    CHECK_THAT(from_hex("ab0g").reason(), Catch::Contains("position 2"));
    CHECK_FALSE(from_hex("0x").ok());
    CHECK_FALSE(from_hex(" 0").ok());
}

TEST_CASE("numbers are little-endian and come back") {
    ByteWriter writer;
    writer.u8(0x12);
    writer.u16(0x3456);
    writer.u32(0x789abcde);
    writer.u64(0x1122334455667788);
    writer.i64(-2);
    writer.f32(-0.0F);
    writer.text("abc");
    CHECK(writer.bytes()[1] == 0x56);
    CHECK(writer.bytes()[3] == 0xde);
    ByteReader reader(writer.bytes());
    CHECK(reader.u8() == 0x12);
    CHECK(reader.u16() == 0x3456);
    CHECK(reader.u32() == 0x789abcde);
    CHECK(reader.u64() == 0x1122334455667788);
    CHECK(reader.i64() == -2);
    CHECK(std::bit_cast<uint32_t>(reader.f32()) == 0x80000000U);
    CHECK(reader.text() == "abc");
    CHECK(reader.at_end());
}

TEST_CASE("a not-a-number keeps its bits") {
    ByteWriter writer;
    writer.f32(std::bit_cast<float>(0x7fc12345U));
    ByteReader reader(writer.bytes());
    CHECK(std::bit_cast<uint32_t>(reader.f32()) == 0x7fc12345U);
}

TEST_CASE("reading past the end fails once and for all, and yields zeros") {
    const Bytes three = {1, 2, 3};
    ByteReader reader(three);
    CHECK(reader.u16() == 0x0201);
    CHECK(reader.u32() == 0);
    CHECK_FALSE(reader.ok());
    CHECK(reader.u8() == 0);
    CHECK_FALSE(reader.at_end());
}

TEST_CASE("a length beyond the input allocates nothing") {
    ByteWriter writer;
    writer.u32(std::numeric_limits<uint32_t>::max());
    writer.u8(7);
    ByteReader reader(writer.bytes());
    CHECK(reader.sized().empty());
    CHECK_FALSE(reader.ok());
}

TEST_CASE("bytes left over are not the end") {
    const Bytes two = {1, 2};
    ByteReader reader(two);
    CHECK(reader.u8() == 1);
    CHECK(reader.ok());
    CHECK_FALSE(reader.at_end());
    CHECK(reader.remaining() == 1);
}

}  // namespace assay
