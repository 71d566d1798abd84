// What is no text is refused by name, before anything is learnt from it.

#include "tokenizer/text_kind.h"

#include <catch2/catch.hpp>

#include "core/files.h"
#include "core/rng.h"
#include "tests/support/gzip_file.h"
#include "tests/support/scratch_folder.h"
#include "tokenizer/text_source.h"

namespace assay {
namespace {

using namespace std::string_literals;

Result<std::string> all_of(const std::filesystem::path& file) {
    Result<TextSource> source = TextSource::open(file);
    if (!source) {
        return source.error();
    }
    std::string all;
    for (;;) {
        Result<std::string> block = source->next();
        if (!block || block->empty()) {
            return block ? Result<std::string>(all) : block;
        }
        all += *block;
    }
}

void write_text(const std::filesystem::path& file, const std::string& text) {
    REQUIRE(write_file_atomically(file, as_bytes(text)).ok());
}

std::string recoded(const std::string& text, bool high_first) {
    std::string out;
    for (const char c : text) {
        out += high_first ? "\0"s + c : c + "\0"s;
    }
    return out;
}

const std::string kProse = "It was a dark and stormy night; the rain fell in torrents.\n";

}  // namespace

TEST_CASE("files that are no text are refused by name", "[text_kind]") {
    const ScratchFolder scratch;
    std::string tar(512, '\0');
    tar.replace(0, 8, "text.txt");
    tar.replace(257, 5, "ustar");
    tar += kProse;
    const std::vector<std::pair<std::string, std::string>> kinds = {
        {"\xff\xfe" + recoded(kProse, false), "UTF-16"},
        {"\xfe\xff" + recoded(kProse, true), "UTF-16"},
        {"\xff\xfe\0\0I\0\0\0"s, "UTF-32"},
        {"PK\x03\x04" + kProse, "ZIP"},
        {"PAR1" + kProse, "Parquet"},
        {"%PDF-1.7\n", "PDF"},
        {tar, "tar archive"},
        {"[\n {\"te\\\"xt\": 1}]", "JSON"},
    };
    for (const auto& [bytes, what] : kinds) {
        INFO(what);
        for (const bool packed : {false, true}) {
            const auto file = scratch.file(packed ? "input.gz" : "input");
            packed ? write_gzip(file, bytes) : write_text(file, bytes);
            const Result<std::string> read = all_of(file);
            REQUIRE_FALSE(read.ok());
            CHECK_THAT(read.reason(), Catch::Contains(what) && Catch::Contains("input"));
        }
    }
    for (const char* name : {"a.json", "a.csv", "a.TSV", "a.parquet", "a.json.gz", "a.csv.zst"}) {
        write_text(scratch.file(name), kProse);
        INFO(name);
        CHECK_THAT(all_of(scratch.file(name)).reason(), Catch::Contains("is no plain text but"));
    }
}

TEST_CASE("bytes of another encoding are refused wherever they begin", "[text_kind]") {
    const ScratchFolder scratch;
    CounterRng rng(derive_seed({}, "noise"));
    std::string noise;
    std::string latin;
    for (int i = 0; i < 1000; ++i) {
        noise.push_back(static_cast<char>(1 + rng.below(255)));
        latin +=
            "\xfc"
            "ber die Stra\xdf"
            "e ";
    }
    std::string prose;
    while (prose.size() < TextSource::kBlockBytes) {
        prose += kProse;
    }
    for (const std::string& bad : {noise, latin, recoded(kProse, false), recoded(kProse, true)}) {
        write_text(scratch.file("first"), bad);
        CHECK_THAT(all_of(scratch.file("first")).reason(), Catch::Contains("no plain text"));
    }
    std::string with_zero = kProse;
    with_zero.append(1, '\0').append(kProse);
    for (const std::string& bad : {recoded(kProse, false), with_zero}) {
        write_text(scratch.file("later"), prose + bad);
        CHECK_THAT(all_of(scratch.file("later")).reason(), Catch::Contains("a byte is 0"));
    }
}

TEST_CASE("text stays text, without a byte order mark", "[text_kind]") {
    const ScratchFolder scratch;
    for (const std::string& text :
         std::vector<std::string>{kProse,
                                  "{ printf(\"C\"); }\n" + kProse,
                                  "[1] A footnote.\n" + kProse,
                                  "{\\em TeX}\n",
                                  "\x1b[1mcolours\x1b[0m\t\f\r\n",
                                  "caf\u00e9 \u65e5\u672c \U0001f600\n"}) {
        INFO(text);
        write_text(scratch.file("text"), text);
        const Result<std::string> read = all_of(scratch.file("text"));
        INFO((read.ok() ? "" : read.reason()));
        REQUIRE(read.ok());
        CHECK(*read == text);
        write_text(scratch.file("text"), "\xef\xbb\xbf" + text);
        CHECK(*all_of(scratch.file("text")) == text);
    }
    write_text(scratch.file("text"), "\xef\xbb\xbf");
    CHECK(all_of(scratch.file("text"))->empty());
}

}  // namespace assay
