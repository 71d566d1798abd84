// Documents of many files: which files, in which order, what a document is, what is left out.

#include "data/corpus.h"

#include <catch2/catch.hpp>

#include "core/files.h"
#include "data/json_lines.h"
#include "tests/support/gzip_file.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

struct Files {
    ScratchFolder scratch;

    std::string write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(scratch.file(name).parent_path());
        REQUIRE(write_file_atomically(scratch.file(name), as_bytes(text)).ok());
        return scratch.file(name).string();
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return scratch.file(name).string();
    }
};

// The documents, or why there are none.
Result<std::vector<std::string>> documents_of(const CorpusOptions& options,
                                              CorpusCounts* counts = nullptr) {
    Result<Corpus> corpus = Corpus::open(options);
    if (!corpus) {
        return corpus.error();
    }
    std::vector<std::string> documents(1);
    for (;;) {
        Result<std::optional<CorpusPart>> part = corpus->next_part();
        if (!part) {
            return part.error();
        }
        if (!*part) {
            break;
        }
        documents.back() += (*part)->text;
        if ((*part)->ends_document) {
            documents.emplace_back();
        }
    }
    REQUIRE(documents.back().empty());  // the last one ended
    documents.pop_back();
    CHECK(corpus->progress() == 1.0);
    if (counts != nullptr) {
        *counts = corpus->counts();
    }
    return documents;
}

CorpusOptions of(std::vector<std::string> inputs) {
    CorpusOptions options;
    options.inputs = std::move(inputs);
    return options;
}

using Documents = std::vector<std::string>;

}  // namespace

TEST_CASE("files, folders and patterns are read in order, hidden files are not", "[corpus]") {
    const Files f;
    f.write("tree/b.txt", "of b\n");
    f.write("tree/a/z.txt", "of a/z\n");
    f.write("tree/.hidden", "no");
    f.write("tree/.git/config", "no");
    f.write("part-10", "ten\n");
    f.write("part-02", "two\n");
    const std::string alone = f.write("alone[1]", "alone\n");  // a name, though it looks like more
    const auto documents = documents_of(of({f.path("tree"), f.path("part-*"), alone}));
    REQUIRE(documents.ok());
    CHECK(*documents == Documents{"of a/z\n", "of b\n", "two\n", "ten\n", "alone\n"});
}

TEST_CASE("an input that names no file is refused", "[corpus]") {
    const Files f;
    std::filesystem::create_directories(f.scratch.file("empty"));
    CHECK_THAT(documents_of(of({f.path("none")})).reason(), Catch::Contains("none: No such file"));
    CHECK_THAT(documents_of(of({f.path("n*ne")})).reason(), Catch::Contains("no file is like"));
    CHECK_THAT(documents_of(of({f.path("empty")})).reason(), Catch::Contains("no file lies in"));
    CHECK_THAT(documents_of(of({})).reason(), Catch::Contains("no input is named"));
}

TEST_CASE("JSON Lines hold a document a line, by name or by their first bytes", "[corpus]") {
    const Files f;
    const std::string lines =
        "\xef\xbb\xbf{\"id\": 1, \"text\": \"one \\u00e9\\n\", \"meta\": {\"text\": \"no\"}}\r\n"
        "\n"
        "{\"text\": \"two\", \"tags\": [\"text\", {\"text\": 1}]}\n"
        "  {\"text\":\"\"}\n"
        "{\"text\": \"three\"}";
    CorpusCounts counts;
    for (const char* name : {"a.jsonl", "a.NDJSON", "named-otherwise"}) {
        const auto documents = documents_of(of({f.write(name, lines)}), &counts);
        REQUIRE(documents.ok());
        CHECK(*documents == Documents{"one \xc3\xa9\n", "two", "three"});
        CHECK(counts.documents == 3);
        CHECK(counts.short_ones == 1);  // the empty one
        CHECK(counts.bytes == lines.size());
    }
}

