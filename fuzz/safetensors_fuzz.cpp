// A stranger's safetensors file for a small layout: nothing may crash, and what is accepted, once
// written, reads back as the same values. The file lies in memory.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "checkpoints/safetensors.h"

namespace assay {

namespace {

// A file of this process, rewritten for each input.
class MemoryFile {
public:
    MemoryFile() : fd_(::memfd_create("safetensors", MFD_CLOEXEC)) { ASSAY_CHECK(fd_ >= 0); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { ::close(fd_); }

    void write(ByteSpan bytes) const {
        ASSAY_CHECK_EQ(::ftruncate(fd_, 0), 0);
        ASSAY_CHECK_EQ(::pwrite(fd_, bytes.data(), bytes.size(), 0),
                       static_cast<ssize_t>(bytes.size()));
    }
    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
    int fd_;
};

ParameterLayout two_tensors() {
    ParameterLayout layout;
    layout.add("a", 2, 3);
    layout.add("b", 1, 4);
    return layout;
}

// What is written comes back.
void check_survival(const MemoryFile& file,
                    const ParameterLayout& layout,
                    const std::vector<float>& values) {
    file.write(safetensors_bytes(layout, values));
    const Result<std::vector<float>> again = read_safetensors(file.path(), layout);
    ASSAY_CHECK(again.ok());
    ASSAY_CHECK(std::memcmp(again->data(), values.data(), 4 * values.size()) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const MemoryFile kFile;
    static const ParameterLayout kLayout = two_tensors();
    if (size == 0) {
        return 0;
    }
    // Behind the right length, so that the header is reached: text up to the first zero byte.
    const ByteSpan bytes(data, size);
    const auto* end = static_cast<const uint8_t*>(std::memchr(data, 0, size));
    ByteWriter framed;
    framed.u64(end == nullptr ? size : static_cast<uint64_t>(end - data));
    framed.raw(bytes);
    for (const ByteSpan input : {bytes, ByteSpan(framed.bytes())}) {
        kFile.write(input);
        const Result<std::vector<float>> values = read_safetensors(kFile.path(), kLayout, {"c"});
        if (values) {
            check_survival(kFile, kLayout, *values);
        }
    }
    return 0;
}

}  // namespace assay
