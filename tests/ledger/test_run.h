// A run as a coordinator would record it: real signatures, roots, beacons and audit jobs; invented
// tensors. For the tests of this folder.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/rng.h"
#include "ledger/books.h"
#include "ledger/ledger.h"
#include "ledger/ledger_verify.h"
#include "protocol/beacon_chain.h"
#include "protocol/codec.h"

namespace assay {

// What a peer does in a round.
enum class Conduct {
    kHonest,
    kAudited,  // honest, and the audit's verdict comes later (audit())
    kGated,
    kLate,    // COMMIT without payload
    kSilent,  // does not open: owed until answer()
    kCheat,   // found by the chunk chain before the summary
    kStale,   // a fault of form
    kAway,
};

constexpr uint32_t kTestSteps = 4;    // H
constexpr uint32_t kTestTokens = 16;  // T
constexpr uint32_t kTestEntryBits = 6;

struct TestRun {
    TestRun(Ledger& to, size_t peer_count, PaySettings pay);

    // Applies to the books, then appends: as a coordinator does. REQUIRES: the books take it.
    void write(std::vector<RecordDraft> drafts);
    // One whole round; conducts are by index of the peer, kHonest where absent.
    void round(const std::map<size_t, Conduct>& conducts = {}, bool voided = false);
    // Reports and verdict of the audit of `peer` in `round`.
    void audit(RoundId round, size_t peer, bool pass);
    // An open challenge is answered, or never.
    void answer(RoundId round, size_t peer, bool answered);
    void end();

    // steps: whether the states of the audited steps come with it.
    [[nodiscard]] RecordDraft opening(RoundId round,
                                      size_t peer,
                                      bool answered,
                                      bool steps = false) const;
    [[nodiscard]] RecordDraft challenge_verdict(RoundId round, size_t peer, Ruling ruling) const;
    // What a verdict on that COMMIT names, with its opening or without.
    [[nodiscard]] Digest evidence(RoundId round, size_t peer, bool opened) const;
    [[nodiscard]] DurationMs window() const;
    // What a key pays to join this run.
    [[nodiscard]] uint64_t paid_entry(const PeerId& peer) const;
    [[nodiscard]] const PeerId& id(size_t peer) const { return peers[peer].id(); }
    [[nodiscard]] const PeerBook& book(size_t peer) const { return *books.find(id(peer)); }
    // All that a verifier may know of this run: its terms, its key, its manifest, its head.
    [[nodiscard]] LedgerChecks checks() const;

    Ledger& ledger;
    Identity coordinator;
    std::vector<Identity> peers;
    BeaconChain chain;
    RunManifest manifest;
    Books books;
    uint64_t next_round = 0;
    std::optional<RoundSummary> last_summary;
    Digest last_beacon;
    std::map<std::pair<RoundId, PeerId>, std::vector<AuditJob>> jobs;
    std::string gate_reason = "the direction does not help: t = 0.4";
    std::function<void()> before_summary;  // called once a round, before its vestings
    std::optional<PeerId> roster_also;     // let in although it was ejected
    std::map<size_t, int64_t> phi;         // by peer; 1000000 where absent
    uint64_t planned_rounds = 1000;        // by the run file

    // What a crooked coordinator, or peer, does: before it is signed, so that all that follows
    // fits it.
    std::function<void(RosterBody&)> edit_roster;
    std::function<void(RoundPlan&)> edit_plan;
    std::function<void(Commit&)> edit_commit;
    std::function<void(CloseBody&)> edit_close;
    std::function<void(Beacon&)> edit_beacon;
    std::function<void(Verdict&)> edit_verdict;  // of the gates
    std::function<void(AuditJob&)> edit_job;
    std::function<void(AuditReport&)> edit_report;
    std::function<void(Verdict&)> edit_audit;
    std::function<void(RoundSummary&)> edit_summary;
    std::function<bool(RecordDraft&)> edit_draft;  // any other; false: it is not written at all
    std::optional<Identity> auditor;               // who signs reports; else the coordinator
    std::optional<PeerId> audited_for_sure;        // whatever its price
    int failing_reports = 2;                       // on each step that fails

private:
    [[nodiscard]] RoundPlan make_plan() const;
    [[nodiscard]] bool may_commit(const RoundPlan& plan, size_t peer) const;
    void set_rates(RoundPlan& plan) const;
    [[nodiscard]] Digest opening_digest(RoundId round, size_t peer) const;
    void give_back(const RoundPlan& plan, const RoundSummary& summary);
    void write_roster(RoundId round);
    [[nodiscard]] Commit make_commit(const RoundPlan& plan, size_t peer, bool stale) const;
    [[nodiscard]] std::vector<AuditJob> make_jobs(const RoundPlan& plan, size_t peer) const;
    [[nodiscard]] Verdict make_verdict(RoundId round, size_t peer, Conduct conduct) const;
    void write_close(const RoundPlan& plan,
                     const std::map<size_t, Envelope>& commits,
                     const std::map<size_t, Conduct>& conducts);
    void write_judgement(const RoundPlan& plan,
                         const std::map<size_t, Conduct>& conducts,
                         bool voided);

    RosterBody roster_;  // of the next round
    uint64_t stream_position_ = 0;
    std::vector<SampleRange> pool_;
    std::vector<SampleRange> returned_;
    std::map<RoundId, RoundPlan> plans_;
    std::map<std::pair<RoundId, PeerId>, Digest> commit_hashes_;
    std::map<std::pair<RoundId, PeerId>, Digest> evidences_;
    std::map<RoundId, Digest> beacons_;
    std::set<std::pair<RoundId, PeerId>> counted_;
};

// What the run file of a test run says.
RunTerms test_terms(const PaySettings& pay);

// Reads the record, and lets the books take it in.
Status apply(Books& books, const RecordDraft& draft);
Digest test_digest(std::string_view what, uint64_t a = 0, uint64_t b = 0);
PeerId test_peer(uint8_t number);
std::vector<Record> all_records(const Ledger& ledger);

}  // namespace assay
