// What a run file promises before a round is run: how often a peer is audited by its tenure, what a
// cheat is worth then, and what checking costs. Closed form; what whole runs make of it is measured
// by `assay bench redteam`.
//
// All peers are alike and honest but for the round in question; a round's training costs what it is
// worth (c = r). Pure.

#pragma once

#include <cstdint>
#include <vector>

#include "configs/run_config.h"
#include "configs/survival_figures.h"

namespace assay {

// Of a peer of which so many rounds were counted, one after the other.
struct TenureRisk {
    uint64_t rounds = 0;
    double audited = 1;      // p
    double at_stake = 0;     // what a proven cheat loses beside this round's reward, in rewards
    uint32_t best_skip = 1;  // of b = 1 .. H the number of steps whose skipping is worth most
    double value = 0;        // of skipping these, in honest rounds: b/H - p d(b) (1 + at_stake)
    double found = 0;        // p d(b)
    double found_once = 0;   // p d(1): of a single false step
    double found_all = 0;    // p d(H)
};

struct RiskFigures {
    uint64_t peers = 0;
    std::vector<TenureRisk> tenures;  // up to full escrow, the last of which stays
    double mean_audited = 0;          // over a run of so many rounds
    SurvivalFigures half;             // of a peer that skips half of its steps

    // What the coordinator computes in a round for checking, part of what its peers train.
    double gates = 0;  // held-out gradients, pay shares, the reported loss
    double audits = 0;

    // A peer, in bytes: of a round, but for the disk.
    uint64_t payload = 0;   // at most
    uint64_t opening = 0;   // at most
    uint64_t audit = 0;     // more, where it is audited
    double sent = 0;        // mean at most
    uint64_t received = 0;  // the aggregate, at most
    double disk = 0;
    double seconds_up = 0;  // for what it sends unaudited, on the slowest link that is waited for
    double seconds_audited = 0;
};

// REQUIRES: check_config passed, peers > 0.
RiskFigures risk_figures(const RunConfig& config, uint64_t peers);

}  // namespace assay
