// The life of a run's rounds, as a value: events go in, actions come out.
//
// Reads no clock, opens no socket, touches no tensor, starts no thread, draws no random number.
//
//   kWaiting -> kGathering -> kUploading -> kChallenging -> kJudging -> kClosed -> next round
//              COMMITs to D1  payloads to D2  CLOSE, beacon,  gates and    summary
//                                             openings to T_c aggregate    durable
//
// Phases only move forward; a round that fails is voided and closes, and a new RoundId opens. What is
// durable is RunState, a fold of the ledger's records; everything else here can be lost with the
// process: restore() goes on inside the round, peers say again what was not recorded.
// Not thread-safe: the coordinator's event loop owns it.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/round_events.h"
#include "coordinator/round_rules.h"
#include "coordinator/run_state.h"

namespace assay {

enum class RoundPhase : uint8_t {
    kWaiting = 0,
    kGathering = 1,
    kUploading = 2,
    kChallenging = 3,
    kJudging = 4,
    kClosed = 5,
};
const char* phase_name(RoundPhase phase);

// Element r + 1 of the beacon chain: what round r reveals. Hashes to element r; element 0 is the
// manifest's tail.
using ChainElement = std::function<Digest(uint64_t index)>;

class RoundMachine {
public:
    // A new run. REQUIRES: a ledger without records.
    RoundMachine(RunManifest manifest, RoundRules rules, ChainElement element);
    // After a crash or a stop; fails if the records belong to another run.
    static Result<RoundMachine> restore(const std::vector<Record>& records, RunManifest manifest,
                                        RoundRules rules, ChainElement element);

    // To be called once, before the first step.
    [[nodiscard]] std::vector<Action> start(Instant now);
    // REQUIRES: `now` is not earlier than at the call before.
    [[nodiscard]] std::vector<Action> step(const Event& event, Instant now);
    // When a Tick is due at the latest; nothing happens by time alone before it.
    [[nodiscard]] std::optional<Instant> wake_at() const;

    [[nodiscard]] RoundPhase phase() const { return phase_; }
    [[nodiscard]] RoundId round() const { return state_.round; }
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] const RunState& state() const { return state_; }
    [[nodiscard]] const Digest& manifest_hash() const { return manifest_hash_; }
    [[nodiscard]] size_t connected_count() const { return connected_.size(); }

private:
    struct OpeningProgress {
        OpeningNotice notice;
        std::set<Digest> missing;  // blobs not yet in our store
    };
    using Actions = std::vector<Action>;

    void on(const PeerHello& event, Instant now);
    void on(const PeerGone& event, Instant now);
    void on(const CommitArrived& event, Instant now);
    void on(const PayloadNoticed& event, Instant now);
    void on(const OpeningNoticed& event, Instant now);
    void on(const ProgressArrived& event, Instant now);
    void on(const BlobStored& event, Instant now);
    void on(const BlobFailed& event, Instant now);
    void on(const RoundJudged& event, Instant now);
    void on(const AuditDone& event, Instant now);
    void on(const Tick& event, Instant now);
    void on(const StopRequested& event, Instant now);

    RunManifest manifest_;
    Digest manifest_hash_;
    RoundRules rules_;
    ChainElement element_;
    RunState state_;

    // Lost with the process, and said again by the peers.
    RoundPhase phase_ = RoundPhase::kWaiting;
    std::map<PeerId, Hello> connected_;
    std::map<PeerId, OpeningProgress> openings_;
    std::set<PeerId> extended_;            // got their one extension of T_c
    std::set<PeerId> reconnected_;         // since the beacon of this round
    std::set<Digest> audits_running_;
    Instant phase_since_;
    std::optional<Instant> deadline_;
    bool stopping_ = false;
    bool finished_ = false;
    Actions out_;
};

}  // namespace assay
