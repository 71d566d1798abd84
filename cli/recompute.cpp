// `assay ledger recompute`: judges a round again from what was kept of it, on any machine.

#include "rounds/recompute.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "checkpoints/snapshot_store.h"
#include "cli/commands.h"
#include "cli/compute_options.h"
#include "cli/progress.h"
#include "cli/run_reader.h"
#include "coordinator/run_folder.h"
#include "core/log.h"
#include "data/token_shards.h"
#include "ledger/ledger_verify.h"
#include "protocol/limits.h"
#include "protocol/plan.h"
#include "rounds/run_rules.h"
#include "store/folder_blob_store.h"

namespace assay {

namespace {

struct RecomputeCommand {
    std::string folder = "run";
    int64_t round = -1;
    ComputeOptions compute;
};

// All that the judge of a round needs, opened to be read.
struct CopiedRun {
    RunFolderPaths paths;
    std::unique_ptr<SqliteLedger> ledger;
    RunManifest manifest;
    RunConfig config;
    std::unique_ptr<const FolderBlobStore> blobs;
    std::unique_ptr<TokenShards> shards;
    std::unique_ptr<GradientModel> model;
};

Result<CopiedRun> open_copy(const RecomputeCommand& command) {
    CopiedRun run;
    run.paths = RunFolderPaths{command.folder};
    Result<std::unique_ptr<SqliteLedger>> ledger = open_ledger(command.folder);
    if (!ledger) {
        return ledger.error();
    }
    run.ledger = std::move(*ledger);
    Result<RunManifest> manifest = ledger_manifest(*run.ledger);
    if (!manifest) {
        return manifest.error();
    }
    run.manifest = std::move(*manifest);
    run.blobs = FolderBlobStore::look_at(run.paths.blobs());
    Result<RunConfig> config = parse_canonical_text(run.manifest.config_text);
    if (!config) {
        return config.error();
    }
    run.config = std::move(*config);
    const Result<DataManifest> data = load_data_manifest(run.paths.data());
    if (!data) {
        return data.error();
    }
    Result<TokenShards> shards = TokenShards::open(
        run.paths.data(), *data, static_cast<uint32_t>(run.config.data.sequence_tokens), true);
    if (!shards) {
        return shards.error();
    }
    run.shards = std::make_unique<TokenShards>(std::move(*shards));
    Result<std::unique_ptr<GradientModel>> model = model_maker(command.compute)(
        run.config, NumericClass::kExact, static_cast<int>(command.compute.threads));
    if (!model) {
        return model.error();
    }
    run.model = std::move(*model);
    return run;
}

JudgePorts read_only_ports(const CopiedRun& run) {
    JudgePorts ports;
    // What is made is compared by its hash: nothing is written.
    ports.put = [](ByteSpan bytes) {
        return Result<BlobRef>(BlobRef{sha256_plain(bytes), bytes.size(), {}});
    };
    ports.get = [&run](const BlobRef& blob) {
        return run.blobs->get(blob.sha256, blob.size_bytes);
    };
    ports.read_samples = [&run](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        std::vector<int32_t> tokens;
        const Status read = run.shards->read_samples(samples, tokens);
        return read ? Result<std::vector<int32_t>>(std::move(tokens)) : read.error();
    };
    ports.read_held_out =
        [&run](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        std::vector<int32_t> tokens;
        const Status read = run.shards->read_held_out(samples, tokens);
        return read ? Result<std::vector<int32_t>>(std::move(tokens)) : read.error();
    };
    return ports;
}

// The state that the round starts from: of a snapshot, or the run's first one, and the steps that
// the ledger holds since.
Status load_start(const CopiedRun& run, const RoundAgain& again, RoundJudge& judge) {
    std::string reasons;
    std::vector<std::filesystem::path> files = list_snapshots(run.paths.snapshots());
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        if (snapshot_round(*file).value_or(RoundId{}) > again.order.plan.round) {
            continue;
        }
        Result<Snapshot> snapshot = load_snapshot(*file);
        Status there =
            snapshot ? judge.load(std::move(snapshot->theta),
                                  {std::move(snapshot->accumulator), std::move(snapshot->momentum)})
                     : Status(snapshot.error());
        there = there ? lead_to(again, judge) : there;
        if (there) {
            return there;
        }
        reasons += "; " + there.reason();
    }
    Status there = judge.load(initial_theta(run.config),
                              initial_outer_state(run.config.outer, run.model->layout()));
    there = there ? lead_to(again, judge) : there;
    return there ? there
                 : fail("no snapshot in " + run.paths.snapshots().string() + " leads to where " +
                        in_words(again.order.plan.round) + " starts: " + there.reason() + reasons);
}

// The last one that is closed.
Result<RoundId> newest_round(const Ledger& ledger) {
    std::optional<RoundId> newest;
    const Status read = for_each_record(ledger, [&](const Record& record) {
        newest = record.kind == RecordKind::kSummary ? std::optional(record.round) : newest;
        return Status();
    });
    if (!read) {
        return read.error();
    }
    return newest ? Result<RoundId>(*newest) : fail("the ledger has no round that is closed");
}

Result<Recomputed> recompute(const RecomputeCommand& command, RoundId& round) {
    ProgressBar bar("judging a round again");
    const Result<CopiedRun> run = open_copy(command);
    if (!run) {
        return run.error();
    }
    bar.show(0.1);
    const Result<RoundId> newest = newest_round(*run->ledger);
    if (!newest) {
        return newest.error();
    }
    round = command.round < 0 ? *newest : RoundId{static_cast<uint64_t>(command.round)};
    const Result<RoundAgain> again =
        RoundAgain::read(*run->ledger, run->manifest, run->config.pay, run->config.verify, round);
    if (!again) {
        return again.error();
    }
    bar.show(0.3);
    const JudgePorts ports = read_only_ports(*run);
    RoundJudge judge(
        judge_settings(
            run->config, run->manifest, run->shards->sample_count(), run->shards->held_out_count()),
        ports,
        *run->model);
    if (Status there = load_start(*run, *again, judge); !there) {
        return there.error();
    }
    bar.show(0.5);
    Recomputed out = assay::recompute(*again, judge, ports.get);
    bar.done();
    return out;
}

int run_recompute(const RecomputeCommand& command) {
    if (Status kernels = force_kernels(command.compute); !kernels) {
        return failed(kernels.reason());
    }
    set_log_level("error");  // what is missing is said below, by peer
    RoundId round;
    const Result<Recomputed> out = recompute(command, round);
    if (!out) {
        return failed(out.reason());
    }
    std::printf("%s\n", out->text(round).c_str());
    return out->ok() ? kExitOk : kExitVerification;
}

}  // namespace

void add_recompute(CommandLine& line) {
    static RecomputeCommand command;
    Command& added = line.add("ledger recompute",
                              "Judge a round again, and say where the ledger says something else",
                              "assay ledger recompute --dir run --round 12",
                              [] { return run_recompute(command); });
    added.text("--dir", command.folder, "folder of the coordinator, or a copy of it")
        .number("--round",
                command.round,
                -1,
                static_cast<int64_t>(limits::kRoundsMax),
                "which round; -1: the last one that is closed");
    add_compute_options(added, command.compute, "threads that recompute gradients");
    added.remark(
        "Recomputes verdicts, shares, aggregate, parameters and gradient audits from the payloads, "
        "openings and states that the coordinator keeps for pay.verdict_window rounds, with the "
        "same judge. A copy needs ledger.sqlite, blobs, data and snapshots, and no key. Nothing is "
        "written. Exit codes: 0 the ledger says what comes out; 3 it does not, or something is "
        "missing; 1 the round cannot be read. It looks at one round: for the rest of the ledger, "
        "`assay ledger verify`.");
}

}  // namespace assay
