#include "data/token_shards.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr std::string_view kMagic = "ASSAYTOK";
constexpr uint32_t kVersion = 1;

Error file_error(const std::filesystem::path& file, const std::string& what) {
    return fail("token shard " + file.string() + ": " + what);
}

}  // namespace

uint32_t token_bytes_of(uint32_t vocab_size) {
    return vocab_size <= 65536 ? 2 : 4;
}

static_assert(kMagic.size() + 3 * sizeof(uint32_t) <= kShardHeaderBytes);

Bytes shard_header(uint32_t vocab_size) {
    Bytes header(kShardHeaderBytes, 0);
    std::copy(kMagic.begin(), kMagic.end(), header.begin());
    size_t at = kMagic.size();
    for (const uint32_t number : {kVersion, token_bytes_of(vocab_size), vocab_size}) {
        for (uint32_t i = 0; i < 4; ++i) {
            header[at++] = static_cast<uint8_t>(number >> (8 * i));
        }
    }
    return header;
}

// One file in memory, read-only.
class TokenShards::Map {
public:
    Map(void* start, uint64_t size, uint32_t token_bytes)
        : start_(static_cast<const uint8_t*>(start)), size_(size), token_bytes_(token_bytes) {}
    ~Map() { ::munmap(const_cast<uint8_t*>(start_), size_); }
    Map(const Map&) = delete;
    Map& operator=(const Map&) = delete;

    static Result<std::unique_ptr<Map>> open(const std::filesystem::path& file,
                                             uint64_t size,
                                             uint32_t token_bytes);

    [[nodiscard]] ByteSpan bytes() const { return {start_, size_}; }
    [[nodiscard]] uint32_t token(uint64_t index) const {
        const uint8_t* at = start_ + kShardHeaderBytes + index * token_bytes_;
        uint32_t value = at[0] | static_cast<uint32_t>(at[1]) << 8;
        if (token_bytes_ == 4) {
            value |= static_cast<uint32_t>(at[2]) << 16 | static_cast<uint32_t>(at[3]) << 24;
        }
        return value;
    }

private:
    const uint8_t* start_;
    uint64_t size_;
    uint32_t token_bytes_;
};

Result<std::unique_ptr<TokenShards::Map>> TokenShards::Map::open(const std::filesystem::path& file,
                                                                 uint64_t size,
                                                                 uint32_t token_bytes) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return file_error(file, std::strerror(errno));
    }
    struct stat facts = {};
    if (::fstat(fd, &facts) != 0 || static_cast<uint64_t>(facts.st_size) != size) {
        ::close(fd);
        return file_error(file,
                          "it has " + std::to_string(facts.st_size) + " bytes instead of " +
                              std::to_string(size));
    }
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    const int code = errno;
    ::close(fd);
    if (start == MAP_FAILED) {
        return file_error(file, std::strerror(code));
    }
    return std::make_unique<Map>(start, size, token_bytes);
}

TokenShards::TokenShards() = default;
TokenShards::TokenShards(TokenShards&&) noexcept = default;
TokenShards& TokenShards::operator=(TokenShards&&) noexcept = default;
TokenShards::~TokenShards() = default;

Result<TokenShards> TokenShards::open(const std::filesystem::path& folder,
                                      const DataManifest& manifest,
                                      uint32_t sequence_tokens,
                                      bool verify_hashes) {
    if (sequence_tokens < 1 || sequence_tokens > limits::kSequenceTokensMax) {
        return fail("a sequence of " + std::to_string(sequence_tokens) +
                    " tokens; allowed are 1 to " + std::to_string(limits::kSequenceTokensMax));
    }
    TokenShards shards;
    shards.sequence_tokens_ = sequence_tokens;
    shards.vocab_size_ = manifest.vocab_size;
    const uint32_t token_bytes = token_bytes_of(manifest.vocab_size);
    const Bytes header = shard_header(manifest.vocab_size);
    for (const ShardEntry& entry : manifest.shards) {
        const std::filesystem::path file = folder / entry.file;
        Result<std::unique_ptr<Map>> map =
            Map::open(file, kShardHeaderBytes + entry.token_count * token_bytes, token_bytes);
        if (!map) {
            return map.error();
        }
        if (!std::equal(header.begin(), header.end(), (*map)->bytes().begin())) {
            return file_error(file, "its header is not that of a shard of this vocabulary");
        }
        if (verify_hashes && sha256_plain((*map)->bytes()) != entry.sha256) {
            return file_error(
                file, "its hash is not " + entry.sha256.brief() + "..., as the data manifest says");
        }
        Series& series = entry.held_out ? shards.held_out_ : shards.training_;
        const uint64_t samples =
            entry.token_count == 0 ? 0 : (entry.token_count - 1) / sequence_tokens;
        series.parts.push_back({std::move(*map), series.samples, samples});
        series.samples += samples;
    }
    if (shards.training_.samples == 0) {
        return fail("the data set in " + folder.string() + " has no training sequence of " +
                    std::to_string(sequence_tokens) + " tokens");
    }
    return shards;
}

uint64_t TokenShards::sample_count() const {
    return training_.samples;
}
uint64_t TokenShards::held_out_count() const {
    return held_out_.samples;
}

Status TokenShards::read(const Series& series,
                         std::span<const uint64_t> samples,
                         std::vector<int32_t>& out) const {
    const size_t before = out.size();
    out.reserve(before + samples.size() * (sequence_tokens_ + uint64_t{1}));
    for (const uint64_t sample : samples) {
        if (sample >= series.samples) {
            out.resize(before);
            return fail("sample " + std::to_string(sample) + " does not exist: there are " +
                        std::to_string(series.samples));
        }
        // The last part that begins at or before the sample; empty parts begin where the next does.
        auto part = std::upper_bound(
            series.parts.begin(),
            series.parts.end(),
            sample,
            [](uint64_t wanted, const Part& candidate) { return wanted < candidate.first_sample; });
        --part;
        ASSAY_CHECK_LT(sample - part->first_sample, part->samples);
        const uint64_t first = (sample - part->first_sample) * sequence_tokens_;
        for (uint64_t i = first; i <= first + sequence_tokens_; ++i) {
            const uint32_t token = part->map->token(i);
            if (token >= vocab_size_) {
                out.resize(before);
                return fail("sample " + std::to_string(sample) + " has the token " +
                            std::to_string(token) + ", outside the vocabulary of " +
                            std::to_string(vocab_size_) + ": the shard is damaged");
            }
            out.push_back(static_cast<int32_t>(token));
        }
    }
    return {};
}

Status TokenShards::read_samples(std::span<const uint64_t> samples,
                                 std::vector<int32_t>& out) const {
    return read(training_, samples, out);
}

Status TokenShards::read_held_out(std::span<const uint64_t> samples,
                                  std::vector<int32_t>& out) const {
    return read(held_out_, samples, out);
}

}  // namespace assay
