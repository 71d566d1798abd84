// A coordinator's folder: identity, manifest, beacon secret, ledger, blobs, snapshots.
//
// The first start makes a run in it; later starts open what is there and refuse another config. The
// secrets (identity, beacon) have mode 0600.

#pragma once

#include <filesystem>
#include <memory>

#include "configs/run_config.h"
#include "core/identity.h"
#include "data/token_shards.h"
#include "ledger/ledger.h"
#include "protocol/beacon_chain.h"
#include "protocol/messages.h"
#include "store/blob_store.h"
#include "store/folder_lock.h"

namespace assay {

struct RunFolderPaths {
    std::filesystem::path root;
    [[nodiscard]] std::filesystem::path key() const { return root / "coordinator.key"; }
    // What only a peer's folder has.
    [[nodiscard]] std::filesystem::path peer_key() const { return root / "peer.key"; }
    [[nodiscard]] std::filesystem::path manifest() const { return root / "manifest.bin"; }
    [[nodiscard]] std::filesystem::path beacon() const { return root / "beacon.secret"; }
    [[nodiscard]] std::filesystem::path ledger() const { return root / "ledger.sqlite"; }
    [[nodiscard]] std::filesystem::path blobs() const { return root / "blobs"; }
    [[nodiscard]] std::filesystem::path data() const { return root / "data"; }
    [[nodiscard]] std::filesystem::path snapshots() const { return root / "snapshots"; }
    [[nodiscard]] std::filesystem::path orders() const { return root / "orders"; }
    [[nodiscard]] std::filesystem::path tokenizer() const { return root / "tokenizer.json"; }
};

struct OpenedRun {
    Identity identity;
    RunManifest manifest;
    BeaconChain beacons;
    DataManifest data;
    std::unique_ptr<BlobStore> store;
    bool fresh = false;  // made just now
    FolderLock lock;
};

struct RunSources {
    std::filesystem::path data_folder;
    std::filesystem::path tokenizer_file;
};

// Whether such a run can be in this folder: a peer's, or that of another run, stays one however
// often it is tried. Changes nothing there.
Status check_run_folder(const RunFolderPaths& paths,
                        const RunConfig& config,
                        const RunSources& sources);

// Makes or opens the run, for this process alone. Fails without a trace of a run where its sources
// do not fit its settings. The parameters are initialised only when it is made.
Result<OpenedRun> open_run_folder(const RunFolderPaths& paths,
                                  const RunConfig& config,
                                  const RunSources& sources);

// theta before round 0.
std::vector<float> initial_theta(const RunConfig& config);

}  // namespace assay
