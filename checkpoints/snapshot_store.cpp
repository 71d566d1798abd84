#include "checkpoints/snapshot_store.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <set>

#include "checkpoints/hdf5_file.h"
#include "checkpoints/seal.h"
#include "core/check.h"
#include "core/files.h"
#include "core/log.h"
#include "core/merkle.h"
#include "protocol/limits.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kFormat = 2;
constexpr const char* kSuffix = ".h5";
constexpr const char* kTemporary = ".tmp";
constexpr uint64_t kValuesMax = limits::kTilesMax * kTileValues;

std::string file_name(const Snapshot& snapshot, const Digest& root) {
    char round[32];
    std::snprintf(round,
                  sizeof(round),
                  "round-%08llu-",
                  static_cast<unsigned long long>(snapshot.round.value));
    return round + root.brief() + kSuffix;
}

class ShapeWriter {
public:
    explicit ShapeWriter(Hdf5Writer& writer) : writer_(writer) {}
    void operator()(const Field& field, const int64_t& value) {
        writer_.number("/meta/shape." + std::string(field.name), static_cast<uint64_t>(value));
    }
    void operator()(const Field& field, const double& value) {
        writer_.number("/meta/shape." + std::string(field.name), std::bit_cast<uint64_t>(value));
    }
    void operator()(const Field& field, const bool& value) {
        writer_.number("/meta/shape." + std::string(field.name), value ? 1 : 0);
    }

private:
    Hdf5Writer& writer_;
};

class ShapeReader {
public:
    explicit ShapeReader(const Hdf5Reader& reader) : reader_(reader) {}
    void operator()(const Field& field, int64_t& value) {
        value = static_cast<int64_t>(get(field));
    }
    void operator()(const Field& field, double& value) {
        value = std::bit_cast<double>(get(field));
    }
    void operator()(const Field& field, bool& value) { value = get(field) == 1; }
    [[nodiscard]] const Status& status() const { return status_; }

private:
    uint64_t get(const Field& field) {
        Result<uint64_t> number = reader_.number("/meta/shape." + std::string(field.name));
        if (!number && status_) {
            status_ = number.error();
        }
        return number ? *number : 0;
    }
    const Hdf5Reader& reader_;
    Status status_;
};

void write_meta(Hdf5Writer& writer, const Snapshot& snapshot, const Digest& root) {
    writer.group("/meta");
    writer.number("/meta/format", kFormat);
    writer.number("/meta/round", snapshot.round.value);
    writer.text("/meta/run", snapshot.run_name);
    writer.text("/meta/manifest", snapshot.manifest.hex());
    writer.text("/meta/config", snapshot.config_text);
    writer.text("/meta/theta_root", root.hex());
    writer.text("/meta/accumulator_root", tiles_root(snapshot.accumulator).hex());
    writer.text("/meta/momentum_root", tiles_root(snapshot.momentum).hex());
    ShapeWriter shape(writer);
    snapshot.shape.for_each(shape);
}

void write_tensors(Hdf5Writer& writer, const Snapshot& snapshot) {
    const ParameterLayout layout = llama_layout(snapshot.shape);
    ASSAY_CHECK_EQ(snapshot.theta.size(), layout.value_count());
    writer.group("/model");
    for (const TensorLayout& tensor : layout.tensors) {
        std::vector<hsize_t> shape = {tensor.rows, tensor.columns};
        if (tensor.rows == 1) {
            shape = {tensor.columns};
        }
        writer.floats("/model/" + tensor.name,
                      std::span(snapshot.theta).subspan(tensor.first_value(), tensor.live()),
                      shape);
    }
    writer.group("/outer");
    writer.floats("/outer/accumulator", snapshot.accumulator, {snapshot.accumulator.size()});
    writer.floats("/outer/momentum", snapshot.momentum, {snapshot.momentum.size()});
}

Status check_root(const Hdf5Reader& reader,
                  const std::string& what,
                  std::span<const float> values) {
    Result<std::string> stored = reader.text("/meta/" + what + "_root");
    if (!stored) {
        return stored.error();
    }
    const std::string here = tiles_root(values).hex();
    if (here != *stored) {
        return fail(what + " is damaged: its Merkle root is " + here.substr(0, 12) + ", not " +
                    stored->substr(0, 12));
    }
    return {};
}

Status read_meta(const Hdf5Reader& reader, Snapshot& snapshot) {
    Result<uint64_t> format = reader.number("/meta/format");
    Result<uint64_t> round = reader.number("/meta/round");
    Result<std::string> run = reader.text("/meta/run");
    Result<std::string> manifest = reader.text("/meta/manifest");
    Result<std::string> config = reader.text("/meta/config");
    for (const Status& status : {format ? Status() : Status(format.error()),
                                 round ? Status() : Status(round.error()),
                                 run ? Status() : Status(run.error()),
                                 manifest ? Status() : Status(manifest.error()),
                                 config ? Status() : Status(config.error())}) {
        if (!status) {
            return status;
        }
    }
    if (*format != kFormat) {
        return fail("its format is " + std::to_string(*format) + "; this build reads " +
                    std::to_string(kFormat));
    }
    Result<Digest> digest = digest_from_hex(*manifest);
    if (!digest) {
        return digest.error();
    }
    snapshot.round.value = *round;
    snapshot.run_name = *run;
    snapshot.manifest = *digest;
    snapshot.config_text = *config;
    ShapeReader shape(reader);
    snapshot.shape.for_each(shape);
    return shape.status() ? check_shape(snapshot.shape) : shape.status();
}

