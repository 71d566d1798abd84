// Data manifests, shards on disk, and text made into them.

#include "data/token_shards.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/rng.h"
#include "data/prepare.h"
#include "data/shard_writer.h"
#include "tests/support/bytes_tokenizer.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shared_text.h"
#include "tokenizer/tokenizer.h"

namespace assay {
namespace {

using Ids = std::vector<int32_t>;

Ids counting(int32_t from, int32_t count) {
    Ids ids;
    for (int32_t i = 0; i < count; ++i) {
        ids.push_back(from + i);
    }
    return ids;
}

DataManifest write_shards(const ScratchFolder& scratch,
                          uint32_t vocab_size,
                          uint64_t shard_tokens,
                          const Ids& training,
                          const Ids& held_out) {
    DataManifest manifest;
    manifest.vocab_size = vocab_size;
    manifest.unigram_entropy = 1.5;
    ShardWriter train(scratch.path(), "train", false, vocab_size, shard_tokens);
    ShardWriter held(scratch.path(), "held_out", true, vocab_size, shard_tokens);
    REQUIRE(train.append(training).ok());
    REQUIRE(held.append(held_out).ok());
    for (ShardWriter* writer : {&train, &held}) {
        const Result<std::vector<ShardEntry>> entries = writer->finish();
        REQUIRE(entries.ok());
        manifest.shards.insert(manifest.shards.end(), entries->begin(), entries->end());
    }
    return manifest;
}

std::string prose(size_t words) {
    CounterRng rng(derive_seed({}, "prose"));
    std::string text;
    for (size_t i = 0; i < words; ++i) {
        const uint64_t size = 1 + rng.below(9);
        for (uint64_t k = 0; k < size; ++k) {
            text.push_back("etaoinshrdlu"[rng.below(12)]);
        }
        text += i % 11 == 10 ? ".\n" : " ";
    }
    return text;
}

size_t files_in(const std::filesystem::path& folder) {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        static_cast<void>(entry);
        ++count;
    }
    return count;
}

// All tokens of the training samples, each window without its last.
Ids all_samples(const TokenShards& shards, bool held_out) {
    Ids all;
    const uint64_t count = held_out ? shards.held_out_count() : shards.sample_count();
    for (uint64_t i = 0; i < count; ++i) {
        Ids window;
        const std::vector<uint64_t> sample = {i};
        REQUIRE(
            (held_out ? shards.read_held_out(sample, window) : shards.read_samples(sample, window))
                .ok());
        all.insert(all.end(), window.begin(), window.end() - 1);
    }
    return all;
}

}  // namespace

TEST_CASE("the data manifest round-trips, and nothing else is accepted", "[shards]") {
    DataManifest manifest;
    manifest.vocab_size = 1024;
    manifest.unigram_entropy = 3.73;
    manifest.tokenizer = sha256("x", {});
    manifest.shards = {{"train-00000.tokens", sha256("a", {}), 1000, false},
                       {"held_out-00000.tokens", sha256("b", {}), 20, true}};
    const std::string text = encode_data_manifest(manifest);
    REQUIRE(*parse_data_manifest(text) == manifest);
    for (size_t cut = 0; cut < text.size(); ++cut) {
        const Result<DataManifest> parsed = parse_data_manifest(text.substr(0, cut));
        REQUIRE((!parsed.ok() || encode_data_manifest(*parsed) == text.substr(0, cut)));
    }
    const auto refusal = [&](const std::string& from, const std::string& to) {
        std::string changed = text;
        REQUIRE(changed.find(from) != std::string::npos);
        changed.replace(changed.find(from), from.size(), to);
        const Result<DataManifest> parsed = parse_data_manifest(changed);
        REQUIRE_FALSE(parsed.ok());
        return parsed.reason();
    };
    REQUIRE_THAT(refusal("train-00000.tokens", "../etc/passwd"), Catch::Contains("line 5"));
    REQUIRE_THAT(refusal("train-00000.tokens", ".hidden"), Catch::Contains("line 5"));
    REQUIRE_THAT(refusal("held_out-00000.tokens", "train-00000.tokens"), Catch::Contains("twice"));
    REQUIRE_THAT(refusal("vocab_size 1024", "vocab_size 0"), Catch::Contains("allowed"));
    REQUIRE_THAT(refusal("vocab_size 1024", "vocab_size 01024"), Catch::Contains("canonical"));
    REQUIRE_THAT(refusal(" 1000 train", " 99999999999999999 train"), Catch::Contains("line 5"));
    REQUIRE_THAT(refusal(" 1000 train", " 1000 other"), Catch::Contains("line 5"));
    REQUIRE_THAT(refusal("manifest 1", "manifest 2"), Catch::Contains("no data manifest"));
}

