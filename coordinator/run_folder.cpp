#include "coordinator/run_folder.h"

#include "configs/run_advice.h"
#include "core/check.h"
#include "core/files.h"
#include "core/log.h"
#include "core/merkle.h"
#include "core/rng.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "store/folder_blob_store.h"
#include "tokenizer/tokenizer.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSpareRounds = 4096;  // voided rounds use up beacons too

Result<Identity> open_identity(const fs::path& file) {
    if (fs::exists(file)) {
        return Identity::load(file);
    }
    Identity identity = Identity::generate();
    if (Status saved = identity.save(file); !saved) {
        return saved.error();
    }
    return identity;
}

// A random secret, like a key's seed.
Result<Digest> open_beacon_secret(const fs::path& file) {
    if (!fs::exists(file)) {
        const Identity chance = Identity::generate();
        const Digest secret = sha256("beacon secret", chance.curve_secret());
        const Status written = write_file_atomically(file, as_bytes(secret.hex() + "\n"), 0600);
        if (!written) {
            return written.error();
        }
        return secret;
    }
    Result<std::string> text = read_text_file(file, 256);
    if (!text) {
        return text.error();
    }
    return digest_from_hex(text->substr(0, 64));
}

Result<DataManifest> read_data_manifest(const fs::path& folder) {
    Result<DataManifest> data = load_data_manifest(folder);
    if (!data) {
        return fail(data.reason() + "; make the token shards with `assay data prepare`");
    }
    return data;
}

Result<BlobRef> publish(BlobStore& store, const fs::path& file, uint64_t size_max) {
    Result<Bytes> bytes = read_file(file, size_max);
    if (!bytes) {
        return bytes.error();
    }
    return store.put(*bytes, Visibility::kPublic);
}

// A public blob of the file's bytes, which is `to` as well. What lies there is of an attempt that
// came to no manifest.
Result<BlobRef> take_over(BlobStore& store,
                          const fs::path& from,
                          const fs::path& to,
                          uint64_t size_max) {
    Result<BlobRef> blob = publish(store, from, size_max);
    std::error_code code;
    if (!blob || fs::equivalent(from, to, code)) {
        return blob;
    }
    fs::remove(to, code);
    if (Status made = store.export_to(blob->sha256, to); !made) {
        return made.error();
    }
    return blob;
}

Status check_vocabulary(const RunConfig& config, const DataManifest& data) {
    if (static_cast<int64_t>(data.vocab_size) > config.model.vocab) {
        const std::string allowed = std::to_string(config.model.vocab);
        return fail("the data uses " + std::to_string(data.vocab_size) +
                    " tokens, but model.vocab_size is " + allowed +
                    ": train a tokenizer with --vocab " + allowed +
                    " and prepare the data with it, or set model.vocab_size in the run file");
    }
    return {};
}

// Ids mean nothing without the tokenizer that made them: another one of the same size would start a
// run whose text is nonsense.
Status check_tokenizer(const RunSources& sources, const DataManifest& data) {
    const Result<Bytes> file = read_file(sources.tokenizer_file, Tokenizer::kFileBytesMax);
    if (!file) {
        return file.error();
    }
    const Digest named = sha256_plain(*file);
    if (named != data.tokenizer) {
        return fail(sources.tokenizer_file.string() + " (SHA-256 " + named.brief() +
                    ") is not the tokenizer that the data in " + sources.data_folder.string() +
                    " was made with (" + data.tokenizer.brief() +
                    "): give that one, or run `assay data prepare` again with this one");
    }
    return {};
}

Status publish_data(const RunFolderPaths& paths,
                    const RunConfig& config,
                    const RunSources& sources,
                    BlobStore& store,
                    RunManifest& manifest) {
    Result<DataManifest> data = read_data_manifest(sources.data_folder);
    if (!data) {
        return data.error();
    }
    if (Status fits = check_vocabulary(config, *data); !fits) {
        return fits;
    }
    if (Status same = check_tokenizer(sources, *data); !same) {
        return same;
    }
    for (const ShardEntry& shard : data->shards) {
        const fs::path file = sources.data_folder / shard.file;
        Result<BlobRef> blob =
            take_over(store, file, paths.data() / shard.file, limits::kBlobBytesMax);
        if (!blob) {
            return blob.error();
        }
        if (blob->sha256 != shard.sha256) {
            return fail(file.string() + " is not what " + std::string(kDataManifestFile) +
                        " says; run `assay data prepare` again");
        }
        manifest.shards.push_back(*blob);
    }
    Result<BlobRef> listed = take_over(store,
                                       sources.data_folder / kDataManifestFile,
                                       paths.data() / kDataManifestFile,
                                       limits::kDataManifestBytesMax);
    if (!listed) {
        return listed.error();
    }
    manifest.data_manifest = *listed;
    return {};
}

