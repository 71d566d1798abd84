#include "simulation/soak.h"

#include <algorithm>
#include <cstdio>

#include "adversaries/strategy_table.h"
#include "core/check.h"
#include "simulation/simulation.h"

namespace assay {

namespace {

class Draw {
public:
    explicit Draw(uint64_t seed) : rng_(derive_seed({}, "soak", {seed})) {}

    // low to high, both included.
    uint64_t from(uint64_t low, uint64_t high) { return low + rng_.below(high - low + 1); }
    bool one_in(uint64_t many) { return rng_.below(many) == 0; }
    template <typename T>
    T any(std::initializer_list<T> choices) {
        return choices.begin()[rng_.below(choices.size())];
    }

private:
    CounterRng rng_;
};

void draw_rules(Draw& draw, SimulationOptions& options) {
    options.rounds = draw.from(8, 60);
    options.peers = static_cast<uint32_t>(draw.from(2, 5));
    options.vest_rounds = draw.any<int64_t>({1, 2, 4, 10, 20});
    options.audit_min_ppm = draw.any<int64_t>({30000, 100000, 300000, 1000000});
    options.strategy = draw.any<const char*>({"sparseloco", "sparseloco", "diloco", "average"});
    options.numeric_class = draw.one_in(8) ? NumericClass::kFp32 : NumericClass::kExact;
    options.luck = true;
}

void draw_faults(Draw& draw, SimulationOptions& options) {
    options.faults.loss = draw.any({0.0, 0.01, 0.05});
    options.faults.duplication = draw.any({0.0, 0.0, 0.05});
    options.faults.delay_max = DurationMs{draw.any<int64_t>({40, 150, 600})};
    options.faults.reorder = draw.one_in(2);
    options.blob_failure = draw.any({0.0, 0.0, 0.03});
    options.storage_ms_max = draw.any<int64_t>({0, 0, 300, 2000});
    options.coordinator_crash = draw.any({0.0, 0.0, 0.0003, 0.001});
    options.snapshot_loss = draw.any({0.0, 0.5, 1.0});
    options.wild_clock = draw.one_in(6);
    // Longer than anybody honest is away; a clock that is set forward takes an hour of it.
    options.debt_seconds = options.wild_clock ? 4000 : 200;
    options.peer_crash = draw.any({0.0, 0.0, 0.03, 0.08});
    options.absence = draw.any({0.0, 0.0, 0.03});
    options.absence_ms = draw.any<int64_t>({900, 20000, 75000});
    options.slow_uplink = draw.one_in(10) ? 20000 : 0;
}

void draw_company(Draw& draw, SimulationOptions& options) {
    options.leave = draw.any({0.0, 0.0, 0.03, 0.1});
    options.leave_ms = draw.any<int64_t>({2000, 20000, 90000});
    const uint64_t most = options.peers - kStayers;
    options.joiners = static_cast<uint32_t>(draw.one_in(2) ? draw.from(0, most) : 0);
    const auto table = cheat_strategies();
    const uint64_t cheats = draw.from(0, std::min<uint64_t>(options.peers, 3));
    for (uint64_t i = 0; i < cheats; ++i) {
        options.attacks.emplace_back(table[draw.from(0, table.size() - 1)].name);
    }
}

void add(const SimulationReport& run, SoakReport& report) {
    ++report.runs;
    report.last_seed = run.seed;
    report.rounds += run.rounds;
    report.voided += run.voided;
    report.coordinator_restarts += run.coordinator_restarts;
    for (const SimulatedPeer& peer : run.peers) {
        report.peer_restarts += peer.restarts;
        report.cheats += peer.attack.empty() ? 0 : 1;
        report.ejected += peer.ejected && !peer.attack.empty() ? 1 : 0;
    }
}

}  // namespace

SimulationOptions drawn_run(uint64_t seed) {
    Draw draw(seed);
    SimulationOptions options;
    options.seed = seed;
    draw_rules(draw, options);
    draw_faults(draw, options);
    draw_company(draw, options);
    ASSAY_CHECK_LE(uint64_t{options.joiners} + kStayers, uint64_t{options.peers});
    return options;
}

SoakReport soak(const SoakOptions& options) {
    SoakReport report;
    report.first_seed = options.seed;
    for (uint64_t seed = options.seed; report.ok() && report.rounds < options.rounds; ++seed) {
        if (options.progress) {
            options.progress(seed, report.rounds);
        }
        const SimulationReport run = run_simulation(drawn_run(seed));
        add(run, report);
        if (!run.ok) {
            report.failure = "behind round " + std::to_string(run.rounds) + " of " + describe(run);
        }
    }
    return report;
}

std::string describe(const SoakReport& report) {
    char text[320];
    std::snprintf(text,
                  sizeof(text),
                  "soak: seeds %llu to %llu, %llu rounds in %llu runs (%llu voided), %llu restarts "
                  "of the\ncoordinator, %llu of peers, %llu keys of cheats, %llu of them ejected: ",
                  static_cast<unsigned long long>(report.first_seed),
                  static_cast<unsigned long long>(report.last_seed),
                  static_cast<unsigned long long>(report.rounds),
                  static_cast<unsigned long long>(report.runs),
                  static_cast<unsigned long long>(report.voided),
                  static_cast<unsigned long long>(report.coordinator_restarts),
                  static_cast<unsigned long long>(report.peer_restarts),
                  static_cast<unsigned long long>(report.cheats),
                  static_cast<unsigned long long>(report.ejected));
    return text + (report.ok() ? std::string("every invariant held") : "FAILED\n" + report.failure);
}

}  // namespace assay
