// Snapshots as HDF5 files in a folder: complete or absent, and checked against Merkle roots when
// read.
//
//   round-00000012-<12 digits of theta's root>.h5
//     512 bytes of text: length and SHA-256 of the rest (checkpoints/seal.h)
//     /model/<tensor name>   fp32, (rows, columns) or (columns): readable with ordinary HDF5 tools
//     /outer/accumulator, /outer/momentum   flat fp32 in layout order
//     /meta: format, round, run, manifest, config, shape, and the root of each of the three
//
// Never given a stranger's file. HDF5 is not thread-safe: one thread of the process owns all
// stores.

#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "checkpoints/snapshot.h"
#include "core/result.h"

namespace assay {

// The snapshots in a folder, oldest first; none where it is not there.
std::vector<std::filesystem::path> list_snapshots(const std::filesystem::path& folder);

class SnapshotStore {
public:
    // Makes the folder where it is missing.
    static Result<SnapshotStore> open(const std::filesystem::path& folder);

    // Temporary name, sync, rename, sync of the folder. On failure nothing is left behind.
    [[nodiscard]] Status save(const Snapshot& snapshot) const;
    // The newest that verifies; a damaged newer one is named in the log.
    [[nodiscard]] Result<Snapshot> load_latest() const;
    // Oldest first.
    [[nodiscard]] std::vector<std::filesystem::path> list() const {
        return list_snapshots(folder_);
    }
    // Removes all but the newest `keep` and as many older ones as it takes to reach any of the
    // last `window` rounds from a snapshot not much more than a window before it; and what a killed
    // writer left.
    [[nodiscard]] Status prune(size_t keep, uint64_t window = 0) const;

private:
    explicit SnapshotStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
    std::filesystem::path folder_;
};

// The next round to run by the name of a snapshot's file; none for a file that is named otherwise.
std::optional<RoundId> snapshot_round(const std::filesystem::path& file);

// Reads one file; the reason names the file and what is wrong with it.
Result<Snapshot> load_snapshot(const std::filesystem::path& file);

}  // namespace assay
