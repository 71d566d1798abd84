// A few float arrays of one length that a kernel walks at once: theta, g, m and v of AdamW.
//
// One mapping, huge pages where the system grants them, zeros at first. Each array starts an odd
// number of cache lines further into its 2 MiB page than the one before: arrays that share one
// alignment meet in the same cache sets and banks, and AdamW then runs at half the speed on some
// CPUs. Owned by one thread at a time.

#pragma once

#include <cstddef>
#include <span>

namespace assay {

class StaggeredBuffers {
public:
    // `arrays` arrays of `count` zeros each. Ends the process where memory cannot be had.
    StaggeredBuffers(size_t arrays, size_t count);
    ~StaggeredBuffers();
    StaggeredBuffers(StaggeredBuffers&& other) noexcept;
    StaggeredBuffers& operator=(StaggeredBuffers&& other) noexcept;
    StaggeredBuffers(const StaggeredBuffers&) = delete;
    StaggeredBuffers& operator=(const StaggeredBuffers&) = delete;

    [[nodiscard]] size_t arrays() const { return arrays_; }
    [[nodiscard]] size_t count() const { return count_; }
    // REQUIRES: i < arrays().
    [[nodiscard]] std::span<float> operator[](size_t i);
    [[nodiscard]] std::span<const float> operator[](size_t i) const;

private:
    [[nodiscard]] float* start_of(size_t i) const;

    size_t arrays_ = 0;
    size_t count_ = 0;
    size_t mapped_bytes_ = 0;
    unsigned char* mapping_ = nullptr;
};

}  // namespace assay
