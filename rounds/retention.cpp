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
    void add(const OpeningNotice& notice) {
        add(notice.opening);
        for (const StepStates& step : notice.steps) {
            add(step);
        }
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

// Payloads may still be arriving; openings that were not recorded are fetched again.
void add_open_round(const RoundState& round, LiveSet& live) {
    add_payloads(round, live);
    for (const auto& [peer, commit] : round.commits) {
        if (commit.opening) {
            live.add(*commit.opening);
        }
    }
}

}  // namespace

uint64_t rounds_remembered(const VerifySettings& verify) {
    return std::max<uint64_t>(kAggregateRounds, static_cast<uint64_t>(verify.overlap_rounds) + 1);
}

std::set<Digest> live_blobs(const RunManifest& manifest,
                            const RoundRules& rules,
                            const RunState& state) {
    LiveSet live;
    add_run(manifest, live);
    const RoundState* current = state.current();
    live.add(rules.fresh_moments);
    live.add(current == nullptr ? rules.initial_theta : current->plan.theta);
    ASSAY_CHECK(rules.verify.overlap_rounds >= 0);
    const auto looked_back = static_cast<uint64_t>(rules.verify.overlap_rounds);
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
