// Checks a whole ledger offline and names the first record that is wrong.
//
// Recomputes: hashes, chain, the coordinator's signatures and those of the peers' envelopes, the
// beacon chain, CLOSE roots, roots and continuity of plans, assignments, audit draws, and, through
// Books, shares, settlements, vestings and forfeits. What lies outside the ledger (payloads,
// openings) is not looked at. What needs data/ or verify/ comes as a callback.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/ledger.h"
#include "protocol/messages.h"

namespace assay {

struct LedgerChecks {
    // assignment_digest(assign(run seed, plan, sample count)) of the peer. Absent: not checked.
    std::function<Result<Digest>(const RoundPlan& plan, const PeerId& peer)> assignment_digest;
    // Steps that the beacon draws for the gradient audit; none if it draws no audit of this peer.
    // Absent: not checked.
    std::function<std::vector<uint32_t>(const RoundPlan& plan,
                                        const PlanPeer& peer,
                                        const Digest& beacon,
                                        const Digest& commit_hash)>
        drawn_steps;
    // Below which no figure of a chain is suspicious, by the run's settings. Absent: not checked.
    std::optional<TripwireFigures> tripwire_floor;
    // Expected from elsewhere; absent: what the first record says.
    std::optional<PeerId> coordinator;
    std::optional<Digest> manifest_digest;
    std::optional<PaySettings> pay;
};

struct BadRecord {
    uint64_t height = 0;
    RecordKind kind = RecordKind::kRunStart;
    std::string what;
};

struct VerifyReport {
    uint64_t records = 0;     // good ones, up to the first bad one
    uint64_t rounds = 0;      // with a summary
    uint64_t signatures = 0;  // checked: the coordinator's and the peers'
    Digest head;
    std::optional<BadRecord> bad;
    std::vector<std::string> not_checked;  // for want of a callback
    Books books;                           // after the last good record

    [[nodiscard]] bool ok() const { return !bad.has_value(); }
    // One line that says how it ended, then one a thing that was not checked; no last newline.
    [[nodiscard]] std::string text() const;
};

// Stops at the first bad record. The report says what was good before it.
VerifyReport verify_ledger(const Ledger& ledger, const LedgerChecks& checks = {});

// The manifest in the first record: callbacks need its settings.
Result<RunManifest> ledger_manifest(const Ledger& ledger);

}  // namespace assay
