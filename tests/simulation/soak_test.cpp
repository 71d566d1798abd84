// Drawn runs: everything is drawn, the same seed is the same run, and what is broken is named.

#include "simulation/soak.h"

#include <catch2/catch.hpp>
#include <set>

#include "simulation/simulation.h"

namespace assay {

TEST_CASE("a soak draws every fault, and no run that cannot be", "[simulation]") {
    std::set<std::string> drawn;
    for (uint64_t seed = 1; seed <= 400; ++seed) {
        const SimulationOptions run = drawn_run(seed);
        CHECK((run.peers >= kStayers && run.joiners + kStayers <= run.peers));
        CHECK(run.attacks.size() <= run.peers);
        drawn.insert(run.attacks.begin(), run.attacks.end());
        const std::pair<const char*, bool> faults[] = {{"loss", run.faults.loss > 0},
                                                       {"duplication", run.faults.duplication > 0},
                                                       {"reorder", run.faults.reorder},
                                                       {"blob", run.blob_failure > 0},
                                                       {"disk", run.storage_ms_max > 0},
                                                       {"coordinator", run.coordinator_crash > 0},
                                                       {"snapshot", run.snapshot_loss > 0},
                                                       {"clock", run.wild_clock},
                                                       {"peer", run.peer_crash > 0},
                                                       {"absence", run.absence > 0},
                                                       {"uplink", run.slow_uplink > 0},
                                                       {"leave", run.leave > 0},
                                                       {"join", run.joiners > 0},
                                                       {"certain", run.audit_min_ppm == 1000000},
                                                       {"seldom", run.audit_min_ppm == 30000}};
        for (const auto& [name, is] : faults) {
            if (is) {
                drawn.insert(std::string("fault ") + name);
            }
        }
    }
    CHECK(drawn.size() == cheat_strategies().size() + 15);
}

TEST_CASE("a soak counts what it did, and repeats a run from its seed", "[simulation]") {
    SoakOptions options;
    options.seed = 11;
    options.rounds = 60;
    uint64_t begun = 0;
    options.progress = [&](uint64_t seed, uint64_t rounds) {
        CHECK(seed == 11 + begun);
        CHECK(rounds < 60);
        ++begun;
    };
    const SoakReport report = soak(options);
    INFO(describe(report));
    CHECK(report.ok());
    CHECK(report.rounds >= 60);
    CHECK(report.runs == begun);
    CHECK(report.last_seed == 10 + begun);
    options.seed = report.last_seed;
    options.rounds = 1;
    options.progress = nullptr;
    const SoakReport first = soak(options);
    const SoakReport again = soak(options);
    CHECK(first.runs == 1);
    CHECK(describe(first) == describe(again));
}

}  // namespace assay
