// Keys that come to a simulated run one behind the other, say Hello to it, pay nothing for it and
// do nothing else: a flood, as far as a run's options ask for one.

#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "net/loopback.h"
#include "simulation/sim_run.h"

namespace assay {

class SimStrangers {
public:
    // All of them must outlive it.
    SimStrangers(const SimRun& run, const Clock& clock, LoopbackNetwork& network);

    // Lets those come that are due, and those that are there hear what they are told.
    void run_due();
    // When the next one comes; none once all have come.
    [[nodiscard]] std::optional<Instant> next_due() const;

private:
    const SimRun& run_;
    const Clock& clock_;
    LoopbackNetwork& network_;
    Instant began_;
    uint32_t came_ = 0;
    std::vector<std::unique_ptr<ClientChannel>> there_;
};

}  // namespace assay
