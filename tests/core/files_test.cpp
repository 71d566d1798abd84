// Files that are complete or absent.

#include "core/files.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/scratch_folder.h"
#include "tests/support/skip.h"

namespace assay {

namespace fs = std::filesystem;

namespace {

size_t files_in(const fs::path& folder) {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a written file is read back, also over an older one") {
    const ScratchFolder folder;
    const fs::path file = folder.path() / "data";
    REQUIRE(write_file_atomically(file, as_bytes("first, and longer")).ok());
    REQUIRE(write_file_atomically(file, as_bytes("second")).ok());
    CHECK(read_text_file(file, 100).value() == "second");
    CHECK(files_in(folder.path()) == 1);
    REQUIRE(write_file_atomically(file, {}).ok());
    CHECK(read_file(file, 100).value().empty());
}

TEST_CASE("a file that is replaced without waiting for the disk is whole for whoever reads it") {
    const ScratchFolder folder;
    const fs::path file = folder.path() / "status";
    REQUIRE(replace_file(file, as_bytes("first")).ok());
    REQUIRE(replace_file(file, as_bytes("second, and longer")).ok());
    CHECK(read_text_file(file, 100).value() == "second, and longer");
    CHECK_FALSE(replace_file(folder.path() / "no folder" / "file", as_bytes("x")).ok());
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a file larger than asked for is not read") {
    const ScratchFolder folder;
    const fs::path file = folder.path() / "data";
    REQUIRE(write_file_atomically(file, Bytes(11)).ok());
    CHECK_THAT(read_file(file, 10).reason(), Catch::Contains("11 bytes; at most 10"));
    CHECK(read_file(file, 11).ok());
}

TEST_CASE("a missing file or folder is named") {
    const ScratchFolder folder;
    CHECK_THAT(read_file(folder.path() / "none", 10).reason(), Catch::Contains("none"));
    CHECK_THAT(write_file_atomically(folder.path() / "no" / "file", {}).reason(),
               Catch::Contains("cannot create"));
}

TEST_CASE("a write that fails leaves neither a change nor a rest") {
    const ScratchFolder folder;
    const fs::path target = folder.path() / "target";
    REQUIRE(make_folder(target / "inside").ok());  // a rename over a full folder fails
    const Status failed = write_file_atomically(target, as_bytes("x"));
    REQUIRE_FALSE(failed.ok());
    CHECK_THAT(failed.reason(), Catch::Contains("cannot rename"));
    CHECK(fs::is_directory(target));
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a full disk is said in words and leaves the old file", "[needs_dev_full]") {
    if (::access("/dev/full", W_OK) != 0) {
        skip_case("this machine has no /dev/full");
        return;
    }
    const ScratchFolder folder;
    const fs::path file = folder.path() / "data";
    REQUIRE(write_file_atomically(file, as_bytes("old")).ok());
    const fs::path temporary = file.string() + ".tmp." + std::to_string(::getpid());
    fs::create_symlink("/dev/full", temporary);
    const Status failed = write_file_atomically(file, as_bytes("new"));
    REQUIRE_FALSE(failed.ok());
    CHECK_THAT(failed.reason(), Catch::Contains("No space left") && Catch::Contains("free some"));
    CHECK(read_text_file(file, 10).value() == "old");
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("folders are made with their parents, twice without harm") {
    const ScratchFolder folder;
    REQUIRE(make_folder(folder.path() / "a" / "b").ok());
    REQUIRE(make_folder(folder.path() / "a" / "b").ok());
    REQUIRE(write_file_atomically(folder.path() / "file", {}).ok());
    CHECK_THAT(make_folder(folder.path() / "file" / "c").reason(), Catch::Contains("file"));
    CHECK(sync_folder(folder.path()).ok());
    CHECK_FALSE(sync_folder(folder.path() / "none").ok());
}

}  // namespace assay
