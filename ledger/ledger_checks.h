// What a verifier knows of a run beside its records, as plain values.
//
// The run file's part is filled by rounds/ledger_terms.h, which knows what a coordinator makes of
// it; the rest comes from whoever verifies. Nothing here is read from a ledger.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "ledger/ledger_rule.h"
#include "ledger/pay.h"
#include "protocol/messages.h"

namespace assay {

// What the plan deals to one peer.
struct DealtWork {
    std::vector<SampleRange> ranges;   // that go back if its work does not count
    std::optional<Digest> assignment;  // that its COMMIT names; with the samples
    std::vector<uint64_t> samples;     // H * B_i, step-major; none where the data are not known
};
struct Deal {
    std::map<PeerId, DealtWork> peers;
    uint64_t stream_position_after = 0;
    std::vector<SampleRange> pool_after;
};

// What follows from the run file (which the manifest holds).
struct RunTerms {
    uint64_t rounds = 0;
    uint32_t peers_min = 1;
    uint32_t peers_max = 0;
    uint32_t inner_steps = 0;  // H
    uint32_t grain_sequences = 1;
    uint32_t sequence_tokens = 0;  // T
    uint32_t base_sequences = 1;
    uint32_t speed_span = 1;
    bool reset_moments = false;
    std::set<NumericClass> classes;
    uint32_t entry_work_bits = 0;  // of whoever joins; 0: nothing
    DurationMs commit_floor;       // bounds of D1 - opening of the round
    DurationMs commit_ceiling;
    DurationMs transfer_floor;  // bounds of D2 - D1 and of T_c
    DurationMs transfer_ceiling;
    uint64_t theta_bytes = 0;
    uint64_t payload_bytes_max = 0;
    uint64_t opening_bytes_max = 0;
    std::vector<uint32_t> bias1_bits;
    std::vector<uint32_t> bias2_bits;
    PaySettings pay;
    TripwireFigures tripwire_floor;  // below which no figure of a chain is suspicious
    std::function<std::vector<uint32_t>(RoundId)> learning_rates;
    // Steps that the beacon draws for the gradient audit; none if it draws no audit of this peer.
    std::function<std::vector<uint32_t>(const RoundPlan& plan,
                                        const PlanPeer& peer,
                                        const Digest& beacon,
                                        const Digest& commit_hash)>
        drawn_steps;
    // The deal of a plan whose constants and roster are those of the run.
    std::function<Deal(const RoundPlan&)> deal;
    // The next pool, of what a deal left in it and of what came back.
    std::function<std::vector<SampleRange>(std::vector<SampleRange> pool_after,
                                           std::vector<SampleRange> returned)>
        next_pool;
    bool data_known = false;  // the number of training samples: deals hold samples
};

// A record that somebody saw, by its hash, and where it stood if he knows.
struct KnownHead {
    Digest hash;
    std::optional<uint64_t> height;
};

struct LedgerChecks {
    std::optional<RunTerms> terms;
    std::string why_no_terms = "the settings of the run are not known here";
    std::string why_no_data = "the number of training samples is not known here";
    // Expected from elsewhere; absent: not checked.
    std::optional<PeerId> coordinator;
    std::optional<Digest> manifest_digest;
    std::vector<KnownHead> heads;
    std::set<LedgerRule> left_out;
};

}  // namespace assay
