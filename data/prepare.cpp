#include "data/prepare.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "core/check.h"
#include "core/files.h"
#include "core/rng.h"
#include "data/shard_writer.h"
#include "tokenizer/tokenizer.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

// Deals a stream of tokens, block by block, to the two series.
class BlockSplitter {
public:
    BlockSplitter(const PrepareOptions& options, const fs::path& folder, uint32_t vocab_size)
        : options_(options),
          training_(folder, "train", false, vocab_size, options.shard_tokens),
          held_out_(folder, "held_out", true, vocab_size, options.shard_tokens),
          training_counts_(vocab_size, 0),
          held_out_counts_(vocab_size, 0) {}

    Status add(std::span<const int32_t> tokens) {
        while (!tokens.empty()) {
            ASSAY_CHECK_LT(in_block_, options_.block_tokens);
            const uint64_t room = options_.block_tokens - in_block_;
            const std::span<const int32_t> part =
                tokens.first(std::min<uint64_t>(room, tokens.size()));
            const bool held = is_held_out(block_, options_.held_out_every);
            std::vector<uint64_t>& counts = held ? held_out_counts_ : training_counts_;
            for (const int32_t token : part) {
                ++counts[static_cast<size_t>(token)];
            }
            if (Status written = (held ? held_out_ : training_).append(part); !written.ok()) {
                return written;
            }
            in_block_ += part.size();
            if (in_block_ == options_.block_tokens) {
                ++block_;
                in_block_ = 0;
            }
            tokens = tokens.subspan(part.size());
        }
        return {};
    }

    Status finish(PrepareReport& report) {
        report.training_tokens = training_.token_count();
        report.held_out_tokens = held_out_.token_count();
        if (report.training_tokens == 0 || report.held_out_tokens == 0) {
            return fail("the text is too short: it has " + std::to_string(report.training_tokens) +
                        " tokens to train on and " + std::to_string(report.held_out_tokens) +
                        " held out, in blocks of " + std::to_string(options_.block_tokens));
        }
        for (ShardWriter* writer : {&training_, &held_out_}) {
            Result<std::vector<ShardEntry>> entries = writer->finish();
            if (!entries) {
                return entries.error();
            }
            report.manifest.shards.insert(
                report.manifest.shards.end(), entries->begin(), entries->end());
        }
        report.manifest.unigram_entropy = unigram_entropy(training_counts_, held_out_counts_);
        return {};
    }

private:
    const PrepareOptions& options_;
    ShardWriter training_;
    ShardWriter held_out_;
    std::vector<uint64_t> training_counts_;
    std::vector<uint64_t> held_out_counts_;
    uint64_t block_ = 0;
    uint64_t in_block_ = 0;
};

Status check_options(const PrepareOptions& options) {
    if (options.shard_tokens < 1 || options.block_tokens < 1) {
        return fail("a shard and a block need at least one token");
    }
    if (options.held_out_every < 2) {
        return fail("held_out_every is " + std::to_string(options.held_out_every) +
                    "; at least 2, or nothing is left to train on");
    }
    return {};
}

// Whether <|endoftext|> is no token itself, but ends documents all the same.
bool has_own_mark(const Tokenizer& tokenizer) {
    return tokenizer.end_of_text() && !tokenizer.added_id(kEndOfText);
}

// Tokens of one block of text, document ends included.
std::vector<int32_t> encode_documents(const Tokenizer& tokenizer, std::string_view text) {
    if (!has_own_mark(tokenizer)) {
        return tokenizer.encode_marked(text);
    }
    std::vector<int32_t> ids;
    for (;;) {
        const size_t mark = text.find(kEndOfText);
        const std::vector<int32_t> part = tokenizer.encode_marked(text.substr(0, mark));
        ids.insert(ids.end(), part.begin(), part.end());
        if (mark == std::string_view::npos) {
            return ids;
        }
        ids.push_back(*tokenizer.end_of_text());
        text.remove_prefix(mark + kEndOfText.size());
    }
}

// What no block of text may end in.
AddedTokenMap marks_of(const Tokenizer& tokenizer) {
    AddedTokenMap marks = tokenizer.parts().added;
    if (has_own_mark(tokenizer)) {
        marks[-1] = {std::string(kEndOfText)};
    }
    return marks;
}

Status stream_text(Corpus& corpus,
                   const Tokenizer& tokenizer,
                   BlockSplitter& splitter,
                   const std::function<void(double)>& progress) {
    corpus.keep_whole(marks_of(tokenizer));
    for (;;) {
        const Result<std::optional<CorpusPart>> part = corpus.next_part();
        if (!part) {
            return part.error();
        }
        if (!*part) {
            return {};
        }
        std::vector<int32_t> ids = encode_documents(tokenizer, (*part)->text);
        if ((*part)->ends_document && tokenizer.end_of_text()) {
            ids.push_back(*tokenizer.end_of_text());
        }
        if (Status added = splitter.add(ids); !added.ok()) {
            return added;
        }
        if (progress) {
            progress(corpus.progress());
        }
    }
}

// Where the files of a data set are made; it and what is left in it goes with the object.
class WorkFolder {
public:
    explicit WorkFolder(const fs::path& folder)
        : path_(folder / (std::string(kPrefix) + std::to_string(::getpid()))),
          is_new_(!fs::exists(folder)) {}
    ~WorkFolder() {
        std::error_code code;
        fs::remove_all(path_, code);
        if (is_new_) {
            fs::remove(path_.parent_path(), code);  // unless a data set lies there now
        }
    }
    WorkFolder(const WorkFolder&) = delete;
    WorkFolder& operator=(const WorkFolder&) = delete;