TEST_CASE("another field is named, and one that is not there is told with those that are",
          "[corpus]") {
    const Files f;
    CorpusOptions options = of({f.write("a.jsonl", "{\"content\": \"body\", \"url\": \"u\"}\n")});
    CHECK_THAT(documents_of(options).reason(),
               Catch::Contains("a.jsonl: line 1 has no field \"text\"") &&
                   Catch::Contains("\"content\", \"url\"") && Catch::Contains("--field"));
    options.field = "content";
    CHECK(*documents_of(options) == Documents{"body"});
}

TEST_CASE("a line that holds no document is refused by its number, or left out", "[corpus]") {
    const Files f;
    const std::pair<const char*, const char*> faults[] = {
        {"{\"text\": \"cut", "is no JSON"},
        {"[\"text\", \"a\"]", "is no JSON object"},
        {"\"text\"", "is no JSON object"},
        {"{\"text\": 7}", "that is no string"},
        {"{\"text\": null}", "that is no string"},
        {"{\"text\": {\"text\": \"deep\"}}", "that is no string"},
        {"{\"text\": \"\\ud800\"}", "is no JSON"},
        {"{\"text\": \"\xff\"}", "is no JSON"},
        {"{}", "none at all"},
    };
    for (const auto& [line, words] : faults) {
        INFO(line);
        CorpusOptions options = of({f.write(
            "a.jsonl", "{\"text\": \"one\"}\n" + std::string(line) + "\n{\"text\": \"two\"}\n")});
        CHECK_THAT(documents_of(options).reason(),
                   Catch::Contains("line 2") && Catch::Contains(words));
        options.drop_bad = true;
        CorpusCounts counts;
        CHECK(*documents_of(options, &counts) == Documents{"one", "two"});
        CHECK(counts.bad_lines == 1);
    }
}

TEST_CASE("a line as deep as it is long is read like any other", "[corpus]") {
    const std::string deep =
        "{\"a\": " + std::string(300000, '[') + std::string(300000, ']') + ", \"text\": \"t\"}";
    CHECK(text_field(deep, "text").value() == "t");
}

TEST_CASE("what is short or equal is left out, of what has documents", "[corpus]") {
    const Files f;
    CorpusOptions options = of({f.write("a.jsonl",
                                        "{\"text\": \"same\"}\n{\"text\": \"ab\"}\n"
                                        "{\"text\": \"other\"}\n"),
                                f.write("b.jsonl", "{\"text\": \"same\"}\n")});
    options.unique = true;
    options.bytes_min = 3;
    CorpusCounts counts;
    CHECK(*documents_of(options, &counts) == Documents{"same", "other"});
    CHECK(counts.equal_ones == 1);
    CHECK(counts.short_ones == 1);
    CHECK(counts.files == 2);
    options.inputs = {f.write("c.txt", "plain\n")};
    CHECK_THAT(documents_of(options).reason(), Catch::Contains("c.txt is plain text"));
}

TEST_CASE("packed files are read as what is in them", "[corpus]") {
    const Files f;
    const std::string lines = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n";
    const std::string file = f.path("a.jsonl.gz");
    write_gzip(file, lines);
    CHECK(*documents_of(of({file})) == Documents{"one", "two"});
}

TEST_CASE("a limit of bytes ends the corpus with a whole document", "[corpus]") {
    const Files f;
    const std::string line = "{\"text\": \"0123456789\"}\n";
    CorpusOptions options = of({f.write("a.jsonl", line + line + line)});
    options.limit_bytes = line.size() + 1;
    Result<Corpus> corpus = Corpus::open(options);
    REQUIRE(corpus.ok());
    int documents = 0;
    for (auto part = corpus->next_part(); part.ok() && *part; part = corpus->next_part()) {
        ++documents;
    }
    CHECK(documents == 2);
}

TEST_CASE("an empty file has no document, and a file without a newline has one", "[corpus]") {
    const Files f;
    CorpusCounts counts;
    CHECK(*documents_of(of({f.write("none", ""), f.write("some", "text")}), &counts) ==
          Documents{"text"});
    CHECK(counts.documents == 1);
    CHECK(counts.files == 2);
}

}  // namespace assay
