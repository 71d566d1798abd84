// One process a folder: what two of them wrote there would be nobody's.
//
// The lock ends with the process, however that ends; the file `.lock` stays and means nothing.

#pragma once

#include <filesystem>

#include "core/result.h"

namespace assay {

class FolderLock {
public:
    // Fails at once, with what to do, if another process holds it.
    static Result<FolderLock> take(const std::filesystem::path& folder);

    FolderLock() = default;
    ~FolderLock();
    FolderLock(FolderLock&& other) noexcept;
    FolderLock& operator=(FolderLock&& other) noexcept;
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

private:
    explicit FolderLock(int fd) : fd_(fd) {}

    int fd_ = -1;
};

}  // namespace assay
