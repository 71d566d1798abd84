// Faked steps trip the wire, honest ones do not.
#include "verify/tripwire.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"

namespace assay {

namespace {

constexpr uint32_t kSteps = 10;
constexpr size_t kValues = 4096;

using Steps = std::vector<std::vector<float>>;

Steps honest_steps() {
    CounterRng rng(derive_seed(Digest{}, "tripwire"));
    Steps steps(kSteps, std::vector<float>(kValues));
    for (std::vector<float>& g : steps) {
        for (size_t i = 0; i < kValues; ++i) {
            g[i] = static_cast<float>(rng.normal() * std::exp2(static_cast<double>(i % 20) - 20));
        }
    }
    return steps;
}

// Warm moments: v holds the mean square of honest steps of the same sizes.
TripwireReport report_of(const Steps& steps) {
    std::vector<float> v(kValues);
    for (size_t i = 0; i < kValues; ++i) {
        v[i] = static_cast<float>(std::exp2(2 * (static_cast<double>(i % 20) - 20)));
    }
    Tripwire tripwire(kSteps);
    for (uint32_t t = 0; t < kSteps; ++t) {
        for (size_t i = 0; i < kValues; ++i) {
            v[i] = 0.95F * v[i] + 0.05F * (steps[t][i] * steps[t][i]);
        }
        tripwire.add(t, steps[t], v, 1);
    }
    return tripwire.report(tripwire_floor(VerifySettings{}));
}

}  // namespace

TEST_CASE("honest steps do not trip", "[verify]") {
    const TripwireReport report = report_of(honest_steps());
    INFO(report.reason);
    CHECK_FALSE(report.suspicious);
    CHECK(report.energy_max == Approx(1).margin(0.15));
    CHECK(report.coherence == Approx(0.1).margin(0.05));
    CHECK(report.suspect_steps.empty());
}

TEST_CASE("a fake spread over quiet values trips by its energy", "[verify]") {
    Steps steps = honest_steps();
    for (float& x : steps[6]) {
        x = 0.01F;
    }
    const TripwireReport report = report_of(steps);
    CHECK(report.suspicious);
    CHECK(report.suspect_steps == std::vector<uint32_t>{6});
    CHECK(report.energy_max > 5);
    CHECK(report.reason.find("g^2/v") != std::string::npos);
}

TEST_CASE("zero and collinear steps trip", "[verify]") {
    Steps steps = honest_steps();
    std::fill(steps[3].begin(), steps[3].end(), 0.0F);
    for (size_t i = 0; i < kValues; ++i) {
        steps[8][i] = 0.5F * steps[7][i];
    }
    const TripwireReport report = report_of(steps);
    CHECK(report.suspicious);
    CHECK(report.suspect_steps == std::vector<uint32_t>{3, 7, 8});
    CHECK(report.cosine_max == Approx(1));
}

TEST_CASE("one chunk that is unlike the others is no fake, all of them are", "[verify]") {
    const Steps honest = honest_steps();
    const std::vector<float> v(kValues, 1e-4F);
    const auto figures = [&](size_t odd) {
        Tripwire tripwire(kSteps);
        for (uint32_t t = 0; t < kSteps; ++t) {
            for (size_t chunk = 0; chunk < 4; ++chunk) {
                std::vector<float> g = honest[t];
                for (float& x : g) {
                    x = chunk < odd ? 0.05F : x / 100;
                }
                tripwire.add(t, g, v, 1);
            }
        }
        return tripwire.report(tripwire_floor(VerifySettings{}));
    };
    CHECK(figures(2).energy_max < 1);
    CHECK(figures(2).cosine_max < 0.9);
    CHECK(figures(3).energy_max > 20);
    CHECK(figures(3).cosine_max > 0.99);
    CHECK(figures_of(figures(3)).cosine_ppm > 990000);
}

TEST_CASE("equal roots are equal steps, opened or not", "[verify]") {
    Tripwire tripwire(3);
    std::vector<StateLeaf> states(3);
    for (uint64_t t = 0; t < 3; ++t) {
        states[t].g_root = derive_seed(Digest{}, "g", {t % 2});
    }
    tripwire.add_states(states);
    const TripwireReport report = tripwire.report(tripwire_floor(VerifySettings{}));
    CHECK(report.suspicious);
    CHECK(report.suspect_steps == std::vector<uint32_t>{0, 2});
}

}  // namespace assay
