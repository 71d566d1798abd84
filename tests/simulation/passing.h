// A simulated run that must hold.

#pragma once

#include <catch2/catch.hpp>

#include "simulation/simulation.h"

namespace assay {

inline SimulationReport passing(const SimulationOptions& options) {
    SimulationReport report = run_simulation(options);
    INFO(describe(report));
    CHECK(report.ok);
    return report;
}

}  // namespace assay
