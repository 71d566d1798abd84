#include "peer/peer_folder.h"

#include "core/files.h"
#include "protocol/codec.h"

namespace assay {

namespace {

constexpr uint64_t kManifestBytesMax = 16U << 20;
constexpr uint64_t kStateBytesMax = uint64_t{1} << 42;
constexpr uint32_t kStateMagic = 0x31535041;  // "APS1"
constexpr size_t kVectors = 4;

ByteSpan raw(const std::vector<float>& values) {
    return {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)};
}

// magic | u64 values | theta | m | v | e | SHA-256 of all before it
Bytes state_bytes(const WorkerState& state) {
    ByteWriter writer;
    writer.u32(kStateMagic);
    writer.u64(state.theta.size());
    for (const std::vector<float>* values : {&state.theta, &state.m, &state.v, &state.e}) {
        ASSAY_CHECK_EQ(values->size(), state.theta.size());
        writer.raw(raw(*values));
    }
    writer.raw(sha256_plain(writer.bytes()).span());
    return writer.take();
}

std::vector<float> read_values(ByteReader& reader, uint64_t count) {
    const ByteSpan bytes = reader.raw(count * sizeof(float));
    std::vector<float> values(bytes.size() / sizeof(float));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(values.data()));
    return values;
}

Result<WorkerState> parse_state(const Bytes& bytes) {
    ByteReader reader(bytes);
    const bool known = reader.u32() == kStateMagic;
    const uint64_t count = reader.u64();
    const uint64_t body = bytes.size() - std::min<size_t>(bytes.size(), Digest::kSize);
    if (!known || count > kStateBytesMax / 16 || body != 12 + count * sizeof(float) * kVectors) {
        return fail("it is not a peer's state, or it was cut short");
    }
    if (sha256_plain(ByteSpan(bytes).first(body)) !=
        digest_from_bytes(ByteSpan(bytes).subspan(body)).value()) {
        return fail("its checksum is wrong");
    }
    WorkerState state;
    for (std::vector<float>* values : {&state.theta, &state.m, &state.v, &state.e}) {
        *values = read_values(reader, count);
    }
    return state;
}

}  // namespace

Status PeerFolder::create() const {
    for (const std::filesystem::path& part : {folder_, blob_folder(), data_folder()}) {
        if (Status made = make_folder(part); !made) {
            return made;
        }
    }
    return {};
}

Status PeerFolder::save_manifest(const RunManifest& manifest) const {
    return write_file_atomically(folder_ / "manifest.bin", encode_manifest(manifest));
}

Result<std::optional<RunManifest>> PeerFolder::load_manifest() const {
    const std::filesystem::path file = folder_ / "manifest.bin";
    if (!std::filesystem::exists(file)) {
        return std::optional<RunManifest>();
    }
    Result<Bytes> bytes = read_file(file, kManifestBytesMax);
    if (!bytes) {
        return bytes.error();
    }
    Result<RunManifest> manifest = decode_manifest(*bytes);
    if (!manifest) {
        return fail(file.string() + " is damaged (" + manifest.reason() +
                    "); delete it to join the coordinator's run anew");
    }
    return std::optional<RunManifest>(*manifest);
}

Status PeerFolder::save_state(const WorkerState& state) const {
    return write_file_atomically(folder_ / "state.bin", state_bytes(state));
}

Result<std::optional<WorkerState>> PeerFolder::load_state() const {
    const std::filesystem::path file = folder_ / "state.bin";
    if (!std::filesystem::exists(file)) {
        return std::optional<WorkerState>();
    }
    Result<Bytes> bytes = read_file(file, kStateBytesMax);
    if (!bytes) {
        return bytes.error();
    }
    Result<WorkerState> state = parse_state(*bytes);
    if (!state) {
        return fail(file.string() + " is damaged: " + state.reason());
    }
    return std::optional<WorkerState>(std::move(*state));
}

}  // namespace assay
