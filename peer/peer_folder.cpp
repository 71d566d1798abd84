#include "peer/peer_folder.h"

#include <charconv>

#include "core/files.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/signed_lines.h"
#include "protocol/signed_word.h"

namespace assay {

namespace {

constexpr uint32_t kStateMagic = 0x31535041;  // "APS1"
constexpr uint32_t kNextMagic = 0x314E5041;   // "APN1"
constexpr const char* kEntryFile = "entry.txt";
constexpr uint64_t kEntryBytesMax = 256;

// A file of equally long vectors:
// magic | u64 round | u64 values | the vectors | SHA-256 of all before it
struct StoredVectors {
    uint32_t magic = 0;
    uint64_t round = 0;
    std::vector<std::span<const float>> vectors;
};
constexpr size_t kHeadBytes = 4 + 8 + 8;

Bytes stored_bytes(const StoredVectors& stored) {
    ASSAY_CHECK(!stored.vectors.empty());
    ByteWriter writer;
    writer.u32(stored.magic);
    writer.u64(stored.round);
    writer.u64(stored.vectors.front().size());
    for (const std::span<const float> values : stored.vectors) {
        ASSAY_CHECK_EQ(values.size(), stored.vectors.front().size());
        writer.raw(float_bytes(values));
    }
    writer.raw(sha256_plain(writer.bytes()).span());
    return writer.take();
}

std::vector<float> read_values(ByteReader& reader, uint64_t count) {
    return floats_of(reader.raw(count * sizeof(float)));
}

// Fills `vectors` and `round`; false if there is no such file.
Result<bool> load_vectors(const std::filesystem::path& file,
                          uint32_t magic,
                          uint64_t& round,
                          std::initializer_list<std::vector<float>*> vectors) {
    if (!std::filesystem::exists(file)) {
        return false;
    }
    const Result<Bytes> bytes = read_file(file, limits::kBlobBytesMax);
    if (!bytes) {
        return bytes.error();
    }
    ByteReader reader(*bytes);
    const bool known = reader.u32() == magic;
    round = reader.u64();
    const uint64_t count = reader.u64();
    const uint64_t body = bytes->size() - std::min<size_t>(bytes->size(), Digest::kSize);
    if (!known || count > limits::kBlobBytesMax / 16 ||
        body != kHeadBytes + count * sizeof(float) * vectors.size()) {
        return fail(file.string() + " is damaged: it is not a peer's state, or it was cut short");
    }
    if (sha256_plain(ByteSpan(*bytes).first(body)) !=
        digest_from_bytes(ByteSpan(*bytes).subspan(body)).value()) {
        return fail(file.string() + " is damaged: its checksum is wrong");
    }
    for (std::vector<float>* values : vectors) {
        *values = read_values(reader, count);
    }
    return true;
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
    Result<Bytes> bytes = read_file(file, limits::kMessageBytesMax);
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

Status PeerFolder::save(const std::filesystem::path& file, const TrainerState& state) {
    return write_file_atomically(
        file, stored_bytes({kStateMagic, 0, {state.theta, state.m, state.v, state.e}}));
}

Result<std::optional<TrainerState>> PeerFolder::load(const std::filesystem::path& file) {
    TrainerState state;
    uint64_t unused = 0;
    const Result<bool> loaded =
        load_vectors(file, kStateMagic, unused, {&state.theta, &state.m, &state.v, &state.e});
    if (!loaded) {
        return loaded.error();
    }
    return *loaded ? std::optional<TrainerState>(std::move(state)) : std::nullopt;
}

Status PeerFolder::save_state(const TrainerState& state) const {
    return save(folder_ / "state.bin", state);
}

Result<std::optional<TrainerState>> PeerFolder::load_state() const {
    return load(folder_ / "state.bin");
}

Status PeerFolder::save_head(const Envelope& envelope) const {
    return replace_file(head_file(), as_bytes(signed_words_text({envelope})));
}

std::optional<Envelope> PeerFolder::load_head(const PeerId& coordinator) const {
    const Result<std::string> text = read_text_file(head_file(), kSignedWordsBytesMax);
    const Result<std::vector<SignedWord>> words =
        text ? parse_signed_words(*text) : Result<std::vector<SignedWord>>(text.error());
    if (!words || words->size() != 1 || words->front().envelope->signer != coordinator) {
        return std::nullopt;
    }
    return *words->front().envelope;
}

Status PeerFolder::save_beacon(const Envelope& envelope) const {
    return replace_file(folder_ / "beacon.txt", as_bytes(signed_line(envelope)));
}

std::optional<Envelope> PeerFolder::load_beacon(const PeerId& coordinator) const {
    const Result<std::string> text =
        read_text_file(folder_ / "beacon.txt", limits::kMessageBytesMax);
    const Result<std::vector<Envelope>> lines =
        text ? read_signed_lines(*text) : Result<std::vector<Envelope>>(text.error());
    if (!lines || lines->size() != 1 || lines->front().signer != coordinator) {
        return std::nullopt;
    }
    return lines->front();
}

// A line: the run, the key, the nonce.
Status PeerFolder::save_entry(const Digest& manifest, const PeerId& self, uint64_t nonce) const {
    const std::string line = manifest.hex() + " " + self.hex() + " " + std::to_string(nonce) + "\n";
    return write_file_atomically(folder_ / kEntryFile, as_bytes(line));
}

// A damaged one says another nonce at most, which is refused; then the work is done again.
uint64_t PeerFolder::load_entry(const Digest& manifest, const PeerId& self) const {
    const Result<std::string> text = read_text_file(folder_ / kEntryFile, kEntryBytesMax);
    const std::string head = manifest.hex() + " " + self.hex() + " ";
    if (!text || text->compare(0, head.size(), head) != 0) {
        return 0;
    }
    uint64_t nonce = 0;
    (void)std::from_chars(text->data() + head.size(), text->data() + text->size(), nonce);
    return nonce;
}

// The first ones stay: later ones of the same kind prove no more.
Result<std::filesystem::path> PeerFolder::save_proof(const std::vector<Envelope>& envelopes) const {
    constexpr int kProofsKept = 8;
    std::filesystem::path file;
    std::error_code code;
    for (int number = 1; number <= kProofsKept; ++number) {
        file = folder_ / ("equivocation-" + std::to_string(number) + ".txt");
        if (!std::filesystem::exists(file, code)) {
            break;
        }
    }
    if (std::filesystem::exists(file, code)) {
        return file;
    }
    const Status written = write_file_atomically(file, as_bytes(signed_words_text(envelopes)));
    return written ? Result<std::filesystem::path>(file) : written.error();
}

std::filesystem::path PeerFolder::owed_file(RoundId round) const {
    return folder_ / ("owed-" + std::to_string(round.value) + ".bin");
}

Status PeerFolder::save_owed(RoundId round, const TrainerState& state) const {
    std::error_code code;
    const bool kept = std::filesystem::exists(owed_file(round), code);
    return kept ? Status() : save(owed_file(round), state);
}

Result<std::optional<TrainerState>> PeerFolder::load_owed(RoundId round) const {
    return load(owed_file(round));
}

void PeerFolder::drop_owed(RoundId round) const {
    std::error_code ignored;  // what stays is read by nobody
    std::filesystem::remove(owed_file(round), ignored);
}

Status PeerFolder::save_next(const NextTripleView& next) const {
    return write_file_atomically(
        folder_ / "next.bin",
        stored_bytes({kNextMagic, next.round.value, {next.m, next.v, next.e}}));
}

Result<std::optional<NextTriple>> PeerFolder::load_next() const {
    NextTriple next;
    const Result<bool> loaded = load_vectors(
        folder_ / "next.bin", kNextMagic, next.round.value, {&next.m, &next.v, &next.e});
    if (!loaded) {
        return loaded.error();
    }
    return *loaded ? std::optional<NextTriple>(std::move(next)) : std::nullopt;
}

}  // namespace assay
