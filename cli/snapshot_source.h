// Where `serve` and `checkpoint` take parameters and tokenizer from: a run's folder, or one file.

#pragma once

#include <filesystem>
#include <string>

#include "checkpoints/snapshot_store.h"

namespace assay {

struct SnapshotSource {
    std::string folder;     // of a coordinator: --dir
    std::string snapshot;   // one file instead: --snapshot
    std::string tokenizer;  // "": the one that lies beside the snapshots
};

// Fails without a folder, and on one that no run lies in.
Result<SnapshotStore> open_snapshots(const SnapshotSource& source);
// The file, or the newest whole snapshot of the folder.
Result<Snapshot> load_from(const SnapshotSource& source);
// tokenizer.json of the run: for a file DIR/snapshots/FILE that of DIR. Fails, naming --tokenizer,
// where there is none.
Result<std::filesystem::path> tokenizer_file_of(const SnapshotSource& source);

}  // namespace assay
