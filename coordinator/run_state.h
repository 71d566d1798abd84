// What the ledger says about a run, as far as the next decision needs it: a fold of the records.
//
// RoundMachine applies each draft here when it hands it out to be made durable, and restore() applies
// the stored records: the same function, so a restarted coordinator cannot think otherwise. Knows no
// connection, no deadline and no tensor. Owned by RoundMachine.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/record.h"
#include "ledger/settlement.h"
#include "protocol/messages.h"

namespace assay {

// One identity, from its join on.
struct Member {
    PeerId id;
    NumericClass numeric_class = NumericClass::kFp32;
    uint64_t tokens_per_second = 0;        // last measured; 0 unknown
    uint64_t uplink_bytes_per_second = 0;
    bool ejected = false;
    std::string ejected_why;
    uint32_t tenure_rounds = 0;            // counted rounds
    uint64_t optimiser_steps = 0;          // behind (m, v)
    bool roots_known = false;              // else the next plan says zero roots
    Digest m_root;
    Digest v_root;
    Digest e_root;
    std::optional<RoundId> last_commit;
    std::optional<RoundId> suspected;      // last round with a suspicious verdict
    uint32_t last_sequences = 0;           // B_i of the last counted round
    uint32_t refusals = 0;                 // openings drawn and not answered
};

struct RosterEntry {
    PeerId id;
    uint32_t sequences_per_step = 0;
    auto operator<=>(const RosterEntry&) const = default;
};

struct CommitState {
    Commit commit;
    Digest hash;
    Bytes envelope;
    std::optional<BlobRef> payload;    // stored with us, hashed
    std::optional<Verdict> verdict;    // of the layers that gate
    std::optional<OpeningNotice> opening;
    bool entered = false;              // in the aggregate
    double weight = 0;
};

struct AuditState {
    AuditJob job;
    std::vector<AuditReport> reports;
    bool settled = false;
};

// One round, kept while verdicts on it may still come.
struct RoundState {
    RoundPlan plan;
    Digest plan_digest;
    std::map<PeerId, CommitState> commits;
    std::optional<Close> close;
    std::optional<Beacon> beacon;
    std::optional<RoundSummary> summary;
    std::map<Digest, AuditState> audits;  // by job digest
};

struct PendingTakeBack {
    RoundId round;
    PeerId peer;
    auto operator<=>(const PendingTakeBack&) const = default;
};
