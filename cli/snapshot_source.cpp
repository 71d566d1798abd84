#include "cli/snapshot_source.h"

#include "data/data_manifest.h"

namespace assay {

namespace fs = std::filesystem;

Result<SnapshotStore> open_snapshots(const SnapshotSource& source) {
    if (source.folder.empty()) {
        return fail("name a run's folder with --dir, or one file with --snapshot");
    }
    const fs::path snapshots = fs::path(source.folder) / "snapshots";
    std::error_code code;
    if (!fs::is_directory(snapshots, code)) {
        return fail(source.folder + " is no run's folder: it has no folder snapshots");
    }
    return SnapshotStore::open(snapshots);
}

Result<Snapshot> load_from(const SnapshotSource& source) {
    if (!source.snapshot.empty()) {
        return load_snapshot(source.snapshot);
    }
    Result<SnapshotStore> store = open_snapshots(source);
    return store ? store->load_latest() : Result<Snapshot>(store.error());
}

Result<fs::path> tokenizer_file_of(const SnapshotSource& source) {
    if (!source.tokenizer.empty()) {
        return fs::path(source.tokenizer);
    }
    const fs::path run = !source.folder.empty()
                             ? fs::path(source.folder)
                             : fs::absolute(source.snapshot).parent_path().parent_path();
    fs::path file = run / "tokenizer.json";
    std::error_code code;
    if (!fs::is_regular_file(file, code)) {
        return fail("there is no tokenizer in " + file.string() +
                    "; name the run's tokenizer.json with --tokenizer FILE");
    }
    return file;
}

std::string end_token_of(const SnapshotSource& source, const Tokenizer& tokenizer) {
    const Result<fs::path> file = tokenizer_file_of(source);
    if (!source.end_token.empty() || !source.tokenizer.empty() || !file) {
        return source.end_token;
    }
    const Result<DataManifest> data = load_data_manifest(file->parent_path() / "data");
    if (!data || !data->end_token) {
        return "";
    }
    return std::string(tokenizer.token_text(static_cast<int32_t>(*data->end_token)));
}

}  // namespace assay
