// What a programmer promises of text: broken once, and seen to stop the process.

#include <catch2/catch.hpp>

#include "tests/support/check_fires.h"
#include "tokenizer/utf8.h"

namespace assay {

TEST_CASE("a surrogate is no character", "[tokenizer]") {
    std::string text;
    CHECK(fired_check([&] { append_utf8(text, 0xd7ff); }).empty());
    CHECK_THAT(fired_check([&] { append_utf8(text, 0xd800); }), Catch::Contains("0xd800"));
    CHECK_THAT(fired_check([&] { append_utf8(text, 0x110000); }), Catch::Contains("0x10ffff"));
}

}  // namespace assay
