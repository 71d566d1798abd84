#include "simulation/simulation.h"

#include <cstdio>

#include "simulation/sim_world.h"

namespace assay {

SimulationReport run_simulation(const SimulationOptions& options) {
    SimWorld world(options);
    return world.run();
}

std::string describe(const SimulationReport& report) {
    char line[256];
    std::snprintf(line,
                  sizeof(line),
                  "seed %llu: %llu rounds (%llu voided) of %.1f s, %.1f s at most, %llu records, "
                  "%llu restarts, loss %.4f to %.4f: %s\n",
                  static_cast<unsigned long long>(report.seed),
                  static_cast<unsigned long long>(report.rounds),
                  static_cast<unsigned long long>(report.voided),
                  report.round_ms / 1e3,
                  static_cast<double>(report.longest_round_ms) / 1e3,
                  static_cast<unsigned long long>(report.records),
                  static_cast<unsigned long long>(report.coordinator_restarts),
                  static_cast<double>(report.loss_first),
                  static_cast<double>(report.loss_last),
                  report.ok ? "every check held" : "FAILED");
    std::string text = line;
    for (const SimulatedPeer& peer : report.peers) {
        std::snprintf(line,
                      sizeof(line),
                      "  %s %-10s counted %llu vested %lld forfeited %lld%s ",
                      peer.id.brief().c_str(),
                      peer.attack.empty() ? "honest" : peer.attack.c_str(),
                      static_cast<unsigned long long>(peer.counted),
                      static_cast<long long>(peer.vested),
                      static_cast<long long>(peer.forfeited),
                      peer.ejected ? ", ejected" : "");
        text += line + peer.verdict + "\n";
    }
    return report.ok ? text : text + report.failure + "\n";
}

}  // namespace assay
