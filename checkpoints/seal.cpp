#include "checkpoints/seal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/check.h"
#include "core/digest.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr const char* kTitle = "assay snapshot 2\n";
constexpr size_t kReadAtOnce = 1 << 20;

struct Contents {
    Digest digest;
    uint64_t bytes = 0;
    std::string block;
};

std::string block_of(const Digest& digest, uint64_t bytes) {
    std::string block = kTitle;
    block += "bytes " + std::to_string(bytes) + "\nsha256 " + digest.hex() + "\n";
    ASSAY_CHECK_LE(block.size(), kSealBytes);
    block.resize(kSealBytes, '\0');
    return block;
}

Result<Contents> read_contents(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    Contents contents;
    contents.block.resize(kSealBytes);
    in.read(contents.block.data(), kSealBytes);
    if (!in) {
        return fail("it is missing, or shorter than its first block");
    }
    Sha256 hash;
    Bytes part(kReadAtOnce);
    while (in) {
        in.read(reinterpret_cast<char*>(part.data()), static_cast<std::streamsize>(part.size()));
        const auto count = static_cast<size_t>(in.gcount());
        hash.add(ByteSpan(part).first(count));
        contents.bytes += count;
    }
    if (in.bad()) {
        return fail("it cannot be read to its end");
    }
    contents.digest = hash.finish();
    return contents;
}

// The text between `name` and the line's end; empty where there is none.
std::string line_of(const std::string& block, const std::string& name) {
    const size_t at = block.find("\n" + name + " ");
    const size_t first = at == std::string::npos ? at : at + name.size() + 2;
    const size_t end = at == std::string::npos ? at : block.find('\n', first);
    return end == std::string::npos ? "" : block.substr(first, end - first);
}

}  // namespace

Status seal_file(const fs::path& file) {
    Result<Contents> contents = read_contents(file);
    if (!contents) {
        return fail("cannot seal " + file.string() + ": " + contents.reason());
    }
    const std::string block = block_of(contents->digest, contents->bytes);
    const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    const bool ok =
        fd >= 0 &&
        ::pwrite(fd, block.data(), block.size(), 0) == static_cast<ssize_t>(block.size()) &&
        ::fsync(fd) == 0;
    const std::string reason = ok ? "" : std::strerror(errno);
    if (fd >= 0) {
        ::close(fd);
    }
    return ok ? Status() : Status(fail("cannot write and sync " + file.string() + ": " + reason));
}

Status check_seal(const fs::path& file) {
    Result<Contents> contents = read_contents(file);
    if (!contents) {
        return contents.error();
    }
    if (contents->block == block_of(contents->digest, contents->bytes)) {
        return {};
    }
    if (contents->block.compare(0, std::strlen(kTitle), kTitle) != 0) {
        return fail("its first block is damaged, or another version of this program wrote it");
    }
    const std::string bytes = line_of(contents->block, "bytes");
    if (bytes != std::to_string(contents->bytes)) {
        return fail("it has " + std::to_string(contents->bytes) +
                    " bytes behind its first block, " + "not " + bytes.substr(0, 20) +
                    ": it was cut short or is damaged");
    }
    const std::string digest = line_of(contents->block, "sha256");
    if (digest == contents->digest.hex()) {
        return fail("its first block is damaged");
    }
    return fail("it is damaged: its SHA-256 is " + contents->digest.brief() + ", not " +
                digest.substr(0, 12));
}

}  // namespace assay
