// What RoundMachine needs of the run's settings, as plain values.
//
// Filled from RunConfig by the program, directly by tests. No tensor, no file. Never changes in a
// run: the manifest fixes it.

#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "configs/run_config.h"
#include "core/clock.h"
#include "ledger/pay.h"
#include "protocol/layout.h"
#include "protocol/messages.h"
#include "verify/settings.h"

namespace assay {

// Element r + 1 of the beacon chain: what round r reveals. Hashes to element r; element 0 is the
// manifest's tail.
using ChainElement = std::function<Digest(uint64_t index)>;

// What is not set is as a run file leaves it.
struct DeadlineRules {
    DeadlineRules() : DeadlineRules(RoundSettings{}) {}
    explicit DeadlineRules(const RoundSettings& settings);

    DurationMs commit_floor;  // bounds of D1 - opening of the round
    DurationMs commit_ceiling;
    DurationMs transfer_floor;  // bounds of D2 - D1 and of T_c
    DurationMs transfer_ceiling;
    DurationMs grace;                    // what the rest gets once a quorum is in
    uint32_t slack_percent;              // on top of the measured time
    uint64_t default_tokens_per_second;  // of a peer that has not measured yet
    uint64_t default_uplink_bytes_per_second;
    uint64_t least_uplink_bytes_per_second;  // whoever is slower is not waited for
};

struct RoundRules {
    uint64_t rounds = 1;       // ids 0 .. rounds - 1, voided ones included
    uint32_t peers_min = 1;    // a smaller roster waits
    uint32_t peers_start = 0;  // round 0 waits for this many, if that is more
    uint32_t peers_max = 64;
    // In a run that lets everybody in; 0: no limit.
    uint32_t newcomers_max = 0;         // in one roster
    uint32_t newcomers_per_minute = 0;  // that come from one address
    uint32_t entry_work_bits = 0;       // that any new key pays; 0: nothing
    uint32_t quorum_percent = 67;       // of the roster's commits; then only grace is left
    uint32_t inner_steps = 1;           // H
    uint32_t grain_sequences = 1;
    uint32_t sequence_tokens = 1;  // T
    uint32_t base_sequences = 1;   // B of a peer of median speed
    uint32_t speed_span = 4;       // B_i within base / span and base * span
    bool reset_moments = false;    // inner_state = "reset"
    // What peers may declare, never empty: the bounds that work is judged by follow from it.
    std::set<NumericClass> classes;
    DeadlineRules deadlines;
    VerifySettings verify;
    PaySettings pay;  // vest_rounds, verdict_window, max_absence, audit rates
    ParameterLayout layout;
    BlobRef initial_theta;  // of manifest.initial_root: for whoever cannot compute it
    // Zeros of theta's size, what each peer of a tolerance class opens as the v of a first step:
    // kept, since they would be fetched from the first that names them, who need not send them.
    // Else empty.
    BlobRef fresh_moments;
    uint64_t sample_count = 0;         // training samples of the data set
    uint64_t payload_bytes_max = 0;    // of one payload
    uint64_t opening_bytes_max = 0;    // of one opening without the step states
    std::vector<uint32_t> bias1_bits;  // kernels/adamw.h
    std::vector<uint32_t> bias2_bits;
    // fp32 bit patterns of the round's H learning rates; pure.
    std::function<std::vector<uint32_t>(RoundId)> learning_rates;
};

}  // namespace assay
