// Which blobs a coordinator must still hold. Pure: a function of what is durable, so a restarted
// coordinator keeps the same ones.
//
// Knows no store: RoundMachine hands the set out (KeepBlobs), the program removes the rest. What is
// on its way is not in here unless a record has named it.

#pragma once

#include <set>
#include <vector>

#include "rounds/round_rules.h"
#include "rounds/run_state.h"

namespace assay {

// Closed rounds whose aggregate is kept: peers are told the summary of the last one when they
// connect, and may still be fetching the one before. Whoever is further behind fetches theta.
inline constexpr uint64_t kAggregateRounds = 2;

// Newest snapshots that are kept: the last may be damaged, or one step ahead of the ledger. Of the
// older ones as many as it takes to judge any round again whose verdicts are not final.
inline constexpr size_t kSnapshotsKept = 4;

// For so many rounds behind it, a round can be judged again by whoever has the coordinator's blobs:
// its verdict window.
uint64_t evidence_rounds(const PaySettings& pay);

// Of all peers of a round, in order of id: payload, opening (what came in its place too), states,
// base of a late answer.
std::vector<EvidenceEntry> evidence_of(const RoundState& round);

// The run's data; theta of the newest plan; the last aggregates; everything of the round that runs.
// Of a closed round all by which it was judged, in its verdict window; its payloads while copies
// are looked for among them by a round in that window, a share may have to be taken out, or a step
// may have to be taken again (rounds/missed_steps.h); and the states and the opening that an audit
// without a verdict reads.
std::set<Digest> live_blobs(const RunManifest& manifest,
                            const RoundRules& rules,
                            const RunState& state);

// Of these, what members may fetch beside what is public anyway: by what closed rounds were judged.
std::set<Digest> shown_blobs(const RoundRules& rules, const RunState& state);

// How many closed rounds RunState must remember for this.
uint64_t rounds_remembered(const VerifySettings& verify, const PaySettings& pay);

}  // namespace assay
