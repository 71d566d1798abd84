// Files that comments and documents name, in made-up files and in the tree.

#include "tests/layers/named_files.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/layers/tree.h"

namespace assay {

namespace {

bool is_any(const std::filesystem::path& path) {
    return is_source(path) || is_document(path);
}

}  // namespace

TEST_CASE("a comment names files that are there", "[layers]") {
    const std::set<std::string> files = {"a/a.h", "docs/a.md", "docs/log/b.md", "README.md"};
    const auto unknown = [&files](const std::string& path, const std::string& text) {
        return unknown_files(path, text, files).size();
    };
    CHECK(unknown("b/b.h", "// See a/a.h, a.h and docs/a.md.\n") == 0);
    CHECK(unknown("b/b.h", "// See a/gone.h.\n") == 1);
    CHECK(unknown("b/b.h", "int x;  // gone.h\n") == 1);
    CHECK(unknown("b/b.h", "// docs/gone.md and gone/a.h\n") == 2);
    CHECK(unknown("b/b.h", "#include \"a/gone.h\"\n") == 0);
    CHECK(unknown("b/b.h", "// a/*_gone.h, NAME.h, https://x.org/gone.md\n") == 0);
    CHECK(unknown("docs/a.md", "As `a/a.h` says, and `log/b.md`, and README.md.\n") == 0);
    CHECK(unknown("docs/a.md", "As `a/gone.h` says.\n") == 1);
    CHECK(unknown("docs/log/b.md", "As `a/gone.h` says.\n") == 0);
    CHECK(unknown_files("b/b.h", "\n// a/gone.h\n", files)[0].text() ==
          "b/b.h:2: there is no file a/gone.h");
}

TEST_CASE("comments and documents name files of the tree", "[layers]") {
    const std::filesystem::path root = ASSAY_SOURCE_DIR;
    const std::map<std::string, std::string> texts = texts_under(root, is_any);
    std::set<std::string> files;
    for (const auto& [path, text] : texts) {
        files.insert(path);
    }
    REQUIRE(files.count("core/digest.h") == 1);
    REQUIRE(files.count("docs/architecture.md") == 1);
    for (const auto& [path, text] : texts) {
        for (const Fault& fault : unknown_files(path, text, files)) {
            FAIL_CHECK(fault.text());
        }
    }
}

}  // namespace assay
