#include "kernels/staggered_buffers.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>

#include "core/check.h"

namespace assay {

namespace {

constexpr size_t kPage = size_t{2} << 20U;
constexpr size_t kStagger = size_t{5233} * 64;  // 327 KiB, an odd number of cache lines
static_assert(kStagger % 64 == 0 && kPage % 64 == 0, "arrays begin at a cache line");

// From the start of an array to the next one's, apart from the stagger.
size_t stride_of(size_t count) {
    return (count * sizeof(float) + kPage - 1) / kPage * kPage;
}

size_t first_page(const unsigned char* mapping) {
    return (kPage - reinterpret_cast<uintptr_t>(mapping) % kPage) % kPage;
}

}  // namespace

StaggeredBuffers::StaggeredBuffers(size_t arrays, size_t count)
    : arrays_(arrays),
      count_(count),
      mapped_bytes_(arrays * (stride_of(count) + kStagger) + 2 * kPage) {
    void* mapping = mmap(nullptr,
                         mapped_bytes_,
                         PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1,
                         0);
    ASSAY_CHECK(mapping != MAP_FAILED);
    mapping_ = static_cast<unsigned char*>(mapping);
    (void)madvise(mapping, mapped_bytes_, MADV_HUGEPAGE);  // a wish: slower, not wrong, without
}

StaggeredBuffers::~StaggeredBuffers() {
    if (mapping_ != nullptr) {
        (void)munmap(mapping_, mapped_bytes_);
    }
}

StaggeredBuffers::StaggeredBuffers(StaggeredBuffers&& other) noexcept {
    *this = std::move(other);
}

StaggeredBuffers& StaggeredBuffers::operator=(StaggeredBuffers&& other) noexcept {
    std::swap(arrays_, other.arrays_);
    std::swap(count_, other.count_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(mapping_, other.mapping_);
    return *this;
}

float* StaggeredBuffers::start_of(size_t i) const {
    ASSAY_CHECK_LT(i, arrays_);
    unsigned char* start = mapping_ + first_page(mapping_) + i * (stride_of(count_) + kStagger);
    ASSAY_CHECK_LE(static_cast<size_t>(start - mapping_) + count_ * sizeof(float), mapped_bytes_);
    return reinterpret_cast<float*>(start);
}

std::span<float> StaggeredBuffers::operator[](size_t i) {
    return {start_of(i), count_};
}

std::span<const float> StaggeredBuffers::operator[](size_t i) const {
    return {start_of(i), count_};
}

}  // namespace assay
