// Which blobs a coordinator must still hold. Pure: a function of what is durable, so a restarted
// coordinator keeps the same ones.
//
// Knows no store: RoundMachine hands the set out (KeepBlobs), the program removes the rest. What is
// on its way is not in here unless a record has named it.

#pragma once

#include <set>

#include "rounds/round_rules.h"
#include "rounds/run_state.h"

namespace assay {

// Closed rounds whose aggregate is kept: peers are told the summary of the last one when they
// connect, and may still be fetching the one before. Whoever is further behind fetches theta.
inline constexpr uint64_t kAggregateRounds = 2;

// Newest snapshots that are kept: the last may be damaged, or one step ahead of the ledger.
inline constexpr size_t kSnapshotsKept = 4;

// The run's data; theta of the newest plan; the last aggregates; everything of the round that runs.
// Of a closed round its payloads, while copies are looked for among them, a share may have to be
// taken out, or its step may have to be taken again (rounds/missed_steps.h); and the states
// and the opening that an audit without a verdict reads.
std::set<Digest> live_blobs(const RunManifest& manifest,
                            const RoundRules& rules,
                            const RunState& state);

// How many closed rounds RunState must remember for this.
uint64_t rounds_remembered(const VerifySettings& verify);

}  // namespace assay