Result<std::vector<float>> read_flat(const Hdf5Reader& reader, const std::string& name) {
    Result<uint64_t> count = reader.count(name);
    if (!count) {
        return count.error();
    }
    if (*count > kValuesMax || *count % kTileValues != 0) {
        return fail(name + " has an impossible size");
    }
    std::vector<float> values(*count);
    if (Status read = reader.floats(name, values); !read) {
        return read.error();
    }
    return values;
}

Status read_tensors(const Hdf5Reader& reader, Snapshot& snapshot) {
    const ParameterLayout layout = llama_layout(snapshot.shape);
    snapshot.theta.assign(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        const std::span<float> part =
            std::span(snapshot.theta).subspan(tensor.first_value(), tensor.live());
        if (Status read = reader.floats("/model/" + tensor.name, part); !read) {
            return read;
        }
    }
    Result<std::vector<float>> accumulator = read_flat(reader, "/outer/accumulator");
    Result<std::vector<float>> momentum = read_flat(reader, "/outer/momentum");
    if (!accumulator || !momentum) {
        return accumulator ? momentum.error() : accumulator.error();
    }
    snapshot.accumulator = std::move(*accumulator);
    snapshot.momentum = std::move(*momentum);
    for (const auto& [what, values] :
         {std::pair<std::string, const std::vector<float>&>{"theta", snapshot.theta},
          {"accumulator", snapshot.accumulator},
          {"momentum", snapshot.momentum}}) {
        if (Status intact = check_root(reader, what, values); !intact) {
            return intact;
        }
    }
    return {};
}

Status read_sealed(const fs::path& file, Snapshot& snapshot) {
    Result<Hdf5Reader> reader = Hdf5Reader::open(file);
    if (!reader) {
        return reader.error();
    }
    Status read = read_meta(*reader, snapshot);
    return read ? read_tensors(*reader, snapshot) : read;
}

}  // namespace

Result<SnapshotStore> SnapshotStore::open(const fs::path& folder) {
    if (Status made = make_folder(folder); !made) {
        return made.error();
    }
    return SnapshotStore(folder);
}

Status SnapshotStore::save(const Snapshot& snapshot) const {
    // What load_snapshot would not take is not saved.
    ASSAY_CHECK(check_shape(snapshot.shape).ok());
    ASSAY_CHECK_EQ(snapshot.accumulator.size() % kTileValues, size_t{0});
    ASSAY_CHECK_EQ(snapshot.momentum.size() % kTileValues, size_t{0});
    const Digest root = tiles_root(snapshot.theta);
    const fs::path file = folder_ / file_name(snapshot, root);
    const fs::path temporary = file.string() + kTemporary;
    Hdf5Writer writer(temporary);
    write_meta(writer, snapshot, root);
    write_tensors(writer, snapshot);
    Status written = writer.finish();
    if (written) {
        written = seal_file(temporary);
    }
    std::error_code code;
    if (written) {
        fs::rename(temporary, file, code);
        written = code ? Status(fail("cannot rename to " + file.string() + ": " + code.message()))
                       : sync_folder(folder_);
    }
    if (!written) {
        fs::remove(temporary, code);
    }
    return written;
}

std::vector<fs::path> list_snapshots(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code code;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
        if (entry.path().extension() == kSuffix) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

Result<Snapshot> load_snapshot(const fs::path& file) {
    Snapshot snapshot;
    Status read = check_seal(file);
    if (read) {
        read = read_sealed(file, snapshot);
    }
    if (!read) {
        return fail("snapshot " + file.string() + ": " + read.reason());
    }
    return snapshot;
}

Result<Snapshot> SnapshotStore::load_latest() const {
    std::vector<fs::path> files = list();
    std::string reasons;
    while (!files.empty()) {
        Result<Snapshot> snapshot = load_snapshot(files.back());
        if (snapshot) {
            return snapshot;
        }
        log_warning(snapshot.reason() + "; trying the one before");
        reasons += (reasons.empty() ? "" : "; ") + snapshot.reason();
        files.pop_back();
    }
    return fail(reasons.empty() ? "there is no snapshot in " + folder_.string() : reasons);
}

std::optional<RoundId> snapshot_round(const fs::path& file) {
    constexpr std::string_view kName = "round-";
    const std::string name = file.filename().string();
    const char* const end = name.data() + name.size();
    RoundId round;
    if (name.rfind(kName, 0) != 0) {
        return std::nullopt;
    }
    const auto read = std::from_chars(name.data() + kName.size(), end, round.value);
    return read.ec == std::errc() && read.ptr != end && *read.ptr == '-' ? std::optional(round)
                                                                         : std::nullopt;
}

// The first of each stretch of `window` rounds stays until a later such one stands before all of
// the last `window` rounds: the first one stays the first, whichever are removed.
Status SnapshotStore::prune(size_t keep, uint64_t window) const {
    ASSAY_CHECK(keep > 0);  // the newest stays: the run goes on from it
    const std::vector<fs::path> files = list();
    const uint64_t newest =
        files.empty() ? 0 : snapshot_round(files.back()).value_or(RoundId{}).value;
    std::optional<fs::path> first;  // of its stretch, the newest one that is old enough
    std::set<fs::path> kept;
    std::optional<uint64_t> stretch;
    for (const fs::path& file : files) {
        const uint64_t round = snapshot_round(file).value_or(RoundId{}).value;
        if (window == 0 || stretch == round / window) {
            continue;
        }
        stretch = round / window;
        if (round + window <= newest) {
            first = file;
        } else {
            kept.insert(file);
        }
    }
    if (first) {
        kept.insert(*first);
    }
    std::error_code code;
    for (size_t i = 0; i + keep < files.size(); ++i) {
        if (!kept.contains(files[i])) {
            fs::remove(files[i], code);
        }
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_, code)) {
        if (entry.path().extension() == kTemporary) {
            fs::remove(entry.path(), code);
        }
    }
    return {};
}

}  // namespace assay
