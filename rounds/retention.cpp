#include "rounds/retention.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

class LiveSet {
public:
    void add(const BlobRef& blob) {
        if (blob.size_bytes > 0) {
            live_.insert(blob.sha256);
        }
    }
    void add(const Digest& sha256) { live_.insert(sha256); }
    void add(const StepStates& step) {
        add(step.theta);
        add(step.g);
        add(step.v);
    }
    std::set<Digest> take() { return std::move(live_); }

private:
    std::set<Digest> live_;
};

void add_run(const RunManifest& manifest, LiveSet& live) {
    live.add(manifest.tokenizer);
    live.add(manifest.data_manifest);
    for (const BlobRef& shard : manifest.shards) {
        live.add(shard);
    }
}

void add_payloads(const RoundState& round, LiveSet& live) {
    for (const auto& [peer, commit] : round.commits) {
        live.add(commit.commit.payload_hash);
    }
}

void add_evidence(const RoundState& round, LiveSet& live) {
    for (const EvidenceEntry& one : evidence_of(round)) {
        live.add(one.blob);
    }
}

// Payloads may still be arriving; openings that were not recorded are fetched again.
void add_open_round(const RoundState& round, LiveSet& live) {
    add_payloads(round, live);
    add_evidence(round, live);
}

// Rounds behind it for which a round's payloads stay: a round in its verdict window is compared
// with those before it, and is reached from a snapshot up to two windows older, on a way on which
// shares of one more window may have been taken out (SnapshotStore::prune).
uint64_t payload_rounds(const VerifySettings& verify, const PaySettings& pay) {
    ASSAY_CHECK(verify.overlap_rounds >= 0);
    const uint64_t window = evidence_rounds(pay);
    return std::max(static_cast<uint64_t>(verify.overlap_rounds) + window, 3 * window);
}

void add_opening(const PeerId& peer,
                 const OpeningNotice& notice,
                 std::vector<EvidenceEntry>& evidence) {
    const auto add = [&](EvidenceKind kind, uint32_t step, const BlobRef& blob) {
        if (blob.size_bytes > 0) {
            evidence.push_back({peer, kind, step, {blob.sha256, blob.size_bytes, {}}});
        }
    };
    add(EvidenceKind::kOpening, 0, notice.opening);
    for (const StepStates& step : notice.steps) {
        add(EvidenceKind::kTheta, step.step, step.theta);
        add(EvidenceKind::kGradient, step.step, step.g);
        add(EvidenceKind::kSecondMoment, step.step, step.v);
    }
}

}  // namespace

uint64_t evidence_rounds(const PaySettings& pay) {
    return static_cast<uint64_t>(std::max<int64_t>(pay.verdict_window, 0));
}

std::vector<EvidenceEntry> evidence_of(const RoundState& round) {
    std::vector<EvidenceEntry> evidence;
    for (const auto& [peer, commit] : round.commits) {
        if (commit.payload) {
            evidence.push_back({peer, EvidenceKind::kPayload, 0, *commit.payload});
        }
        for (const std::optional<OpeningNotice>& notice : {commit.no_answer, commit.opening}) {
            if (notice) {
                add_opening(peer, *notice, evidence);
            }
        }
        if (commit.base_tiles.size_bytes > 0) {
            evidence.push_back({peer, EvidenceKind::kBaseTiles, 0, commit.base_tiles});
        }
    }
    return evidence;
}

uint64_t rounds_remembered(const VerifySettings& verify, const PaySettings& pay) {
    return std::max<uint64_t>(kAggregateRounds, payload_rounds(verify, pay) + 1);
}

std::set<Digest> shown_blobs(const RoundRules& rules, const RunState& state) {
    LiveSet shown;
    for (const auto& [id, round] : state.rounds()) {
        if (round.summary && state.round().value - id.value <= evidence_rounds(rules.pay)) {
            add_evidence(round, shown);
        }
    }
    return shown.take();
}

std::set<Digest> live_blobs(const RunManifest& manifest,
                            const RoundRules& rules,
                            const RunState& state) {
    LiveSet live;
    add_run(manifest, live);
    const RoundState* current = state.current();
    live.add(rules.fresh_moments);
    live.add(current == nullptr ? rules.initial_theta : current->plan.theta);
    const uint64_t looked_back = payload_rounds(rules.verify, rules.pay);
    for (const auto& [id, round] : state.rounds()) {
        if (!round.summary) {
            add_open_round(round, live);
            continue;
        }
        ASSAY_CHECK_LE(id, state.round());
        for (const auto& [peer, debt] : round.debts) {
            live.add(debt.base_tiles);
            live.add(round.commits.at(peer).commit.payload_hash);
        }
        const uint64_t age = state.round().value - id.value;
        if (age <= kAggregateRounds) {
            live.add(round.summary->aggregate);
        }
        if (age <= evidence_rounds(rules.pay)) {
            add_evidence(round, live);
        }
        if (age <= looked_back || round.any_audit_pending() || state.take_back_pending(id) ||
            state.in_last_step(id)) {
            add_payloads(round, live);
        }
    }
    for (const AuditJob& job : state.pending_audits()) {
        live.add(job.opening);
        ASSAY_CHECK(state.find(job.round) != nullptr);  // a round stays while an audit of it pends
        const auto& commits = state.find(job.round)->commits;
        const auto commit = commits.find(job.peer);
        if (commit != commits.end() && commit->second.opening) {
            live.add(commit->second.opening->opening);  // for a judge that starts again
        }
    }
    return live.take();
}

}  // namespace assay
