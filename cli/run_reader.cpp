#include "cli/run_reader.h"

#include "configs/run_config.h"
#include "coordinator/run_folder.h"
#include "data/data_manifest.h"
#include "rounds/ledger_terms.h"
#include "rounds/run_rules.h"

namespace assay {

namespace {

// Of the run's own data: the manifest of the run names the list by its hash. Shards are not read.
Result<uint64_t> count_samples(const std::filesystem::path& data_folder,
                               const RunManifest& manifest,
                               uint64_t tokens) {
    const Result<DataManifest> data = load_data_manifest(data_folder);
    if (!data) {
        return data.error();
    }
    if (sha256_plain(as_bytes(encode_data_manifest(*data))) != manifest.data_manifest.sha256) {
        return fail("the data in " + data_folder.string() + " are not those of the run");
    }
    uint64_t samples = 0;
    for (const ShardEntry& shard : data->shards) {
        samples += shard.held_out || shard.token_count == 0 ? 0 : (shard.token_count - 1) / tokens;
    }
    if (samples == 0) {
        return fail("the data in " + data_folder.string() + " have no training sequence");
    }
    return samples;
}

}  // namespace

Result<std::unique_ptr<SqliteLedger>> open_ledger(const std::filesystem::path& path) {
    std::error_code code;
    const bool is_file = std::filesystem::is_regular_file(path, code);
    return SqliteLedger::open_readonly(is_file ? path : RunFolderPaths{path}.ledger());
}

std::filesystem::path data_folder_of(const std::filesystem::path& path) {
    std::error_code code;
    const bool is_file = std::filesystem::is_regular_file(path, code);
    return RunFolderPaths{is_file ? path.parent_path() : path}.data();
}

LedgerChecks ledger_checks(const std::filesystem::path& data_folder, const Ledger& ledger) {
    LedgerChecks checks;
    const Result<RunManifest> manifest = ledger_manifest(ledger);
    if (!manifest) {
        checks.why_no_terms = manifest.reason();
        return checks;
    }
    const Result<RunConfig> config = parse_canonical_text(manifest->config_text);
    if (!config) {
        checks.why_no_terms = "the settings in the manifest cannot be read: " + config.reason();
        return checks;
    }
    const Result<uint64_t> samples =
        count_samples(data_folder, *manifest, static_cast<uint64_t>(config->data.sequence_tokens));
    checks.why_no_data = samples ? "" : samples.reason();
    checks.terms = ledger_terms(
        round_rules(*config, {}, samples ? *samples : 1), manifest->run_seed, samples.ok());
    return checks;
}

}  // namespace assay
