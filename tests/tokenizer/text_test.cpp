// UTF-8 repair, and text sources: blocks, gzip, damage.

#include <catch2/catch.hpp>

#include "core/rng.h"
#include "tests/support/gzip_file.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shared_text.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/text_source.h"
#include "tokenizer/utf8.h"

namespace assay {
namespace {

std::string repaired(std::string_view text, uint64_t expected) {
    uint64_t replaced = 0;
    std::string out = repair_utf8(text, replaced);
    CHECK(replaced == expected);
    CHECK(is_utf8(out));
    return out;
}

std::string read_all(TextSource& source, size_t block_max) {
    std::string all;
    for (;;) {
        const Result<std::string> block = source.next();
        REQUIRE(block.ok());
        REQUIRE(block->size() <= block_max);
        if (block->empty()) {
            return all;
        }
        all += *block;
    }
}

std::string some_text(size_t lines) {
    CounterRng rng(derive_seed({}, "text"));
    std::string text;
    for (size_t i = 0; i < lines; ++i) {
        text += "Line " + std::to_string(rng.below(1000)) + " of caf\xc3\xa9s, \xe2\x82\xac" +
                std::to_string(i) + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("well-formed UTF-8 is left alone", "[utf8]") {
    const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xef\xbf\xbf";
    REQUIRE(is_utf8(text));
    REQUIRE(repaired(text, 0) == text);
    std::string_view rest = text;
    REQUIRE(take_utf8(rest) == 'a');
    REQUIRE(take_utf8(rest) == 0xe9);
    REQUIRE(take_utf8(rest) == 0x20ac);
    REQUIRE(take_utf8(rest) == 0x1f600);
    REQUIRE(take_utf8(rest) == 0x10ffff);
    std::string copy;
    for (const uint32_t point : {0x61U, 0xe9U, 0x20acU, 0x1f600U, 0x10ffffU, 0xffffU}) {
        append_utf8(copy, point);
    }
    REQUIRE(copy == text);
}

TEST_CASE("ill-formed parts become one replacement each", "[utf8]") {
    const std::string mark = "\xef\xbf\xbd";
    REQUIRE(repaired("a\x80"
                     "b",
                     1) == "a" + mark + "b");
    REQUIRE(repaired("\xc0\xaf", 2) == mark + mark);                        // overlong
    REQUIRE(repaired("\xed\xa0\x80", 3) == mark + mark + mark);             // surrogate
    REQUIRE(repaired("\xf4\x90\x80\x80", 4) == mark + mark + mark + mark);  // above U+10FFFF
    REQUIRE(repaired("\xe2\x82", 1) == mark);                               // cut off
    REQUIRE(repaired("\xf0\x9f\x98z", 1) == mark + "z");
    REQUIRE(repaired("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", 4) == mark + mark + mark + mark + "A");
}

TEST_CASE("a cut character at the end is found", "[utf8]") {
    REQUIRE(utf8_whole_prefix("ab\xe2\x82") == 2);
    REQUIRE(utf8_whole_prefix("ab\xf0\x9f\x98") == 2);
    REQUIRE(utf8_whole_prefix("ab\xc3") == 2);
    REQUIRE(utf8_whole_prefix("ab\xe2\x82\xac") == 5);
    REQUIRE(utf8_whole_prefix("ab\x80") == 3);  // a fault, not a cut
    REQUIRE(utf8_whole_prefix("") == 0);
}

TEST_CASE("a file is read in bounded blocks that end where pieces end", "[text_source]") {
    const ScratchFolder scratch;
    const std::string text = some_text(2000);
    write_text(scratch.file("plain"), text);
    write_gzip(scratch.file("packed.gz"), text);
    const PreTokenizer gpt2 = PreTokenizer::gpt2();
    const std::vector<std::string_view> whole = gpt2.split(text);
    for (const char* name : {"plain", "packed.gz"}) {
        Result<TextSource> source = TextSource::open(scratch.file(name), 0, 1000);
        REQUIRE(source.ok());
        std::vector<std::string> pieces;
        for (;;) {
            const Result<std::string> block = source->next();
            REQUIRE(block.ok());
            if (block->empty()) {
                break;
            }
            for (const std::string_view piece : gpt2.split(*block)) {
                pieces.emplace_back(piece);
            }
        }
        REQUIRE((std::vector<std::string>(whole.begin(), whole.end()) == pieces));
        REQUIRE(source->bytes_read() == text.size());
        REQUIRE(source->progress() == 1.0);
        REQUIRE(source->replaced() == 0);
    }
    TextSource memory = TextSource::from_text(text, 777);
    REQUIRE((read_all(memory, 777) == text));
}

TEST_CASE("text without newlines is cut between characters", "[text_source]") {
    std::string text;
    for (int i = 0; i < 500; ++i) {
        text += "\xe2\x82\xac";
    }
    TextSource source = TextSource::from_text(text, 100);
    REQUIRE(read_all(source, 100) == text);
    REQUIRE(source.replaced() == 0);
}

TEST_CASE("a limit stops reading and does not tear a character", "[text_source]") {
    const ScratchFolder scratch;
    write_text(scratch.file("text"),
               "abc\xe2\x82\xac"
               "def");
    Result<TextSource> source = TextSource::open(scratch.file("text"), 5);
    REQUIRE(source.ok());
    REQUIRE(read_all(*source, 100) == "abc");
    REQUIRE(source->bytes_read() == 5);
    REQUIRE(source->replaced() == 0);
}

TEST_CASE("what is no UTF-8 is replaced and counted", "[text_source]") {
    const ScratchFolder scratch;
    write_text(scratch.file("text"), "one\xff two\nthree \xc3");
    Result<TextSource> source = TextSource::open(scratch.file("text"), 0, 16);
    REQUIRE(source.ok());
    REQUIRE(read_all(*source, 64) == "one\xef\xbf\xbd two\nthree \xef\xbf\xbd");
    REQUIRE(source->replaced() == 2);
}

TEST_CASE("missing and damaged files are refused in words", "[text_source]") {
    const ScratchFolder scratch;
    const Result<TextSource> missing = TextSource::open(scratch.file("none"));
    REQUIRE_FALSE(missing.ok());
    REQUIRE_THAT(missing.reason(), Catch::Contains("none") && Catch::Contains("No such file"));
    write_gzip(scratch.file("packed.gz"), some_text(2000));
    const Result<Bytes> whole = read_file(scratch.file("packed.gz"), 1 << 20);
    write_text(scratch.file("cut.gz"), to_text(ByteSpan(whole->data(), whole->size() / 2)));
    Bytes changed = *whole;
    changed[changed.size() / 2] ^= 0x55;
    write_text(scratch.file("changed.gz"), to_text(changed));
    for (const char* name : {"cut.gz", "changed.gz"}) {
        Result<TextSource> source = TextSource::open(scratch.file(name));
        REQUIRE(source.ok());
        Result<std::string> block = source->next();
        while (block.ok() && !block->empty()) {
            block = source->next();
        }
        INFO(name);
        REQUIRE_FALSE(block.ok());
        REQUIRE_THAT(block.reason(), Catch::Contains(name));
    }
}

}  // namespace assay