Result<RunManifest> make_manifest(const RunFolderPaths& paths,
                                  const RunConfig& config,
                                  const RunSources& sources,
                                  const Identity& identity,
                                  const BeaconChain& beacons,
                                  BlobStore& store) {
    RunManifest manifest;
    manifest.run_name = config.run.name;
    manifest.config_text = canonical_text(config);
    manifest.coordinator = identity.id();
    manifest.run_seed = derive_seed(Digest{}, "run", {static_cast<uint64_t>(config.run.seed)});
    manifest.beacon_tail = beacons.tail();
    manifest.beacon_length = beacons.length();
    const ParameterLayout layout = llama_layout(config.model);
    manifest.layout_digest = layout.digest();
    manifest.parameter_tiles = layout.tile_count();
    manifest.initial_root = tiles_root(initial_theta(config));
    if (Status published = publish_data(paths, config, sources, store, manifest); !published) {
        return published.error();
    }
    Result<BlobRef> tokenizer =
        take_over(store, sources.tokenizer_file, paths.tokenizer(), Tokenizer::kFileBytesMax);
    if (!tokenizer) {
        return tokenizer.error();
    }
    manifest.tokenizer = *tokenizer;
    std::vector<Digest> named{manifest.data_manifest.sha256, manifest.tokenizer.sha256};
    for (const BlobRef& shard : manifest.shards) {
        named.push_back(shard.sha256);
    }
    const Status kept = store.make_durable(named);
    return kept ? Result<RunManifest>(std::move(manifest)) : kept.error();
}

Result<RunManifest> load_manifest(const fs::path& file) {
    Result<Bytes> bytes = read_file(file, limits::kMessageBytesMax);
    if (!bytes) {
        return bytes.error();
    }
    Result<RunManifest> manifest = decode_manifest(*bytes);
    if (!manifest) {
        return fail(file.string() + " is damaged: " + manifest.reason());
    }
    return manifest;
}

Status check_same_run(const RunManifest& manifest,
                      const RunConfig& config,
                      const RunFolderPaths& paths) {
    if (manifest.config_text == canonical_text(config)) {
        return {};
    }
    const Result<RunConfig> was = parse_canonical_text(manifest.config_text);
    return fail("the folder " + paths.root.string() + " belongs to a run with other settings (" +
                (was ? changed_settings(*was, config) : was.reason()) +
                "); a run's settings cannot change: use its run file, or another --dir");
}

// What the run was made of is in its folder. Sources that are named again may be gone; if they are
// there, they are the same, or somebody means another run.
Status check_same_source(const fs::path& named,
                         const fs::path& own,
                         const char* option,
                         const Digest& expected,
                         const fs::path& root) {
    std::error_code code;
    if (fs::equivalent(named, own, code)) {
        return {};
    }
    const Result<Bytes> bytes = read_file(named, limits::kBlobBytesMax);
    if (!bytes) {
        log_info(std::string(option) + ": " + bytes.reason() + "; the run has its copy, " +
                 own.string());
        return {};
    }
    const Digest found = sha256_plain(*bytes);
    return found == expected
               ? Status()
               : fail(std::string(option) + ": " + named.string() + " (SHA-256 " + found.brief() +
                      ") is not what the run in " + root.string() + " was started with (" +
                      expected.brief() + "), of which " + own.string() +
                      " is the copy: leave the option out, or use another --dir");
}

Status check_same_sources(const RunManifest& manifest,
                          const RunSources& sources,
                          const RunFolderPaths& paths) {
    Status same = check_same_source(sources.data_folder / kDataManifestFile,
                                    paths.data() / kDataManifestFile,
                                    "--data",
                                    manifest.data_manifest.sha256,
                                    paths.root);
    return same ? check_same_source(sources.tokenizer_file,
                                    paths.tokenizer(),
                                    "--tokenizer",
                                    manifest.tokenizer.sha256,
                                    paths.root)
                : same;
}

