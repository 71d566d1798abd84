// The few calls by which blobs reach the disk, so that a test can make the disk full.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/bytes.h"

namespace assay {

class FileSystem {
public:
    virtual ~FileSystem() = default;
    // Writes at an offset, making the file if there is none.
    virtual Status write(const std::filesystem::path& file, uint64_t offset, ByteSpan bytes) = 0;
    // Exactly `length` bytes, or a failure.
    virtual Result<Bytes> read(const std::filesystem::path& file,
                               uint64_t offset,
                               uint64_t length) = 0;
    virtual Result<uint64_t> size(const std::filesystem::path& file) = 0;  // fails if it is missing
    virtual Status sync(const std::filesystem::path& file) = 0;
    // Syncs all of them, some at a time: that takes about as long as one. The reason names the
    // first, in order, that could not be.
    Status sync_all(const std::vector<std::filesystem::path>& files);
    // Makes what was made, renamed and removed in a folder durable.
    virtual Status sync_folder(const std::filesystem::path& folder) = 0;
    // Makes `to` a second name of the file `from`; fails if `to` is there or lies on another disk.
    virtual Status link(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
    // Not durable before its folder is synced.
    virtual Status rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
    // Success if the file is gone afterwards.
    virtual Status remove(const std::filesystem::path& file) = 0;
    virtual std::vector<std::string> list(const std::filesystem::path& folder) = 0;
    virtual Status make_folder(const std::filesystem::path& folder) = 0;
};

// The machine's own. Stateless: lives as long as the program.
FileSystem& real_file_system();

}  // namespace assay