    [[nodiscard]] const fs::path& path() const { return path_; }
    [[nodiscard]] Status make() const {
        remove_left(path_.parent_path());
        return make_folder(path_);
    }

private:
    static constexpr std::string_view kPrefix = ".being-prepared-";

    // Those of processes that were killed.
    static void remove_left(const fs::path& folder) {
        std::error_code code;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with(kPrefix)) {
                const int process = std::atoi(name.c_str() + kPrefix.size());
                if (process <= 0 || (::kill(process, 0) != 0 && errno == ESRCH)) {
                    fs::remove_all(entry.path(), code);
                }
            }
        }
    }

    fs::path path_;
    bool is_new_;
};

Status move_file(const fs::path& from, const fs::path& to) {
    std::error_code code;
    fs::rename(from, to, code);
    if (code) {
        return fail("cannot move " + from.string() + " to " + to.string() + ": " + code.message());
    }
    return {};
}

// The set that is whole in `from` takes the place of the one in `to`; the manifest goes first and
// comes last.
Status replace_data_set(const fs::path& from, const fs::path& to, const DataManifest& made) {
    const Result<DataManifest> old = load_data_manifest(to);
    std::error_code code;
    fs::remove(to / kDataManifestFile, code);
    if (code) {
        return fail("cannot remove the old " + (to / kDataManifestFile).string() + ": " +
                    code.message());
    }
    if (old.ok()) {
        for (const ShardEntry& shard : old->shards) {
            fs::remove(to / shard.file, code);
        }
    }
    for (const ShardEntry& shard : made.shards) {
        if (Status moved = move_file(from / shard.file, to / shard.file); !moved.ok()) {
            return moved;
        }
    }
    if (Status synced = sync_folder(to); !synced.ok()) {
        return synced;
    }
    if (Status moved = move_file(from / kDataManifestFile, to / kDataManifestFile); !moved.ok()) {
        return moved;
    }
    return sync_folder(to);
}

Result<Tokenizer> tokenizer_of(const PrepareOptions& options, const Bytes& file) {
    Result<Tokenizer> tokenizer = Tokenizer::parse(to_text(file));
    if (tokenizer.ok() && !options.end_token.empty()) {
        tokenizer = tokenizer->with_end_of_text(options.end_token);
    }
    if (!tokenizer) {
        return fail(options.tokenizer.string() + ": " + tokenizer.reason());
    }
    return tokenizer;
}

}  // namespace

bool is_held_out(uint64_t block, uint64_t held_out_every) {
    ASSAY_CHECK(held_out_every > 1);
    const uint64_t group = block / held_out_every;
    CounterRng rng(derive_seed({}, "held out", {group}));
    // In the first group an early one, so that short texts have their held-out part too.
    const uint64_t among = group == 0 ? std::min<uint64_t>(held_out_every, 4) : held_out_every;
    return block % held_out_every == rng.below(among);
}

double unigram_entropy(std::span<const uint64_t> training_counts,
                       std::span<const uint64_t> held_out_counts) {
    ASSAY_CHECK_EQ(training_counts.size(), held_out_counts.size());
    double training_total = static_cast<double>(training_counts.size());
    double held_out_total = 0;
    for (size_t i = 0; i < training_counts.size(); ++i) {
        training_total += static_cast<double>(training_counts[i]);
        held_out_total += static_cast<double>(held_out_counts[i]);
    }
    double nats = 0;
    for (size_t i = 0; i < training_counts.size(); ++i) {
        const double probability = (static_cast<double>(training_counts[i]) + 1) / training_total;
        nats -= static_cast<double>(held_out_counts[i]) * std::log(probability);
    }
    return held_out_total == 0 ? 0 : nats / held_out_total;
}

Result<PrepareReport> prepare_data(const PrepareOptions& options,
                                   const std::function<void(double)>& progress) {
    if (Status checked = check_options(options); !checked.ok()) {
        return checked.error();
    }
    const Result<Bytes> tokenizer_file = read_file(options.tokenizer, Tokenizer::kFileBytesMax);
    if (!tokenizer_file) {
        return tokenizer_file.error();
    }
    const Result<Tokenizer> tokenizer = tokenizer_of(options, *tokenizer_file);
    if (!tokenizer) {
        return tokenizer.error();
    }
    Result<Corpus> corpus = Corpus::open(options.corpus);
    if (!corpus) {
        return corpus.error();
    }
    const WorkFolder work(options.folder);
    if (Status made = work.make(); !made.ok()) {
        return made.error();
    }
    PrepareReport report;
    report.manifest.vocab_size = static_cast<uint32_t>(tokenizer->vocab_size());
    report.manifest.tokenizer = sha256_plain(*tokenizer_file);
    report.ends_documents = tokenizer->end_of_text().has_value();
    if (!options.end_token.empty()) {
        report.manifest.end_token = static_cast<uint32_t>(*tokenizer->end_of_text());
    }
    BlockSplitter splitter(options, work.path(), report.manifest.vocab_size);
    Status done = stream_text(*corpus, *tokenizer, splitter, progress);
    if (done.ok()) {
        done = splitter.finish(report);
    }
    if (done.ok()) {
        done = write_file_atomically(work.path() / kDataManifestFile,
                                     as_bytes(encode_data_manifest(report.manifest)));
    }
    if (done.ok()) {
        done = replace_data_set(work.path(), options.folder, report.manifest);
    }
    if (!done.ok()) {
        return done.error();
    }
    report.corpus = corpus->counts();
    return report;
}

}  // namespace assay
