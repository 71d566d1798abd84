// A file system that is full after so many bytes, cannot sync or link if told so, and counts what
// it syncs.

#pragma once

#include <atomic>

#include "store/file_system.h"

namespace assay {

class FullDisk : public FileSystem {
public:
    explicit FullDisk(uint64_t bytes_free) : bytes_free_(bytes_free) {}

    Status write(const std::filesystem::path& file, uint64_t offset, ByteSpan bytes) override {
        const uint64_t taken = std::min<uint64_t>(bytes.size(), bytes_free_);
        bytes_free_ -= taken;
        Status written = real_.write(file, offset, bytes.first(taken));  // half of it
        if (!written || taken == bytes.size()) {
            return written;
        }
        return fail("cannot write " + file.string() +
                    ": No space left on device; free some space on this disk and try again");
    }
    Result<Bytes> read(const std::filesystem::path& file,
                       uint64_t offset,
                       uint64_t length) override {
        return real_.read(file, offset, length);
    }
    Result<uint64_t> size(const std::filesystem::path& file) override { return real_.size(file); }
    Status sync(const std::filesystem::path& file) override {
        ++syncs_;
        return sync_fails_ ? Status(fail("cannot sync " + file.string() + ": Input/output error"))
                           : real_.sync(file);
    }
    Status link(const std::filesystem::path& from, const std::filesystem::path& to) override {
        return links_fail_ ? Status(fail("cannot link to " + to.string() + ": another disk"))
                           : real_.link(from, to);
    }
    Status sync_folder(const std::filesystem::path& folder) override {
        ++syncs_;
        return real_.sync_folder(folder);
    }
    Status rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
        return real_.rename(from, to);
    }
    Status remove(const std::filesystem::path& file) override { return real_.remove(file); }
    std::vector<std::string> list(const std::filesystem::path& folder) override {
        return real_.list(folder);
    }
    Status make_folder(const std::filesystem::path& folder) override {
        return real_.make_folder(folder);
    }

    void free(uint64_t bytes) { bytes_free_ = bytes; }
    // As where the other file is on another disk.
    void fail_links(bool fails) { links_fail_ = fails; }
    void fail_syncs(bool fails) { sync_fails_ = fails; }
    // Of files and folders, since the last time it was asked.
    size_t syncs() { return syncs_.exchange(0); }

private:
    FileSystem& real_ = real_file_system();
    uint64_t bytes_free_;
    std::atomic<size_t> syncs_{0};
    bool sync_fails_ = false;
    bool links_fail_ = false;
};

}  // namespace assay