TEST_CASE("samples are windows of T + 1 tokens that overlap by one", "[shards]") {
    const ScratchFolder scratch;
    const DataManifest manifest =
        write_shards(scratch, 60000, 25, counting(0, 60), counting(1000, 11));
    REQUIRE(manifest.shards.size() == 4);  // 25 + 25 + 10, and 11
    const Result<TokenShards> shards = TokenShards::open(scratch.path(), manifest, 5, true);
    INFO((shards.ok() ? "" : shards.reason()));
    REQUIRE(shards.ok());
    REQUIRE(shards->sample_count() == 4 + 4 + 1);
    REQUIRE(shards->held_out_count() == 2);
    Ids out = {7};
    REQUIRE(shards->read_samples(std::vector<uint64_t>{0, 4, 8}, out).ok());
    REQUIRE(out == Ids{7, 0, 1, 2, 3, 4, 5, 25, 26, 27, 28, 29, 30, 50, 51, 52, 53, 54, 55});
    out.clear();
    REQUIRE(shards->read_held_out(std::vector<uint64_t>{1}, out).ok());
    REQUIRE(out == Ids{1005, 1006, 1007, 1008, 1009, 1010});
    out = {9};
    REQUIRE_THAT(shards->read_samples(std::vector<uint64_t>{0, 9}, out).reason(),
                 Catch::Contains("sample 9 does not exist"));
    REQUIRE(out == Ids{9});
    REQUIRE(TokenShards::open(scratch.path(), manifest, 24, true)->sample_count() == 2);
    REQUIRE_THAT(TokenShards::open(scratch.path(), manifest, 25, true).reason(),
                 Catch::Contains("no training sequence of 25"));
}

TEST_CASE("large vocabularies take four bytes a token", "[shards]") {
    const ScratchFolder scratch;
    const Ids training = {0, 65535, 65536, 99999, 5, 6};
    const DataManifest manifest = write_shards(scratch, 100000, 100, training, counting(0, 6));
    REQUIRE(std::filesystem::file_size(scratch.file("train-00000.tokens")) == 64 + 4 * 6);
    const Result<TokenShards> shards = TokenShards::open(scratch.path(), manifest, 5, true);
    Ids out;
    REQUIRE(shards->read_samples(std::vector<uint64_t>{0}, out).ok());
    REQUIRE(out == training);
    REQUIRE(token_bytes_of(65536) == 2);
    REQUIRE(token_bytes_of(65537) == 4);
}

