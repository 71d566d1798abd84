// Others' text is one short printable line, whatever it holds.

#include "core/printable.h"

#include <catch2/catch.hpp>

#include "tests/support/check_fires.h"

namespace assay {

TEST_CASE("others' text cannot end a line, move the cursor, hide or turn what stands around it") {
    CHECK(printable("stopped") == "stopped");
    CHECK(printable("a\nforged\r\tline\x1b[2J\x7f") == "a forged  line [2J ");
    CHECK(printable("\xc2\x85\xe2\x80\xa8\xe2\x80\xae|\xef\xbb\xbf|\xe2\x81\xa6") == "   | | ");
    CHECK(printable("gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x99\x82") ==
          "gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x99\x82");
    CHECK(printable(std::string("a\0b", 3)) == "a b");
}

TEST_CASE("what is no UTF-8 is shown as such, byte for byte") {
    CHECK(printable("a\xff\xfe") == "a??");
    CHECK(printable("\xc3") == "?");            // cut off
    CHECK(printable("\xc0\xaf") == "??");       // longer than it need be
    CHECK(printable("\xed\xa0\x80") == "???");  // half a surrogate pair
    CHECK(printable("\xf5\x80\x80\x80") == "????");
    CHECK(printable("\xe2\x82|") == "??|");
}

TEST_CASE("others' text is cut between characters, and says so") {
    CHECK(printable("12345678", 8) == "12345678");
    CHECK(printable("123456789", 8) == "12345...");
    CHECK(printable("1234\xc3\xbc\xc3\xbc\xc3\xbc", 8) == "1234...");
    CHECK(printable(std::string(100000, 'x')).size() == kPrintableMost);
    CHECK_FALSE(fired_check([] { (void)printable("x", 2); }).empty());
}

}  // namespace assay
