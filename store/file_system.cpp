#include "store/file_system.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/check.h"
#include "core/descriptors.h"
#include "core/files.h"

namespace assay {

namespace {

// What the system's offsets can say.
constexpr uint64_t kFileBytesMax = INT64_MAX;

Error system_error(const std::string& what, const std::filesystem::path& file) {
    const int code = errno;
    std::string reason = what + " " + file.string() + ": " + std::strerror(code);
    if (code == ENOSPC || code == EDQUOT) {
        reason += "; free some space on this disk and try again";
    }
    return fail(reason);
}

class OpenFile {
public:
    OpenFile(const std::filesystem::path& file, int flags)
        : fd_(open_file(file.c_str(), flags | O_CLOEXEC, 0644)) {}
    ~OpenFile() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

class RealFileSystem : public FileSystem {
public:
    Status write(const std::filesystem::path& file, uint64_t offset, ByteSpan bytes) override {
        ASSAY_CHECK_LE(offset, kFileBytesMax - bytes.size());
        const OpenFile open(file, O_WRONLY | O_CREAT);
        if (open.fd() < 0) {
            return system_error("cannot create", file);
        }
        for (size_t done = 0; done < bytes.size();) {
            const ssize_t n = ::pwrite(open.fd(),
                                       bytes.data() + done,
                                       bytes.size() - done,
                                       static_cast<off_t>(offset + done));
            if (n < 0 && errno != EINTR) {
                return system_error("cannot write", file);
            }
            done += n > 0 ? static_cast<size_t>(n) : 0;
        }
        return {};
    }

    Result<Bytes> read(const std::filesystem::path& file,
                       uint64_t offset,
                       uint64_t length) override {
        ASSAY_CHECK_LE(length, kFileBytesMax);
        ASSAY_CHECK_LE(offset, kFileBytesMax - length);
        const OpenFile open(file, O_RDONLY);
        if (open.fd() < 0) {
            return system_error("cannot open", file);
        }
        Bytes bytes(length);
        for (size_t done = 0; done < bytes.size();) {
            const ssize_t n = ::pread(open.fd(),
                                      bytes.data() + done,
                                      bytes.size() - done,
                                      static_cast<off_t>(offset + done));
            if (n == 0) {
                return fail(file.string() + " is shorter than expected");
            }
            if (n < 0 && errno != EINTR) {
                return system_error("cannot read", file);
            }
            done += n > 0 ? static_cast<size_t>(n) : 0;
        }
        return bytes;
    }

    Result<uint64_t> size(const std::filesystem::path& file) override {
        std::error_code code;
        const uint64_t size = std::filesystem::file_size(file, code);
        if (code) {
            return fail("cannot read " + file.string() + ": " + code.message());
        }
        return size;
    }

    Status sync(const std::filesystem::path& file) override {
        const OpenFile open(file, O_RDONLY);
        if (open.fd() < 0 || ::fsync(open.fd()) != 0) {
            return system_error("cannot sync", file);
        }
        return {};
    }

    Status link(const std::filesystem::path& from, const std::filesystem::path& to) override {
        if (::link(from.c_str(), to.c_str()) != 0) {
            return system_error("cannot link " + from.string() + " to", to);
        }
        return sync_folder(to.parent_path());
    }

    Status rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) {
            return system_error("cannot rename to", to);
        }
        return sync_folder(to.parent_path());
    }

    Status remove(const std::filesystem::path& file) override {
        if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
            return system_error("cannot remove", file);
        }
        return {};
    }

    std::vector<std::string> list(const std::filesystem::path& folder) override {
        std::vector<std::string> names;
        std::error_code code;
        for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
            names.push_back(entry.path().filename().string());
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    Status make_folder(const std::filesystem::path& folder) override {
        return assay::make_folder(folder);
    }
};

}  // namespace

FileSystem& real_file_system() {
    static RealFileSystem file_system;
    return file_system;
}

}  // namespace assay
