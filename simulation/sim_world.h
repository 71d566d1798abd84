// The event loop of a simulated run: moves the clock to what is due next, lets every node do what
// is due, kills and restarts nodes, and checks what must always hold.

#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulation/sim_coordinator.h"
#include "simulation/sim_peer.h"
#include "simulation/sim_strangers.h"
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
    void add_peer(uint64_t number, const std::string& strategy);
    // Whoever is not let in again, and what comes back under a new key.
    void look_at_ejected();
    std::vector<size_t> note_ejected();
    std::vector<size_t> note_sent_away();
    void come_back(size_t out);
    [[nodiscard]] bool cheats_are_out() const;
    [[nodiscard]] bool comes_and_goes() const;
    Status check_replicas();
    Status check_ledger();
    Status check_end();
    Status check_stopped();
    [[nodiscard]] Status check_honest(const SimPeer& peer, size_t index) const;
    Status check_recomputed();
    [[nodiscard]] std::optional<Instant> next_due() const;
    void fill(SimulationReport& report) const;
    void fill_times(SimulationReport& report) const;
    void fill_peers(SimulationReport& report) const;
    [[nodiscard]] const RoundSummary* summary_of(RoundId round) const;
    [[nodiscard]] double at_stake(const PeerId& peer) const;
    [[nodiscard]] const TrainerState* leaked(const PeerId& colluder) const;

    SimRun run_;
    FakeClock clock_;
    LoopbackNetwork network_;
    SimCoordinator coordinator_;
    std::vector<std::unique_ptr<SimPeer>> peers_;
    SimStrangers strangers_;
    uint64_t next_cheat_ = SimRun::kFirstCheat;
    size_t looked_at_ = 0;                     // summaries, for those who are not let in again
    std::map<size_t, uint64_t> ejected_;       // which peers, and how many rounds were over
    std::set<size_t> sent_away_;               // keys that were given up for another
    std::vector<size_t> checked_;              // applied rounds of each peer already compared
    std::map<size_t, Instant> peer_restarts_;  // dead peers, and when they come (again)
    std::optional<Instant> coordinator_restart_;
};

}  // namespace assay
