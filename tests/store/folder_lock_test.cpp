// One process a folder.

#include "store/folder_lock.h"

#include <catch2/catch.hpp>
#include <optional>

#include "tests/support/scratch_folder.h"

namespace assay {

TEST_CASE("a folder is one's until the lock goes") {
    const ScratchFolder folder;
    std::optional<Result<FolderLock>> first(FolderLock::take(folder.path()));
    REQUIRE(first->ok());
    const Result<FolderLock> second = FolderLock::take(folder.path());
    REQUIRE_FALSE(second.ok());
    CHECK(second.reason() == "another process is at work in " + folder.path().string() +
                                 ": stop that one first, or use another --dir");
    FolderLock moved = std::move(**first);
    first.reset();
    CHECK_FALSE(FolderLock::take(folder.path()).ok());
    moved = FolderLock();
    CHECK(FolderLock::take(folder.path()).ok());
}

TEST_CASE("a folder that is not there cannot be locked, and the reason names it") {
    const Result<FolderLock> lock = FolderLock::take("/nowhere/at/all");
    REQUIRE_FALSE(lock.ok());
    CHECK(lock.reason().find("/nowhere/at/all/.lock") != std::string::npos);
}

}  // namespace assay
