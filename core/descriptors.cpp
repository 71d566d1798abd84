#include "core/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <mutex>
#include <vector>

#include "core/check.h"

namespace assay {

namespace {

constexpr rlim_t kWanted = 65536;
constexpr size_t kKeptBack = 16;

// Descriptors that stand for nothing and are given up for a file.
class KeptBack {
public:
    void fill() {
        const std::lock_guard lock(mutex_);
        wanted_ = kKeptBack;
        take_back();
    }

    bool try_open(const std::function<bool()>& opens) {
        bool done = opens();
        const std::lock_guard lock(mutex_);
        while (!done && !spare_.empty() && none_is_left()) {
            ::close(spare_.back());
            spare_.pop_back();
            done = opens();
        }
        if (done && spare_.size() < wanted_) {
            take_back();
        }
        return done;
    }

private:
    // Asked of the system, for a library may not say why it could not open a file. Changes no
    // errno.
    static bool none_is_left() {
        const int before = errno;
        const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        const bool none = fd < 0 && errno == EMFILE;
        if (fd >= 0) {
            ::close(fd);
        }
        errno = before;
        return none;
    }

    // As many as there are to be had. Changes no errno.
    void take_back() {
        const int before = errno;
        while (spare_.size() < wanted_) {
            const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (fd < 0) {
                break;
            }
            spare_.push_back(fd);
        }
        ASSAY_CHECK_LE(spare_.size(), wanted_);
        errno = before;
    }

    std::mutex mutex_;
    std::vector<int> spare_;
    size_t wanted_ = 0;
};

KeptBack& kept_back() {
    static KeptBack kept;
    return kept;
}

}  // namespace

uint64_t raise_descriptor_limit() {
    rlimit limit{};
    ASSAY_CHECK_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlim_t most = std::min(limit.rlim_max, kWanted);
    if (limit.rlim_cur < most) {
        limit.rlim_cur = most;
        (void)::setrlimit(RLIMIT_NOFILE, &limit);
        ASSAY_CHECK_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    kept_back().fill();
    return limit.rlim_cur;
}

int open_file(const char* path, int flags, unsigned mode) {
    int fd = -1;
    (void)try_open_file([&] {
        fd = ::open(path, flags, mode);
        return fd >= 0;
    });
    return fd;
}

bool try_open_file(const std::function<bool()>& opens) {
    return kept_back().try_open(opens);
}

}  // namespace assay
