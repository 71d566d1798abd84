#include "coordinator/run_folder.h"

#include "core/files.h"
#include "core/merkle.h"
#include "core/rng.h"
#include "protocol/codec.h"
#include "protocol/limits.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kManifestBytesMax = 16U << 20;
constexpr uint64_t kTokenizerBytesMax = 256U << 20;
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
    Result<DataManifest> manifest = load_data_manifest(folder);
    if (!manifest) {
        return fail(manifest.reason() + "; make the token shards with `assay data prepare`");
    }
    return manifest;
}

// What lies there is of an attempt that came to no manifest.
Status link_or_copy(const fs::path& from, const fs::path& to) {
    std::error_code code;
    if (fs::equivalent(from, to, code)) {
        return {};
    }
    fs::remove(to, code);
    fs::create_hard_link(from, to, code);
    if (code) {  // another disk; whoever is killed meanwhile leaves no half of a file under its
                 // name
        const fs::path part = to.string() + ".part";
        fs::copy_file(from, part, fs::copy_options::overwrite_existing, code);
        if (!code) {
            fs::rename(part, to, code);
        }
    }
    if (code) {
        return fail("cannot copy " + from.string() + " to " + to.string() + ": " + code.message());
    }
    return {};
}

Result<BlobRef> publish(BlobStore& store, const fs::path& file, uint64_t size_max) {
    Result<Bytes> bytes = read_file(file, size_max);
    if (!bytes) {
        return bytes.error();
    }
    return store.put(*bytes, Visibility::kPublic);
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
    for (const ShardEntry& shard : data->shards) {
        const fs::path target = paths.data() / shard.file;
        if (Status linked = link_or_copy(sources.data_folder / shard.file, target); !linked) {
            return linked;
        }
        Result<BlobRef> blob = publish(store, target, limits::kBlobBytesMax);
        if (!blob) {
            return blob.error();
        }
        if (blob->sha256 != shard.sha256) {
            return fail(target.string() + " is not what " + std::string(kDataManifestFile) +
                        " says; run `assay data prepare` again");
        }
        manifest.shards.push_back(*blob);
    }
    if (Status linked =
            link_or_copy(sources.data_folder / kDataManifestFile, paths.data() / kDataManifestFile);
        !linked) {
        return linked;
    }
    Result<BlobRef> listed = publish(store, paths.data() / kDataManifestFile, kManifestBytesMax);
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
    if (Status linked = link_or_copy(sources.tokenizer_file, paths.tokenizer()); !linked) {
        return linked.error();
    }
    Result<BlobRef> tokenizer = publish(store, paths.tokenizer(), kTokenizerBytesMax);
    if (!tokenizer) {
        return tokenizer.error();
    }
    manifest.tokenizer = *tokenizer;
    return manifest;
}

Result<RunManifest> load_manifest(const fs::path& file) {
    Result<Bytes> bytes = read_file(file, kManifestBytesMax);
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
    if (manifest.config_text != canonical_text(config)) {
        return fail("the folder " + paths.root.string() +
                    " belongs to a run with other settings (manifest " +
                    manifest_digest(manifest).brief() +
                    "); a run's settings cannot change: use its run file, or another --dir");
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
        if (Status same = check_same_run(*manifest, config, paths); !same) {
            return same.error();
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

std::vector<float> initial_theta(const RunConfig& config) {
    return initial_parameters(
        config.model,
        derive_seed(Digest{}, "initial parameters", {static_cast<uint64_t>(config.run.seed)}));
}

Result<OpenedRun> open_run_folder(const RunFolderPaths& paths,
                                  const RunConfig& config,
                                  const RunSources& sources) {
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
    BeaconChain beacons(*secret, length);
    Result<BlobStore> opened = BlobStore::open(paths.blobs());
    if (!opened) {
        return opened.error();
    }
    auto store = std::make_unique<BlobStore>(std::move(*opened));
    Result<RunManifest> manifest =
        open_manifest(paths, config, sources, *identity, beacons, *store);
    if (!manifest) {
        return manifest.error();
    }
    Result<DataManifest> data = read_data_manifest(paths.data());
    if (!data) {
        return data.error();
    }
    return OpenedRun{*identity,
                     std::move(*manifest),
                     std::move(beacons),
                     std::move(*data),
                     std::move(store),
                     fresh,
                     std::move(*lock)};
}

}  // namespace assay
