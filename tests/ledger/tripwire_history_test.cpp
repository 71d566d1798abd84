// Limits that follow from what a run has shown.

#include "ledger/tripwire_history.h"

#include <catch2/catch.hpp>

#include "core/rng.h"

namespace assay {
namespace {

constexpr TripwireFigures kFloor{1700000, 900000};

uint32_t in_ppm(double figure) {
    return static_cast<uint32_t>(figure * 1e6);
}

}  // namespace

TEST_CASE("nothing is unusual before the run has shown enough") {
    TripwireHistory history;
    for (size_t i = 0; i + 1 < kFiguresMin; ++i) {
        history.add({in_ppm(1.2), in_ppm(0.1)});
    }
    history.add({});  // nothing was looked at
    CHECK(history.limits(kFloor) == (TripwireFigures{UINT32_MAX, UINT32_MAX}));
    history.add({in_ppm(1.2), in_ppm(0.1)});
    CHECK(history.limits(kFloor) == kFloor);
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
        const TripwireFigures figures{in_ppm(largest), in_ppm(0.3)};
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
        history.add({in_ppm(i % 3 == 0 ? 9 : honest), in_ppm(0.2)});
    }
    CHECK(history.limits(kFloor).energy_ppm < in_ppm(6));
}

TEST_CASE("old figures are forgotten") {
    TripwireHistory history;
    for (size_t i = 0; i < kFiguresKept; ++i) {
        history.add({in_ppm(2.0 + 0.01 * static_cast<double>(i % 50)), in_ppm(0.2)});
    }
    const uint32_t before = history.limits(kFloor).energy_ppm;
    for (size_t i = 0; i < kFiguresKept; ++i) {
        history.add({in_ppm(1.1), in_ppm(0.2)});
    }
    CHECK(before > kFloor.energy_ppm);
    CHECK(history.limits(kFloor) == kFloor);
}

}  // namespace assay
