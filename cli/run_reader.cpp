#include "cli/run_reader.h"

#include "configs/run_config.h"
#include "coordinator/run_folder.h"
#include "core/files.h"
#include "data/assignment.h"
#include "data/token_shards.h"
#include "verify/challenge.h"
#include "verify/tripwire.h"

namespace assay {

namespace {

Result<uint64_t> count_samples(const std::filesystem::path& data_folder, uint32_t tokens) {
    Result<DataManifest> data = load_data_manifest(data_folder);
    if (!data) {
        return data.error();
    }
    Result<TokenShards> shards = TokenShards::open(data_folder, *data, tokens, false);
    if (!shards) {
        return shards.error();
    }
    return shards->sample_count();
}

Result<Digest> recompute_assignment(const Digest& run_seed,
                                    uint64_t sample_count,
                                    const RoundPlan& plan,
                                    const PeerId& peer) {
    const Assignment all = assign(run_seed, plan, sample_count);
    for (const PeerAssignment& one : all.peers) {
        if (one.peer == peer) {
            return assignment_digest(one);
        }
    }
    return fail("peer " + peer.brief() + " has no place in the plan");
}

}  // namespace

Result<std::unique_ptr<SqliteLedger>> open_ledger(const std::filesystem::path& folder) {
    return SqliteLedger::open_readonly(RunFolderPaths{folder}.ledger());
}

Result<LedgerChecks> ledger_checks(const std::filesystem::path& folder, const Ledger& ledger) {
    Result<RunManifest> manifest = ledger_manifest(ledger);
    if (!manifest) {
        return manifest.error();
    }
    Result<RunConfig> config = parse_canonical_text(manifest->config_text);
    if (!config) {
        return config.error();
    }
    Result<uint64_t> samples = count_samples(RunFolderPaths{folder}.data(),
                                             static_cast<uint32_t>(config->data.sequence_tokens));
    if (!samples) {
        return samples.error();
    }
    LedgerChecks checks;
    checks.assignment_digest = [seed = manifest->run_seed, count = *samples](const RoundPlan& plan,
                                                                             const PeerId& peer) {
        return recompute_assignment(seed, count, plan, peer);
    };
    checks.drawn_steps = [settings = config->verify, layout = llama_layout(config->model)](
                             const RoundPlan& plan,
                             const PlanPeer& peer,
                             const Digest& beacon,
                             const Digest& commit) {
        // Steps and the draw of the audit do not depend on where the payload's energy is.
        const Challenge challenge =
            draw_challenge(beacon, commit, layout, {}, settings, plan.inner_steps, peer.audit_ppm);
        return challenge.audited ? challenge.steps : std::vector<uint32_t>{};
    };
    checks.tripwire_floor = tripwire_floor(config->verify);
    return checks;
}

}  // namespace assay
