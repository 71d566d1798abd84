#include "rounds/recollect.h"

#include "core/check.h"

namespace assay {

namespace {

void add_payloads(const RoundState& round, Recollection& past) {
    for (const auto& [peer, commit] : round.commits) {
        if (commit.payload && commit.verdict && is_payload_kept(*commit.verdict)) {
            past.payloads.push_back({round.plan.round, peer, *commit.payload});
        }
    }
}

}  // namespace

Recollection recollect(const RunState& state, const VerifySettings& settings) {
    Recollection past;
    for (const auto& [id, round] : state.rounds()) {
        ASSAY_CHECK_LE(id, state.round());  // no round is remembered before it is opened
        const uint64_t age = state.round().value - id.value;
        if (round.summary && age <= static_cast<uint64_t>(settings.overlap_rounds)) {
            add_payloads(round, past);
        }
    }
    for (AuditJob& job : state.pending_audits()) {
        ASSAY_CHECK(state.find(job.round) != nullptr);  // a round stays while an audit of it pends
        const RoundState& round = *state.find(job.round);
        const auto commit = round.commits.find(job.peer);
        if (commit == round.commits.end() || !commit->second.payload || !commit->second.opening ||
            !round.beacon) {
            continue;
        }
        const CommitState& known = commit->second;
        past.audits.push_back({std::move(job),
                               &round.plan,
                               round.beacon->value,
                               known.hash,
                               *known.payload,
                               known.opening->opening});
    }
    return past;
}

}  // namespace assay
