// Limits that follow from what a run has shown.

#include "ledger/tripwire_history.h"

#include <catch2/catch.hpp>

#include "core/rng.h"

namespace assay {
namespace {

constexpr TripwireFigures kFloor{1700000, 900000, 400000, 500000};

uint32_t in_ppm(double figure) {
    return static_cast<uint32_t>(figure * 1e6);
}

}  // namespace

TEST_CASE("nothing is unusual before the run has shown enough") {
    TripwireHistory history;
    for (size_t i = 0; i + 1 < kFiguresMin; ++i) {
        history.add({in_ppm(1.2), in_ppm(0.1), 0, 0});
    }
    history.add({});  // nothing was looked at
    CHECK(history.limits(kFloor) ==
          (TripwireFigures{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}));
    history.add({in_ppm(1.2), in_ppm(0.1), 0, 0});
    const TripwireFigures chains_alone{
        kFloor.energy_ppm, kFloor.cosine_ppm, UINT32_MAX, UINT32_MAX};
    CHECK(history.limits(kFloor) == chains_alone);
}

// A small model's payloads are alike, and a peer that was alone in its round says nothing of that.
TEST_CASE("how alike payloads may be follows from those that stood beside another") {
    TripwireHistory history;
    CounterRng rng(derive_seed(Digest{}, "likeness"));
    uint64_t beyond = 0;
    for (int i = 0; i < 2000; ++i) {
        const bool alone = i % 3 == 0;
        const double shared = alone ? 0 : 0.45 + 0.05 * rng.normal();
        const TripwireFigures figures{
            in_ppm(1.2), in_ppm(0.1), in_ppm(shared), in_ppm(alone ? 0 : shared + 0.1)};
        const TripwireFigures limits = history.limits(kFloor);
        beyond += figures.overlap_ppm > limits.overlap_ppm ? 1 : 0;
        beyond += figures.payload_cosine_ppm > limits.payload_cosine_ppm ? 1 : 0;
        history.add(figures);
    }
    CHECK(beyond <= 1);
    CHECK(history.limits(kFloor).overlap_ppm > in_ppm(0.6));
}

TEST_CASE("limits stand well above what the run is used to, and never under the floor") {
    TripwireHistory history;
    CounterRng rng(derive_seed(Digest{}, "figures"));
    uint64_t beyond = 0;
    for (int i = 0; i < 20000; ++i) {
        // The largest of 12 noisy means, as an honest chain has it.
        double largest = 0;
        for (int step = 0; step < 12; ++step) {
            largest = std::max(largest, 1.6 + 0.2 * rng.normal());
        }
        const TripwireFigures figures{in_ppm(largest), in_ppm(0.3), 0, 0};
        const TripwireFigures limits = history.limits(kFloor);
        beyond += figures.energy_ppm > limits.energy_ppm ? 1 : 0;
        CHECK(limits.cosine_ppm >= kFloor.cosine_ppm);
        history.add(figures);
    }
    CHECK(beyond <= 10);
    CHECK(history.limits(kFloor).energy_ppm < in_ppm(5));
}

TEST_CASE("a third of cheats that fake large figures does not raise the limits to theirs") {
    TripwireHistory history;
    CounterRng rng(derive_seed(Digest{}, "fakes"));
    for (int i = 0; i < 600; ++i) {
        const double honest = 1.5 + 0.1 * rng.normal();
        history.add({in_ppm(i % 3 == 0 ? 9 : honest), in_ppm(0.2), 0, 0});
    }
    CHECK(history.limits(kFloor).energy_ppm < in_ppm(6));
}

TEST_CASE("old figures are forgotten") {
    TripwireHistory history;
    for (size_t i = 0; i < kFiguresKept; ++i) {
        history.add({in_ppm(2.0 + 0.01 * static_cast<double>(i % 50)), in_ppm(0.2), 0, 0});
    }
    const uint32_t before = history.limits(kFloor).energy_ppm;
    for (size_t i = 0; i < kFiguresKept; ++i) {
        history.add({in_ppm(1.1), in_ppm(0.2), 0, 0});
    }
    CHECK(before > kFloor.energy_ppm);
    CHECK(history.limits(kFloor).energy_ppm == kFloor.energy_ppm);
}

}  // namespace assay
