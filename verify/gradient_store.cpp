#include "verify/gradient_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/files.h"

namespace assay {

namespace {

class MemoryStore : public GradientStore {
public:
    MemoryStore(uint64_t values, uint32_t steps) : values_(values), steps_(steps) {}

    Status put(uint32_t step, std::span<const float> g) override {
        ASSAY_CHECK_LT(step, steps_.size());
        ASSAY_CHECK_EQ(g.size(), values_);
        steps_[step].assign(g.begin(), g.end());
        return {};
    }
    Status get(uint32_t step, uint64_t first, std::span<float> out) const override {
        ASSAY_CHECK_LT(step, steps_.size());
        ASSAY_CHECK_LE(first + out.size(), steps_[step].size());
        std::copy_n(
            steps_[step].begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
        return {};
    }

private:
    uint64_t values_;
    std::vector<std::vector<float>> steps_;
};

// The file is unlinked at once: the system frees it with the descriptor, even after a crash.
class FileStore : public GradientStore {
public:
    FileStore(int descriptor, std::string name, uint64_t values, uint32_t steps)
        : descriptor_(descriptor), name_(std::move(name)), values_(values), steps_(steps) {}
    ~FileStore() override { ::close(descriptor_); }
    FileStore(const FileStore&) = delete;
    FileStore& operator=(const FileStore&) = delete;

    Status put(uint32_t step, std::span<const float> g) override {
        ASSAY_CHECK_LT(step, steps_);
        ASSAY_CHECK_EQ(g.size(), values_);
        const auto* bytes = reinterpret_cast<const char*>(g.data());
        for (uint64_t done = 0; done < g.size_bytes();) {
            const ssize_t written =
                ::pwrite(descriptor_, bytes + done, g.size_bytes() - done, at(step, 0, done));
            if (written <= 0) {
                return failed("write", written);
            }
            done += static_cast<uint64_t>(written);
        }
        return {};
    }
    Status get(uint32_t step, uint64_t first, std::span<float> out) const override {
        ASSAY_CHECK_LT(step, steps_);
        ASSAY_CHECK_LE(first + out.size(), values_);
        auto* bytes = reinterpret_cast<char*>(out.data());
        for (uint64_t done = 0; done < out.size_bytes();) {
            const ssize_t count =
                ::pread(descriptor_, bytes + done, out.size_bytes() - done, at(step, first, done));
            if (count <= 0) {
                return failed("read", count);
            }
            done += static_cast<uint64_t>(count);
        }
        return {};
    }

private:
    [[nodiscard]] off_t at(uint32_t step, uint64_t first, uint64_t bytes) const {
        return static_cast<off_t>((uint64_t{step} * values_ + first) * sizeof(float) + bytes);
    }
    [[nodiscard]] Error failed(const char* what, ssize_t result) const {
        const std::string why = result == 0 ? "it is too short" : std::strerror(errno);
        return fail(std::string("cannot ") + what + " the gradients of the round in " + name_ +
                    ": " + why);
    }

    int descriptor_;
    std::string name_;
    uint64_t values_;
    uint32_t steps_;
};

}  // namespace

Result<std::unique_ptr<GradientStore>> GradientStore::open(uint64_t values,
                                                           uint32_t steps,
                                                           const StorePlace& place) {
    if (values * sizeof(float) <= place.memory_bytes / std::max<uint32_t>(steps, 1)) {
        return std::unique_ptr<GradientStore>(std::make_unique<MemoryStore>(values, steps));
    }
    const std::filesystem::path folder =
        place.folder.empty() ? std::filesystem::temp_directory_path() : place.folder;
    if (Status made = make_folder(folder); !made) {
        return made.error();
    }
    std::string name = (folder / "gradients-XXXXXX").string();
    const int descriptor = ::mkstemp(name.data());
    if (descriptor < 0) {
        return fail("cannot make a file for the gradients of the round in " + folder.string() +
                    ": " + std::strerror(errno));
    }
    ::unlink(name.c_str());
    return std::unique_ptr<GradientStore>(
        std::make_unique<FileStore>(descriptor, std::move(name), values, steps));
}

}  // namespace assay