TEST_CASE("damaged and missing shards are refused by name", "[shards]") {
    const ScratchFolder scratch;
    const DataManifest manifest =
        write_shards(scratch, 1000, 100, counting(0, 60), counting(0, 10));
    const std::filesystem::path file = scratch.file("train-00000.tokens");
    const Bytes good = *read_file(file, 1 << 20);
    const auto refusal = [&](const Bytes& bytes, bool verify) {
        write_text(file, to_text(bytes));
        const Result<TokenShards> shards = TokenShards::open(scratch.path(), manifest, 5, verify);
        REQUIRE_FALSE(shards.ok());
        REQUIRE_THAT(shards.reason(), Catch::Contains("train-00000.tokens"));
        return shards.reason();
    };
    Bytes changed = good;
    changed[100] ^= 1;
    REQUIRE_THAT(refusal(changed, true), Catch::Contains("hash"));
    changed = good;
    changed.pop_back();
    REQUIRE_THAT(refusal(changed, false), Catch::Contains("183 bytes instead of 184"));
    changed = good;
    changed[0] = 'X';
    REQUIRE_THAT(refusal(changed, false), Catch::Contains("header"));
    changed = good;
    changed[64 + 7] = 0xff;  // token 3 becomes 65283
    write_text(file, to_text(changed));
    const Result<TokenShards> unchecked = TokenShards::open(scratch.path(), manifest, 5, false);
    Ids out;
    REQUIRE_THAT(unchecked->read_samples(std::vector<uint64_t>{0}, out).reason(),
                 Catch::Contains("outside the vocabulary"));
    REQUIRE(out.empty());
    std::filesystem::remove(file);
    REQUIRE_THAT(TokenShards::open(scratch.path(), manifest, 5, false).reason(),
                 Catch::Contains("No such file"));
}

TEST_CASE("an unfinished writer leaves nothing behind", "[shards]") {
    const ScratchFolder scratch;
    {
        ShardWriter writer(scratch.path(), "train", false, 1000, 1000);
        REQUIRE(writer.append(counting(0, 10)).ok());
        REQUIRE(files_in(scratch.path()) == 1);
    }
    REQUIRE(files_in(scratch.path()) == 0);
    ShardWriter nowhere(scratch.file("none"), "train", false, 1000, 1000);
    REQUIRE_THAT(nowhere.append(counting(0, 1)).reason(), Catch::Contains("cannot write"));
}

TEST_CASE("one block of each group is held out", "[shards]") {
    std::set<uint64_t> places;
    for (uint64_t group = 0; group < 200; ++group) {
        uint64_t held = 0;
        for (uint64_t i = 0; i < 50; ++i) {
            if (is_held_out(group * 50 + i, 50)) {
                ++held;
                places.insert(i);
                REQUIRE((group > 0 || i < 4));
            }
        }
        REQUIRE(held == 1);
    }
    REQUIRE(places.size() > 40);
}

TEST_CASE("the unigram entropy is that of the smoothed distribution", "[shards]") {
    const std::vector<uint64_t> training = {7, 1, 0};
    const std::vector<uint64_t> held_out = {2, 1, 1};
    const double expected = -(2 * std::log(8.0 / 11) + std::log(2.0 / 11) + std::log(1.0 / 11)) / 4;
    REQUIRE(unigram_entropy(training, held_out) == Approx(expected));
    REQUIRE(unigram_entropy(std::vector<uint64_t>(256, 0), std::vector<uint64_t>(256, 3)) ==
            Approx(std::log(256.0)));
}

