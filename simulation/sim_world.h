// The event loop of a simulated run: moves the clock to what is due next, lets every node do what
// is due, kills and restarts nodes, and checks what must always hold.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simulation/sim_coordinator.h"
#include "simulation/sim_peer.h"
#include "simulation/simulation.h"

namespace assay {

class SimWorld {
public:
    explicit SimWorld(const SimulationOptions& options);
    // Until all is settled, or the first thing that should not be; to be called once.
    SimulationReport run();

private:
    Status boot();
    Status step();
    Status move_coordinator();
    Status move_peers();
    Status check_replicas();
    Status check_ledger();
    Status check_end();
    Status check_recomputed();
    [[nodiscard]] std::optional<Instant> next_due() const;
    void fill(SimulationReport& report) const;
    [[nodiscard]] const RoundSummary* summary_of(RoundId round) const;
    [[nodiscard]] const TrainerState* leaked(const PeerId& colluder) const;

    SimRun run_;
    FakeClock clock_;
    LoopbackNetwork network_;
    SimCoordinator coordinator_;
    std::vector<std::unique_ptr<SimPeer>> peers_;
    std::vector<size_t> checked_;              // applied rounds of each peer already compared
    std::map<size_t, Instant> peer_restarts_;  // dead peers, and when they come (again)
    std::optional<Instant> coordinator_restart_;
};

}  // namespace assay
