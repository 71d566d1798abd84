// A whole run in one thread: coordinator, peers and adversaries on a network with faults, checked
// after every step. The same seed gives the same run; a failure names it.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/messages.h"
#include "simulation/cheat_tally.h"
#include "simulation/sim_run.h"

namespace assay {

struct SimulatedPeer {
    PeerId id;
    std::string attack;                  // its Trainer; empty: honest
    std::string strategy;                // the row that it plays; empty: honest
    CheatTally cheat;                    // what it did, and what was found of it
    std::optional<uint64_t> came_in;     // the round of its first COMMIT
    std::optional<uint64_t> ejected_in;  // rounds that were over by then
    uint64_t counted = 0;
    uint64_t restarts = 0;
    int64_t vested = 0;
    int64_t unvested = 0;
    int64_t deposit = 0;
    int64_t forfeited = 0;
    bool ejected = false;
    std::string verdict;  // the last one that was not "accepted", in words
    std::optional<Layer> rejected_by;
};

struct SimulationReport {
    bool ok = false;
    std::string failure;  // what did not hold, with the seed
    uint64_t seed = 0;
    uint64_t rounds = 0;
    uint64_t voided = 0;
    uint64_t records = 0;
    uint64_t coordinator_restarts = 0;
    uint64_t steps_again = 0;  // outer steps taken a second time, for a lost snapshot
    int64_t simulated_ms = 0;
    double round_ms = 0;           // mean time from plan to plan
    int64_t longest_round_ms = 0;  // the same, at most
    uint64_t misses = 0;           // blobs that were needed and gone, at any node
    uint64_t blobs_most = 0;       // in the coordinator's store at a time
    uint64_t peer_blobs_most = 0;  // in a peer's
    uint64_t verdicts = 0;         // of the gates
    uint64_t suspicious = 0;
    double audit_rate = 0;  // mean over the lines of all plans
    double audit_rate_without_suspicion = 0;
    float loss_first = 0;
    float loss_last = 0;
    std::vector<float> losses;  // behind each round
    Digest theta_root;
    std::vector<SimulatedPeer> peers;
};

// Checks: phases only move forward; replicas of honest peers equal the summaries; the books add up;
// the ledger verifies; honest peers are paid and cheats vest nothing.
SimulationReport run_simulation(const SimulationOptions& options);

// One line a peer and one for the run, for people.
std::string describe(const SimulationReport& report);

}  // namespace assay
