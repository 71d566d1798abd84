// Lines of a bounded width.

#include "ledger/wrapped_text.h"

#include <catch2/catch.hpp>

namespace assay {

TEST_CASE("text breaks at spaces, behind an indent, and never over its columns") {
    CHECK(wrapped_text("one two three", 2, 7) == "one two\n  three\n");
    CHECK(wrapped_text("one", 2, 7) == "one\n");
    CHECK(wrapped_text("a word-without-an-end b", 2, 8) == "a word-w\n  ithout\n  -an-en\n  d b\n");
    CHECK(wrapped_text("", 0, 7) == "\n");
}

}  // namespace assay
