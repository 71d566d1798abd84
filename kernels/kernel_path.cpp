#include "kernels/kernel_path.h"

#include <array>
#include <atomic>

#include "core/check.h"
#include "kernels/cpu_features.h"

namespace assay {

namespace {

constexpr std::array<std::string_view, 4> kNames = {"scalar", "avx2", "avx512", "neon"};
static_assert(kNames.size() == static_cast<size_t>(KernelPath::kNeon) + 1, "each has a name");
constexpr int kNotForced = -1;
std::atomic<int> forced{kNotForced};

KernelPath fastest() {
    static const KernelPath kPath = available_kernel_paths().back();
    return kPath;
}

}  // namespace

std::string_view kernel_path_name(KernelPath path) {
    return kNames.at(static_cast<size_t>(path));
}

bool kernel_path_available(KernelPath path) {
    switch (path) {
        case KernelPath::kScalar:
            return true;
        case KernelPath::kAvx2:
            return cpu_has_avx2_and_fma();
        case KernelPath::kAvx512:
            return cpu_has_avx512();
        case KernelPath::kNeon:
            break;
    }
    return cpu_has_neon();
}

std::vector<KernelPath> available_kernel_paths() {
    std::vector<KernelPath> paths;
    for (size_t i = 0; i < kNames.size(); ++i) {
        if (kernel_path_available(static_cast<KernelPath>(i))) {
            paths.push_back(static_cast<KernelPath>(i));
        }
    }
    return paths;
}

KernelPath kernel_path() {
    const int path = forced.load(std::memory_order_relaxed);
    return path == kNotForced ? fastest() : static_cast<KernelPath>(path);
}

void force_kernel_path(KernelPath path) {
    ASSAY_CHECK(kernel_path_available(path));
    forced.store(static_cast<int>(path), std::memory_order_relaxed);
}

Status force_kernel_path(const std::string& name) {
    const Result<KernelPath> path = path_named(name, available_kernel_paths());
    if (!path) {
        return path.error();
    }
    if (name == "auto") {
        forced.store(kNotForced, std::memory_order_relaxed);
    } else {
        force_kernel_path(*path);
    }
    return {};
}

Result<KernelPath> path_named(const std::string& name, const std::vector<KernelPath>& paths) {
    ASSAY_CHECK(!paths.empty());
    if (name == "auto") {
        return paths.back();
    }
    for (const KernelPath path : paths) {
        if (name == kernel_path_name(path)) {
            return path;
        }
    }
    return fail("no kernels named " + name + " on this machine; it has: auto, " +
                path_names(paths));
}

std::string path_names(const std::vector<KernelPath>& paths) {
    std::string names;
    for (const KernelPath path : paths) {
        names += (names.empty() ? "" : ", ") + std::string(kernel_path_name(path));
    }
    return names;
}

}  // namespace assay
