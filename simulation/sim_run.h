// What all nodes of a simulated run share: manifest, rules, settings, data; and what a node's
// machine would keep on disk. Everything follows from the options.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "core/rng.h"
#include "net/loopback.h"
#include "peer/trainer.h"
#include "protocol/beacon_chain.h"
#include "rounds/round_rules.h"
#include "verify/round_judge.h"

namespace assay {

// Something is broken on purpose, so that a test can see the checks find it.
enum class Sabotage : uint8_t {
    kNone,
    kBlindAuditor,     // every gradient audit passes
    kTornReplica,      // one honest replica changes a value
    kForgedRecord,     // one byte of the finished ledger changes
    kInventedShare,    // the coordinator gives one peer a larger share than its judge
    kHiddenSuspicion,  // and turns the suspicion of another one round
};

struct SimulationOptions {
    uint64_t seed = 1;
    uint64_t rounds = 20;
    uint32_t peers = 4;  // honest ones
    // A further peer each, by the name of its strategy (adversaries/strategy_table.h), or kHonest.
    std::vector<std::string> attacks;
    // A run file's settings, as far as simulation/scaled_rules.h takes them; then what stands below
    // of pay, class and strategy is not looked at.
    std::optional<RunConfig> config;
    LinkFaults faults{0, 0, DurationMs{5}, DurationMs{40}, false};
    double blob_failure = 0;       // of a transfer
    uint64_t slow_uplink = 0;      // bytes/s of the first honest peer; 0: as fast as the others
    double coordinator_crash = 0;  // probability, before each of its actions
    double snapshot_loss = 0;      // of the newest one, when the coordinator dies
    int64_t storage_ms_max = 0;    // of a batch that the coordinator makes durable; 0: no time
    double peer_crash = 0;         // probability, before COMMIT, opening and applying
    bool wild_clock = false;       // the wall clock is set to another time while it is down
    double absence = 0;            // probability that a peer's process is away, before it opens
    int64_t absence_ms = 75000;    // for so long
    double leave = 0;              // probability that an honest peer stops behind a round
    int64_t leave_ms = 60000;      // and comes back within that; one in four never does
    uint32_t strangers = 0;        // keys that say Hello and pay and do nothing (sim_strangers.h)
    uint32_t joiners = 0;          // of the honest ones, that come at drawn times
    uint64_t crash_height = 0;     // the coordinator dies once, when this record is durable
    int64_t vest_rounds = 4;
    int64_t audit_min_ppm = 1000000;
    int64_t debt_seconds = 60;
    bool late_joiner = false;  // one honest peer comes after some rounds
    bool late_leak = false;    // so do the adversaries, and whom they copy hands them its triple
    NumericClass numeric_class = NumericClass::kExact;
    std::string strategy = "sparseloco";
    bool until_ejected = false;  // ends some rounds behind the last cheat that is let in no more
    bool luck = false;           // an audit may miss a cheat: what it vests is no fault then
    Sabotage sabotage = Sabotage::kNone;
    std::function<void(double part)> progress;  // told once a round how much is done, of 1
};

// Of SimulationOptions::attacks: a peer like the others, in the place of a cheat.
constexpr const char* kHonest = "honest";
// Honest peers that never stop for good, so that a run goes on.
constexpr uint64_t kStayers = 2;

// How long something takes, 1 to `most`: short as often as long, by powers of two.
int64_t drawn_ms(CounterRng& rng, int64_t most);

constexpr uint64_t kSampleCount = 100000;

struct SimRun {
    explicit SimRun(const SimulationOptions& options);

    // What the programs make of the run's manifest, made from the options instead.
    [[nodiscard]] TrainerSettings trainer_settings(const PeerId& self) const;
    [[nodiscard]] JudgeSettings judge_settings() const;
    // Of the honest peer `number`, or of kFirstCheat + n.
    static constexpr uint64_t kFirstCheat = 1000;
    [[nodiscard]] Identity peer_identity(uint64_t number) const;
    [[nodiscard]] std::vector<int32_t> read(std::string_view stream,
                                            std::span<const uint64_t> samples) const;

    SimulationOptions options;
    Digest seed;
    Identity coordinator;
    BeaconChain beacons;
    ParameterLayout layout;
    std::vector<float> initial_theta;
    RunManifest manifest;
    RoundRules rules;
    AdamSettings adam;
    CompressionSettings compression;
    OuterSettings outer;
    uint64_t sample_count = kSampleCount;
    uint64_t held_out_count = 512;
};

}  // namespace assay
