// Staggered arrays: zeros, apart, aligned to cache lines, at different places in their pages.
#include "kernels/staggered_buffers.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <utility>

namespace assay {

TEST_CASE("staggered arrays are zeros, apart and out of step") {
    for (const size_t count : {1U, 1000U, 524288U, 600000U}) {
        StaggeredBuffers buffers(4, count);
        std::set<size_t> lines;
        for (size_t i = 0; i < buffers.arrays(); ++i) {
            const std::span<float> array = buffers[i];
            REQUIRE(array.size() == count);
            CHECK(std::all_of(array.begin(), array.end(), [](float x) { return x == 0.0F; }));
            std::fill(array.begin(), array.end(), static_cast<float>(i + 1));
            const size_t address = reinterpret_cast<uintptr_t>(array.data());
            CHECK(address % 64 == 0);
            CHECK(lines.insert(address / 64 % 32).second);  // the sets of one 2 KiB
        }
        const StaggeredBuffers moved = std::move(buffers);
        for (size_t i = 0; i < moved.arrays(); ++i) {
            CHECK(moved[i].front() == static_cast<float>(i + 1));
            CHECK(moved[i].back() == static_cast<float>(i + 1));
        }
    }
}

TEST_CASE("no arrays, and arrays of nothing") {
    CHECK(StaggeredBuffers(0, 100).arrays() == 0);
    StaggeredBuffers empty(3, 0);
    CHECK(empty[2].empty());
}

}  // namespace assay
