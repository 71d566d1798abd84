#include "data/token_shards.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

namespace assay {

namespace {

constexpr uint32_t kMagic = 0x4B4F5441;  // "ATOK"
constexpr uint32_t kVersion = 1;
constexpr size_t kShardsMax = 65536;
constexpr size_t kNameMax = 128;
constexpr size_t kManifestBytesMax = 16U << 20;
constexpr const char* kHeading = "assay-data 1";

bool is_plain_name(std::string_view name) {
    if (name.empty() || name.size() > kNameMax || name.front() == '.') {
        return false;
    }
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

// A read-only mapping of a whole file.
class Mapping {
public:
    static Result<Mapping> open(const std::filesystem::path& file) {
        const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat info {};
        if (fd < 0 || ::fstat(fd, &info) != 0) {
            const std::string why = std::strerror(errno);
            if (fd >= 0) {
                ::close(fd);
            }
            return fail("cannot open token shard " + file.string() + ": " + why);
        }
        const auto size = static_cast<size_t>(info.st_size);
        void* data = size == 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
        ::close(fd);
        if (data == MAP_FAILED) {
            return fail("cannot map token shard " + file.string());
        }
        return Mapping(static_cast<const uint8_t*>(data), size);
    }
    Mapping(Mapping&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Mapping() {
        if (data_ != nullptr) {
            ::munmap(const_cast<uint8_t*>(data_), size_);
        }
    }
    [[nodiscard]] ByteSpan bytes() const { return {data_, size_}; }

private:
    Mapping(const uint8_t* data, size_t size) : data_(data), size_(size) {}
    const uint8_t* data_;
    size_t size_;
};

struct Shard {
    Mapping mapping;
    uint32_t width = 2;
    uint64_t tokens = 0;
    uint64_t first_sample = 0;  // of this shard, in its stream
    uint64_t samples = 0;
};

// Shards of one kind, with samples numbered through.
struct Stream {
    std::vector<Shard> shards;
    uint64_t samples = 0;
};

Result<Shard> open_shard(const std::filesystem::path& file,
                         const ShardEntry& entry,
                         bool verify_hash) {
    Result<Mapping> mapping = Mapping::open(file);
    if (!mapping) {
        return mapping.error();
    }
    ByteReader header(mapping->bytes());
    const bool known = header.u32() == kMagic && header.u32() == kVersion;
    const uint32_t width = header.u32();
    const bool zero = header.u32() == 0;
    const uint64_t count = header.u64();
    const bool fits = (width == 2 || width == 4) && count == entry.token_count &&
                      header.remaining() / width == count && header.remaining() % width == 0;
    if (!header.ok() || !known || !zero || !fits) {
        return fail(file.string() + " is not the token shard that the manifest lists");
    }
    if (verify_hash && sha256_plain(mapping->bytes()) != entry.sha256) {
        return fail(file.string() + " is damaged: its SHA-256 is not the manifest's");
    }
    return Shard{std::move(*mapping), width, count, 0, 0};
}

void read_sample(const Shard& shard, uint64_t first, uint32_t count, std::vector<int32_t>& out) {
    const uint8_t* from = shard.mapping.bytes().data() + kShardHeaderBytes + first * shard.width;
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t token = 0;
        for (uint32_t byte = 0; byte < shard.width; ++byte) {
            token |= static_cast<uint32_t>(from[i * shard.width + byte]) << (8 * byte);
        }
        out.push_back(static_cast<int32_t>(token));
    }
}

Status read_stream(const Stream& stream,
                   uint32_t sequence_tokens,
                   std::span<const uint64_t> samples,
                   std::vector<int32_t>& out) {
    out.clear();
    out.reserve(samples.size() * (sequence_tokens + 1));
    for (const uint64_t sample : samples) {
        if (sample >= stream.samples) {
            return fail("there is no sample " + std::to_string(sample) + "; the data has " +
                        std::to_string(stream.samples));
        }
        const auto after = std::upper_bound(
            stream.shards.begin(),
            stream.shards.end(),
            sample,
            [](uint64_t wanted, const Shard& shard) { return wanted < shard.first_sample; });
        const Shard& shard = *(after - 1);
        read_sample(
            shard, (sample - shard.first_sample) * sequence_tokens, sequence_tokens + 1, out);
    }
    return {};
}

}  // namespace

Bytes shard_header(uint32_t bytes_per_token, uint64_t count) {
    ByteWriter writer;
    writer.u32(kMagic);
    writer.u32(kVersion);
    writer.u32(bytes_per_token);
    writer.u32(0);
    writer.u64(count);
    return writer.take();
}

std::string encode_data_manifest(const DataManifest& manifest) {
    std::ostringstream out;
    out << kHeading << "\nvocab " << manifest.vocab_size << "\nunigram_entropy "
        << std::bit_cast<uint64_t>(manifest.unigram_entropy) << "\n";
    for (const ShardEntry& shard : manifest.shards) {
        out << (shard.held_out ? "held_out " : "train ") << shard.file << " " << shard.token_count
            << " " << shard.sha256.hex() << "\n";
    }
    return out.str();
}

Result<DataManifest> parse_data_manifest(std::string_view text) {
    if (text.size() > kManifestBytesMax) {
        return fail("the data manifest is too long");
    }
    std::istringstream lines{std::string(text)};
    std::string line;
    std::getline(lines, line);
    if (line != kHeading) {
        return fail("not a data manifest: it does not begin with `" + std::string(kHeading) + "`");
    }
    DataManifest manifest;
    std::string word;
    uint64_t entropy_bits = 0;
    if (!(lines >> word) || word != "vocab" || !(lines >> manifest.vocab_size) ||
        !(lines >> word) || word != "unigram_entropy" || !(lines >> entropy_bits)) {
        return fail("the data manifest's head is damaged");
    }
    manifest.unigram_entropy = std::bit_cast<double>(entropy_bits);
    while (lines >> word) {
        ShardEntry shard;
        std::string hash;
        const bool read = static_cast<bool>(lines >> shard.file >> shard.token_count >> hash);
        Result<Digest> digest = digest_from_hex(hash);
        if (!read || !digest || (word != "train" && word != "held_out") ||
            !is_plain_name(shard.file) || manifest.shards.size() >= kShardsMax) {
            return fail("the data manifest's line for shard " +
                        std::to_string(manifest.shards.size() + 1) + " is not valid");
        }
        shard.sha256 = *digest;
        shard.held_out = word == "held_out";
        manifest.shards.push_back(std::move(shard));
    }
    return manifest;
}

struct TokenShards::State {
    uint32_t sequence_tokens = 0;
    Stream train;
    Stream held_out;
};

TokenShards::TokenShards(std::unique_ptr<State> state) : state_(std::move(state)) {}
TokenShards::TokenShards(TokenShards&&) noexcept = default;
TokenShards& TokenShards::operator=(TokenShards&&) noexcept = default;
TokenShards::~TokenShards() = default;

Result<TokenShards> TokenShards::open(const std::filesystem::path& folder,
                                      const DataManifest& manifest,
                                      uint32_t sequence_tokens,
                                      bool verify_hashes) {
    ASSAY_CHECK(sequence_tokens > 0);
    auto state = std::make_unique<State>();
    state->sequence_tokens = sequence_tokens;
    for (const ShardEntry& entry : manifest.shards) {
        Result<Shard> shard = open_shard(folder / entry.file, entry, verify_hashes);
        if (!shard) {
            return shard.error();
        }
        Stream& stream = entry.held_out ? state->held_out : state->train;
        shard->first_sample = stream.samples;
        shard->samples = shard->tokens == 0 ? 0 : (shard->tokens - 1) / sequence_tokens;
        if (shard->samples > 0) {
            stream.samples += shard->samples;
            stream.shards.push_back(std::move(*shard));
        }
    }
    if (state->train.samples == 0 || state->held_out.samples == 0) {
        return fail("the data in " + folder.string() + " has no sample of " +
                    std::to_string(sequence_tokens) +
                    " tokens to train on, or none held out; use more text");
    }
    return TokenShards(std::move(state));
}

uint64_t TokenShards::sample_count() const {
    return state_->train.samples;
}
uint64_t TokenShards::held_out_count() const {
    return state_->held_out.samples;
}
uint32_t TokenShards::sequence_tokens() const {
    return state_->sequence_tokens;
}

Status TokenShards::read_samples(std::span<const uint64_t> samples,
                                 std::vector<int32_t>& out) const {
    return read_stream(state_->train, state_->sequence_tokens, samples, out);
}

Status TokenShards::read_held_out(std::span<const uint64_t> samples,
                                  std::vector<int32_t>& out) const {
    return read_stream(state_->held_out, state_->sequence_tokens, samples, out);
}

}  // namespace assay