TEST_CASE("text becomes shards that hold all its tokens, the same each time", "[shards]") {
    const ScratchFolder scratch;
    const std::string text = prose(20000);
    write_text(scratch.file("text"), text);
    TextSource learn = TextSource::from_text(text);
    const Result<Tokenizer> tokenizer = Tokenizer::train(learn, 400);
    REQUIRE(tokenizer.ok());
    REQUIRE(tokenizer->save(scratch.file("tokenizer.json")).ok());
    PrepareOptions options;
    options.corpus.inputs = {scratch.file("text")};
    options.tokenizer = scratch.file("tokenizer.json");
    options.folder = scratch.file("data");
    options.block_tokens = 100;
    options.shard_tokens = 20011;
    options.held_out_every = 10;
    double last = 0;
    const Result<PrepareReport> report = prepare_data(options, [&](double part) { last = part; });
    INFO((report.ok() ? "" : report.reason()));
    REQUIRE(report.ok());
    REQUIRE(last == 1.0);
    const Ids whole = tokenizer->encode(text);
    REQUIRE(report->training_tokens + report->held_out_tokens == whole.size() + 1);
    REQUIRE(report->corpus.bytes == text.size());
    REQUIRE(report->corpus.replaced == 0);
    const Result<DataManifest> loaded = load_data_manifest(options.folder);
    REQUIRE(loaded.ok());
    REQUIRE((*loaded == report->manifest));
    REQUIRE(loaded->unigram_entropy > 3);
    REQUIRE(loaded->unigram_entropy < std::log(400.0));

    Ids training;
    Ids held_out;
    for (size_t i = 0; i < whole.size(); ++i) {
        (is_held_out(i / 100, 10) ? held_out : training).push_back(whole[i]);
    }
    const Result<TokenShards> shards = TokenShards::open(options.folder, *loaded, 1, true);
    REQUIRE(shards.ok());
    const Ids read = all_samples(*shards, true);
    REQUIRE(std::equal(read.begin(), read.end(), held_out.begin()));
    REQUIRE(read.size() + 1 >= held_out.size());
    REQUIRE(report->manifest.shards.size() > 2);
    const Ids first(training.begin(), training.begin() + 20010);
    const Ids train_read = all_samples(*shards, false);
    REQUIRE(std::equal(first.begin(), first.end(), train_read.begin()));

    PrepareOptions again = options;
    again.folder = scratch.file("again");
    REQUIRE((prepare_data(again)->manifest == report->manifest));
}

TEST_CASE("documents end with the end-of-text token", "[shards]") {
    const ScratchFolder scratch;
    write_text(scratch.file("text"), "one<|endoftext|>two");
    REQUIRE(bytes_tokenizer().save(scratch.file("tokenizer.json")).ok());
    PrepareOptions options;
    options.corpus.inputs = {scratch.file("text")};
    options.tokenizer = scratch.file("tokenizer.json");
    options.folder = scratch.file("data");
    options.block_tokens = 1;
    options.held_out_every = 1000;  // one of the first four tokens
    const Result<PrepareReport> report = prepare_data(options);
    INFO((report.ok() ? "" : report.reason()));
    REQUIRE(report.ok());
    REQUIRE(report->training_tokens == 7);
    const Result<TokenShards> shards = TokenShards::open(options.folder, report->manifest, 6, true);
    Ids out;
    REQUIRE(shards->read_samples(std::vector<uint64_t>{0}, out).ok());
    Ids expected = {'o', 'n', 'e', 256, 't', 'w', 'o', 256};
    for (uint64_t i = 0; i < 4; ++i) {
        if (is_held_out(i, 1000)) {
            expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(i));
            break;
        }
    }
    REQUIRE(out == expected);
}

TEST_CASE("what cannot be prepared is refused and leaves what was there", "[shards]") {
    const ScratchFolder scratch;
    write_text(scratch.file("text"), "too short");
    REQUIRE(bytes_tokenizer().save(scratch.file("tokenizer.json")).ok());
    PrepareOptions options;
    options.corpus.inputs = {scratch.file("text")};
    options.tokenizer = scratch.file("tokenizer.json");
    options.folder = scratch.file("data");
    REQUIRE(make_folder(options.folder).ok());
    write_text(options.folder / kDataManifestFile, "old");
    REQUIRE_THAT(prepare_data(options).reason(), Catch::Contains("too short"));
    REQUIRE(files_in(options.folder) == 1);
    REQUIRE(*read_text_file(options.folder / kDataManifestFile, 100) == "old");
    options.held_out_every = 1;
    REQUIRE_THAT(prepare_data(options).reason(), Catch::Contains("at least 2"));
    options.held_out_every = 2;
    options.corpus.inputs = {scratch.file("none")};
    REQUIRE_THAT(prepare_data(options).reason(), Catch::Contains("No such file"));
    options.tokenizer = scratch.file("text");
    REQUIRE_THAT(prepare_data(options).reason(), Catch::Contains("JSON"));
}

}  // namespace assay
