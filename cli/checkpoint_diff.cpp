// `assay checkpoint diff`: what differs between two models, tensor by tensor. Ends as diff(1) does.

#include <cstdio>

#include "checkpoints/export.h"
#include "checkpoints/snapshot_diff.h"
#include "checkpoints/snapshot_store.h"
#include "cli/commands.h"
#include "core/files.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr int kExitDifferent = 1;
constexpr int kExitTrouble = 2;

struct DiffCommand {
    std::string first;
    std::string second;
    std::string json_file;
};

// A snapshot file, a run's folder (its newest whole snapshot), or an exported model's folder.
Result<Snapshot> load_any(const fs::path& place) {
    std::error_code code;
    if (!fs::is_directory(place, code)) {
        return load_snapshot(place);
    }
    if (fs::is_directory(place / "snapshots", code)) {
        Result<SnapshotStore> store = SnapshotStore::open(place / "snapshots");
        return store ? store->load_latest() : Result<Snapshot>(store.error());
    }
    if (fs::is_regular_file(place / "config.json", code)) {
        return import_hugging_face(place);
    }
    return fail(place.string() +
                " is neither a snapshot, nor a run's folder (with a folder snapshots), nor an "
                "exported model (with config.json)");
}

int trouble(const std::string& reason) {
    std::fprintf(stderr, "assay: %s\n", reason.c_str());
    return kExitTrouble;
}

int diff(const DiffCommand& command) {
    const Result<Snapshot> first = load_any(command.first);
    const Result<Snapshot> second = first ? load_any(command.second) : first;
    if (!first || !second) {
        return trouble(first ? second.reason() : first.reason());
    }
    const Result<SnapshotDiff> found = diff_snapshots(*first, *second);
    if (!found) {
        return trouble(found.reason());
    }
    std::printf("%s", describe_diff(*found).c_str());
    if (!command.json_file.empty()) {
        const std::string json = diff_json(*found);
        if (Status written = write_file_atomically(command.json_file, as_bytes(json)); !written) {
            return trouble(written.reason());
        }
    }
    return found->equal() ? kExitOk : kExitDifferent;
}

}  // namespace

void add_checkpoint_diff(CommandLine& line) {
    static DiffCommand command;
    line.add("checkpoint diff",
             "What differs between two models, tensor by tensor.\n"
             "Exit code as of diff: 0 equal bit for bit, 1 different, 2 not comparable",
             "assay checkpoint diff run hf --json diff.json",
             [] { return diff(command); })
        .positional("A", command.first, "snapshot file, run's folder or exported folder")
        .positional("B", command.second, "the same, of the other model")
        .text("--json", command.json_file, "also write it to this file");
}

}  // namespace assay
