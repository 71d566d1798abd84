#include "data/shard_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/files.h"
#include "data/token_shards.h"

namespace assay {

namespace {

constexpr size_t kBufferBytes = 1 << 18;

Error write_error(const std::filesystem::path& file) {
    const int code = errno;
    return fail("cannot write " + file.string() + ": " + std::strerror(code) +
                (code == ENOSPC ? "; free some space on this disk and try again" : ""));
}

}  // namespace

// A file under its temporary name.
class ShardWriter::File {
public:
    explicit File(std::filesystem::path path)
        : path_(std::move(path)),
          temporary_(path_.string() + ".tmp." + std::to_string(::getpid())),
          fd_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {}
    ~File() {
        if (fd_ >= 0) {
            ::close(fd_);
            ::unlink(temporary_.c_str());
        }
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    Status put(ByteSpan bytes) {
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        return buffer_.size() >= kBufferBytes ? flush() : Status();
    }

    Status put_token(int32_t token, uint32_t token_bytes) {
        for (uint32_t i = 0; i < token_bytes; ++i) {
            buffer_.push_back(static_cast<uint8_t>(static_cast<uint32_t>(token) >> (8 * i)));
        }
        ++tokens_;
        return buffer_.size() >= kBufferBytes ? flush() : Status();
    }

    // Makes the file complete under its own name.
    Result<Digest> finish() {
        if (Status flushed = flush(); !flushed.ok()) {
            return flushed.error();
        }
        if (::fsync(fd_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
            return write_error(path_);
        }
        ::close(fd_);
        fd_ = -1;
        return hash_.finish();
    }

    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] uint64_t tokens() const { return tokens_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    Status flush() {
        hash_.add(buffer_);
        size_t done = 0;
        while (done < buffer_.size()) {
            const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
            if (n < 0 && errno == EINTR) {
                continue;
            }
            if (n < 0) {
                return write_error(path_);
            }
            done += static_cast<size_t>(n);
        }
        buffer_.clear();
        return {};
    }

    std::filesystem::path path_;
    std::filesystem::path temporary_;
    int fd_;
    Bytes buffer_;
    Sha256 hash_;
    uint64_t tokens_ = 0;
};

ShardWriter::ShardWriter(std::filesystem::path folder,
                         std::string prefix,
                         bool held_out,
                         uint32_t vocab_size,
                         uint64_t shard_tokens)
    : folder_(std::move(folder)),
      prefix_(std::move(prefix)),
      held_out_(held_out),
      vocab_size_(vocab_size),
      shard_tokens_(shard_tokens) {
    ASSAY_CHECK(shard_tokens > 0);
    ASSAY_CHECK(vocab_size > 0);
}

ShardWriter::~ShardWriter() = default;

Status ShardWriter::start_file() {
    char number[32];
    std::snprintf(number, sizeof(number), "-%05zu.tokens", entries_.size());
    file_ = std::make_unique<File>(folder_ / (prefix_ + number));
    if (!file_->is_open()) {
        return write_error(file_->path());
    }
    return file_->put(shard_header(vocab_size_));
}

Status ShardWriter::end_file() {
    const Result<Digest> digest = file_->finish();
    if (!digest) {
        return digest.error();
    }
    ASSAY_CHECK(file_->tokens() > 0 && file_->tokens() <= shard_tokens_);
    entries_.push_back({file_->path().filename().string(), *digest, file_->tokens(), held_out_});
    file_.reset();
    return {};
}

Status ShardWriter::append(std::span<const int32_t> tokens) {
    ASSAY_CHECK(!finished_);
    const uint32_t token_bytes = token_bytes_of(vocab_size_);
    for (const int32_t token : tokens) {
        ASSAY_CHECK(token >= 0 && static_cast<uint32_t>(token) < vocab_size_);
        Status done = file_ ? Status() : start_file();
        if (done.ok()) {
            done = file_->put_token(token, token_bytes);
        }
        if (done.ok() && file_->tokens() == shard_tokens_) {
            done = end_file();
        }
        if (!done.ok()) {
            return done;
        }
        ++token_count_;
    }
    return {};
}

Result<std::vector<ShardEntry>> ShardWriter::finish() {
    ASSAY_CHECK(!finished_);
    finished_ = true;
    if (file_) {
        if (Status ended = end_file(); !ended.ok()) {
            return ended.error();
        }
    }
    if (Status synced = sync_folder(folder_); !synced.ok()) {
        return synced.error();
    }
    return std::move(entries_);
}

}  // namespace assay
