#include "store/file_system.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "core/check.h"
#include "core/descriptors.h"
#include "core/files.h"

namespace assay {

namespace {

// What the system's offsets can say.
constexpr uint64_t kFileBytesMax = INT64_MAX;
constexpr size_t kSyncsAtOnce = 8;

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
        return assay::sync_folder(to.parent_path());
    }

    Status sync_folder(const std::filesystem::path& folder) override {
        return assay::sync_folder(folder);
    }

    Status rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) {
            return system_error("cannot rename to", to);
        }
        return {};
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

Status FileSystem::sync_all(const std::vector<std::filesystem::path>& files) {
    std::vector<Status> done(files.size());
    std::atomic<size_t> next{0};
    const auto work = [&] {
        for (size_t i = next++; i < files.size(); i = next++) {
            done[i] = sync(files[i]);
        }
    };
    std::vector<std::thread> helpers;
    try {
        while (helpers.size() + 1 < std::min(files.size(), kSyncsAtOnce)) {
            helpers.emplace_back(work);
        }
    } catch (const std::system_error&) {  // the machine has no more threads: it takes longer
    }
    work();
    for (std::thread& helper : helpers) {
        helper.join();
    }
    ASSAY_CHECK_LE(files.size(), next.load());
    const auto failed = std::find_if(done.begin(), done.end(), [](const Status& s) { return !s; });
    return failed == done.end() ? Status() : *failed;
}

FileSystem& real_file_system() {
    static RealFileSystem file_system;
    return file_system;
}

}  // namespace assay
