// Where `serve` and `checkpoint` take parameters and tokenizer from: a run's folder, or one file.

#pragma once

#include <filesystem>
#include <string>

#include "checkpoints/snapshot_store.h"
#include "tokenizer/tokenizer.h"

namespace assay {

struct SnapshotSource {
    std::string folder;     // of a coordinator: --dir
    std::string snapshot;   // one file instead: --snapshot
    std::string tokenizer;  // "": the one that lies beside the snapshots
    std::string end_token;  // by name: --end-token
};

// Fails without a folder, and on one that no run lies in.
Result<SnapshotStore> open_snapshots(const SnapshotSource& source);
// The file, or the newest whole snapshot of the folder.
Result<Snapshot> load_from(const SnapshotSource& source);
// tokenizer.json of the run: for a file DIR/snapshots/FILE that of DIR. Fails, naming --tokenizer,
// where there is none.
Result<std::filesystem::path> tokenizer_file_of(const SnapshotSource& source);
// The name of the token that ends a text: as it was given, else as it was given when the run's data
// was made; "": by the names in use.
std::string end_token_of(const SnapshotSource& source, const Tokenizer& tokenizer);

}  // namespace assay
