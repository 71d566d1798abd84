// A compressor, a codec and an aggregate that have done their work once allocate nothing more.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "compression/aggregate.h"
#include "compression/compressor.h"
#include "tests/compression/samples.h"
#include "tests/support/skip.h"

namespace {

std::atomic<size_t> allocations{0};

}  // namespace

// Counts what the whole test program allocates; sanitizers see malloc and free as ever.
void* operator new(size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    void* place = std::malloc(size == 0 ? 1 : size);
    if (place == nullptr) {
        throw std::bad_alloc();
    }
    return place;
}
// std::stable_sort asks this one.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* place) noexcept {
    std::free(place);
}
void operator delete(void* place, size_t) noexcept {
    std::free(place);
}
void operator delete(void* place, const std::nothrow_t&) noexcept {
    std::free(place);
}

namespace assay {

TEST_CASE("nothing is allocated in the steady state", "[needs_vectors]") {
    if (available_kernel_paths().size() == 1) {
        skip_case("this machine has the scalar path alone, which is written to be read");
        return;
    }
    ParameterLayout layout;
    layout.add("a", 64, 1024);
    layout.add("norm", 1, 700);
    const std::vector<float> start = sample_values(layout, 1, 0.02);
    const std::vector<float> end = sample_values(layout, 2, 0.02);
    std::vector<float> e(layout.value_count(), 0.0F);
    const CompressionSettings settings;
    Compressor compressor(layout, settings);
    UpdateCodec codec(layout, PayloadKind::kSparse, 64);
    SparseUpdate update;
    SparseUpdate decoded;
    Bytes bytes;
    const auto round = [&] {
        const bool sent = compressor.compress(start, end, e, e, update, bytes).ok();
        return sent && codec.decode(bytes, decoded).ok();
    };
    for (int warm = 0; warm < 20; ++warm) {
        REQUIRE(round());
    }
    const size_t before = allocations.load();
    const bool fine = round();
    const size_t after = allocations.load();
    CHECK(fine);
    CHECK(after == before);
}

}  // namespace assay