// With another key or another chain, no peer of the run would take what this coordinator says.
Status check_own_secrets(const RunManifest& manifest,
                         const Identity& identity,
                         const BeaconChain& beacons,
                         const RunFolderPaths& paths) {
    if (manifest.coordinator != identity.id()) {
        return fail(paths.key().string() + " is not the key that the run in " +
                    paths.root.string() + " was started with; put the old file back");
    }
    if (manifest.beacon_tail != beacons.tail()) {
        return fail(paths.beacon().string() + " is not the secret that the run in " +
                    paths.root.string() + " was started with; put the old file back");
    }
    return {};
}

Result<RunManifest> open_manifest(const RunFolderPaths& paths,
                                  const RunConfig& config,
                                  const RunSources& sources,
                                  const Identity& identity,
                                  const BeaconChain& beacons,
                                  BlobStore& store) {
    if (fs::exists(paths.manifest())) {
        Result<RunManifest> manifest = load_manifest(paths.manifest());
        if (!manifest) {
            return manifest;
        }
        if (Status own = check_own_secrets(*manifest, identity, beacons, paths); !own) {
            return own.error();
        }
        return manifest;
    }
    Result<RunManifest> manifest = make_manifest(paths, config, sources, identity, beacons, store);
    if (!manifest) {
        return manifest;
    }
    if (Status written = write_file_atomically(paths.manifest(), encode_manifest(*manifest));
        !written) {
        return written.error();
    }
    return manifest;
}

}  // namespace

Status check_run_folder(const RunFolderPaths& paths,
                        const RunConfig& config,
                        const RunSources& sources) {
    if (fs::exists(paths.peer_key())) {
        return fail("--dir " + paths.root.string() + " is a peer's folder (it has " +
                    paths.peer_key().filename().string() + "): name another one");
    }
    if (!fs::exists(paths.manifest())) {
        return {};
    }
    const Result<RunManifest> manifest = load_manifest(paths.manifest());
    if (!manifest) {
        return {};  // damaged: whoever opens it says so
    }
    const Status same = check_same_run(*manifest, config, paths);
    return same ? check_same_sources(*manifest, sources, paths) : same;
}

std::vector<float> initial_theta(const RunConfig& config) {
    return initial_parameters(
        config.model,
        derive_seed(Digest{}, "initial parameters", {static_cast<uint64_t>(config.run.seed)}));
}

Result<OpenedRun> open_run_folder(const RunFolderPaths& paths,
                                  const RunConfig& config,
                                  const RunSources& sources) {
    if (Status fits = check_run_folder(paths, config, sources); !fits) {
        return fits.error();
    }
    for (const fs::path& folder : {paths.root, paths.blobs(), paths.data(), paths.snapshots()}) {
        if (Status made = make_folder(folder); !made) {
            return made.error();
        }
    }
    Result<FolderLock> lock = FolderLock::take(paths.root);
    if (!lock) {
        return lock.error();
    }
    const bool fresh = !fs::exists(paths.manifest());
    Result<Identity> identity = open_identity(paths.key());
    if (!identity) {
        return identity.error();
    }
    Result<Digest> secret = open_beacon_secret(paths.beacon());
    if (!secret) {
        return secret.error();
    }
    const auto length = static_cast<uint64_t>(config.rounds.rounds) + kSpareRounds;
    ASSAY_CHECK(config.rounds.rounds > 0);
    BeaconChain beacons(*secret, length);
    Result<std::unique_ptr<FolderBlobStore>> store = FolderBlobStore::open(paths.blobs());
    if (!store) {
        return store.error();
    }
    Result<RunManifest> manifest =
        open_manifest(paths, config, sources, *identity, beacons, **store);
    if (!manifest) {
        return manifest.error();
    }
    Result<DataManifest> data = read_data_manifest(paths.data());
    if (!data) {
        return data.error();
    }
    ASSAY_CHECK_EQ(manifest->beacon_tail, beacons.tail());
    ASSAY_CHECK_EQ(manifest->coordinator, identity->id());
    return OpenedRun{*identity,
                     std::move(*manifest),
                     std::move(beacons),
                     std::move(*data),
                     std::move(*store),
                     fresh,
                     std::move(*lock)};
}

}  // namespace assay
