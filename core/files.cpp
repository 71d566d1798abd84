#include "core/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/descriptors.h"

namespace assay {

namespace {

Error system_error(const std::string& what, const std::filesystem::path& file) {
    const int code = errno;
    std::string reason = what + " " + file.string() + ": " + std::strerror(code);
    if (code == ENOSPC) {
        reason += "; free some space on this disk and try again";
    }
    return fail(reason);
}

Status write_all(int fd, ByteSpan bytes, const std::filesystem::path& file) {
    size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return system_error("cannot write", file);
        }
        done += static_cast<size_t>(n);
    }
    return {};
}

Status replace(const std::filesystem::path& file, ByteSpan bytes, int mode, bool durably) {
    const std::filesystem::path temporary = file.string() + ".tmp." + std::to_string(::getpid());
    const int fd = open_file(
        temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, static_cast<unsigned>(mode));
    if (fd < 0) {
        return system_error("cannot create", temporary);
    }
    Status written = write_all(fd, bytes, file);
    if (written && durably && ::fsync(fd) != 0) {
        written = system_error("cannot sync", file);
    }
    ::close(fd);
    if (!written) {
        ::unlink(temporary.c_str());
        return written;
    }
    if (::rename(temporary.c_str(), file.c_str()) != 0) {
        const Error error = system_error("cannot rename to", file);
        ::unlink(temporary.c_str());
        return error;
    }
    return {};
}

}  // namespace

Result<Bytes> read_file(const std::filesystem::path& file, uint64_t size_max) {
    std::error_code code;
    const uint64_t size = std::filesystem::file_size(file, code);
    if (code) {
        return fail("cannot read " + file.string() + ": " + code.message());
    }
    if (size > size_max) {
        return fail(file.string() + " has " + std::to_string(size) + " bytes; at most " +
                    std::to_string(size_max) + " are allowed");
    }
    Bytes bytes(size);
    std::ifstream in(file, std::ios::binary);
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    if (!in || static_cast<uint64_t>(in.gcount()) != size) {
        return fail("cannot read " + file.string() + " to its end");
    }
    return bytes;
}

Result<std::string> read_text_file(const std::filesystem::path& file, uint64_t size_max) {
    Result<Bytes> bytes = read_file(file, size_max);
    if (!bytes) {
        return bytes.error();
    }
    return to_text(*bytes);
}

Status sync_folder(const std::filesystem::path& folder) {
    const int fd =
        open_file(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        return system_error("cannot open folder", folder);
    }
    const int rc = ::fsync(fd);
    ::close(fd);
    if (rc != 0) {
        return system_error("cannot sync folder", folder);
    }
    return {};
}

Status write_file_atomically(const std::filesystem::path& file, ByteSpan bytes, int mode) {
    const Status replaced = replace(file, bytes, mode, true);
    return replaced ? sync_folder(file.parent_path()) : replaced;
}

Status replace_file(const std::filesystem::path& file, ByteSpan bytes, int mode) {
    return replace(file, bytes, mode, false);
}

Status make_folder(const std::filesystem::path& folder) {
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    if (code) {
        return fail("cannot make folder " + folder.string() + ": " + code.message());
    }
    return {};
}

}  // namespace assay
