#include "data/prepare.h"

#include <cmath>
#include <cstdio>
#include <fstream>

#include "core/files.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

// Appends tokens to shard files of one kind, hashing as it writes.
class ShardWriter {
public:
    ShardWriter(fs::path folder, std::string kind, uint32_t width, uint64_t shard_tokens)
        : folder_(std::move(folder)),
          kind_(std::move(kind)),
          width_(width),
          shard_tokens_(shard_tokens) {}

    Status add(const std::vector<int32_t>& tokens) {
        for (const int32_t token : tokens) {
            for (uint32_t byte = 0; byte < width_; ++byte) {
                buffer_.push_back(static_cast<uint8_t>(static_cast<uint32_t>(token) >> (8 * byte)));
            }
            ++count_;
            if (count_ == shard_tokens_) {
                if (Status written = finish(); !written) {
                    return written;
                }
            }
        }
        total_ += tokens.size();
        return {};
    }

    // The shard is in memory until it is whole: at most shard_tokens * width bytes.
    Status finish() {
        if (count_ == 0) {
            return {};
        }
        ShardEntry entry;
        char name[64];
        std::snprintf(name, sizeof(name), "%s-%05zu.tok", kind_.c_str(), entries_.size());
        entry.file = name;
        entry.token_count = count_;
        entry.held_out = kind_ == "held_out";
        Bytes bytes = shard_header(width_, count_);
        bytes.insert(bytes.end(), buffer_.begin(), buffer_.end());
        entry.sha256 = sha256_plain(bytes);
        if (Status written = write_file_atomically(folder_ / entry.file, bytes); !written) {
            return written;
        }
        entries_.push_back(entry);
        buffer_.clear();
        count_ = 0;
        return {};
    }

    [[nodiscard]] uint64_t total() const { return total_; }
    [[nodiscard]] const std::vector<ShardEntry>& entries() const { return entries_; }

private:
    fs::path folder_;
    std::string kind_;
    uint32_t width_;
    uint64_t shard_tokens_;
    Bytes buffer_;
    uint64_t count_ = 0;
    uint64_t total_ = 0;
    std::vector<ShardEntry> entries_;
};

struct Counts {
    explicit Counts(size_t vocabulary) : of(vocabulary, 0) {}
    void add(const std::vector<int32_t>& tokens) {
        for (const int32_t token : tokens) {
            ++of[static_cast<size_t>(token)];
        }
        total += tokens.size();
    }
    std::vector<uint64_t> of;
    uint64_t total = 0;
};

// Cross entropy of the held-out tokens under the training tokens' add-one frequencies.
double unigram_entropy(const Counts& train, const Counts& held_out) {
    if (held_out.total == 0) {
        return 0;
    }
    const double denominator = static_cast<double>(train.total + train.of.size());
    double sum = 0;
    for (size_t token = 0; token < train.of.size(); ++token) {
        const double probability = static_cast<double>(train.of[token] + 1) / denominator;
        sum -= static_cast<double>(held_out.of[token]) * std::log(probability);
    }
    return sum / static_cast<double>(held_out.total);
}

bool is_held_out(std::string_view block, uint32_t every) {
    const Digest digest = sha256("held out", as_bytes(block));
    ByteReader reader(digest.span());
    return reader.u64() % every == 0;
}

// Cuts at the last end of line within block_bytes, so that no word is cut where lines are short.
size_t block_length(std::string_view text, size_t block_bytes) {
    if (text.size() <= block_bytes) {
        return text.size();
    }
    const size_t line = text.rfind('\n', block_bytes - 1);
    if (line != std::string_view::npos && line > 0) {
        return line + 1;
    }
    size_t cut = block_bytes;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) {
        --cut;  // not inside a character
    }
    return cut == 0 ? block_bytes : cut;
}

class Preparer {
public:
    Preparer(const Tokenizer& tokenizer, const fs::path& folder, const PrepareSettings& settings)
        : tokenizer_(tokenizer),
          settings_(settings),
          width_(tokenizer.vocab_size() <= 65536 ? 2 : 4),
          train_(folder, "train", width_, settings.shard_tokens),
          held_out_(folder, "held_out", width_, settings.shard_tokens),
          train_counts_(static_cast<size_t>(tokenizer.vocab_size())),
          held_out_counts_(static_cast<size_t>(tokenizer.vocab_size())) {}

    Status add_text(std::string_view text) {
        while (!text.empty()) {
            const std::string_view block =
                text.substr(0, block_length(text, settings_.block_bytes));
            text.remove_prefix(block.size());
            if (Status added = add_block(block); !added) {
                return added;
            }
        }
        return {};
    }

    Result<DataManifest> finish() {
        for (ShardWriter* writer : {&train_, &held_out_}) {
            if (Status written = writer->finish(); !written) {
                return written.error();
            }
        }
        DataManifest manifest;
        manifest.vocab_size = static_cast<uint32_t>(tokenizer_.vocab_size());
        manifest.unigram_entropy = unigram_entropy(train_counts_, held_out_counts_);
        manifest.shards = train_.entries();
        manifest.shards.insert(
            manifest.shards.end(), held_out_.entries().begin(), held_out_.entries().end());
        return manifest;
    }

private:
    Status add_block(std::string_view block) {
        const std::vector<int32_t> tokens = tokenizer_.encode(block);
        const bool held_out = held_out_.total() < settings_.held_out_tokens_max &&
                              is_held_out(block, settings_.held_out_every);
        (held_out ? held_out_counts_ : train_counts_).add(tokens);
        return (held_out ? held_out_ : train_).add(tokens);
    }

    const Tokenizer& tokenizer_;
    PrepareSettings settings_;
    uint32_t width_;
    ShardWriter train_;
    ShardWriter held_out_;
    Counts train_counts_;
    Counts held_out_counts_;
};

}  // namespace

Result<DataManifest> prepare_data(TextSource& source,
                                  const Tokenizer& tokenizer,
                                  const fs::path& folder,
                                  const PrepareSettings& settings,
                                  const std::function<void(double)>& progress) {
    if (Status made = make_folder(folder); !made) {
        return made.error();
    }
    std::error_code ignored;
    fs::remove(folder / kDataManifestFile, ignored);  // what it listed is about to change
    Preparer preparer(tokenizer, folder, settings);
    while (true) {
        Result<std::string> text = source.next();
        if (!text) {
            return text.error();
        }
        if (text->empty()) {
            break;
        }
        if (Status added = preparer.add_text(*text); !added) {
            return added.error();
        }
        if (progress) {
            progress(source.progress());
        }
    }
    Result<DataManifest> manifest = preparer.finish();
    if (!manifest) {
        return manifest;
    }
    const Status written = write_file_atomically(folder / kDataManifestFile,
                                                 as_bytes(encode_data_manifest(*manifest)));
    if (!written) {
        return written.error();
    }
    return manifest;
}

}  // namespace assay
