// What `assay data prepare` does with a folder that is in use, with marks in the text, and without
// an end of text.

#include "data/prepare.h"

#include <catch2/catch.hpp>

#include "core/files.h"
#include "core/rng.h"
#include "data/token_shards.h"
#include "tests/support/bytes_tokenizer.h"
#include "tests/support/scratch_folder.h"
#include "tokenizer/tokenizer.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int32_t>;

void write(const fs::path& file, const std::string& text) {
    REQUIRE(write_file_atomically(file, as_bytes(text)).ok());
}

// Names of what lies in a folder, with contents.
std::map<std::string, std::string> contents_of(const fs::path& folder) {
    std::map<std::string, std::string> contents;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        contents[entry.path().filename().string()] =
            entry.is_directory() ? "a folder" : *read_text_file(entry.path(), 1U << 24);
    }
    return contents;
}

Tokenizer bytes_with(const std::vector<AddedToken>& tokens) {
    AddedTokenMap added;
    for (const AddedToken& token : tokens) {
        added.emplace(256 + static_cast<int32_t>(added.size()), token);
    }
    return *Tokenizer::from_parts({*Bpe::from_merges({}), PreTokenizer::gpt2(), added});
}

PrepareOptions options_in(const ScratchFolder& scratch,
                          const std::string& text,
                          const Tokenizer& tokenizer) {
    write(scratch.file("text"), text);
    REQUIRE(tokenizer.save(scratch.file("tokenizer.json")).ok());
    PrepareOptions options;
    options.corpus.inputs = {scratch.file("text")};
    options.tokenizer = scratch.file("tokenizer.json");
    options.folder = scratch.file("data");
    options.block_tokens = 16;
    return options;
}

// All tokens, in the order of the text.
Ids tokens_of(const PrepareOptions& options, const PrepareReport& report) {
    const auto read = [&](bool held_out, uint64_t count) {
        Ids ids;
        for (const ShardEntry& shard : report.manifest.shards) {
            const Result<Bytes> bytes = read_file(options.folder / shard.file, 1U << 26);
            REQUIRE(bytes.ok());
            if (shard.held_out == held_out) {
                for (size_t at = bytes->size() - 2 * shard.token_count; at < bytes->size();
                     at += 2) {
                    ids.push_back((*bytes)[at] | (*bytes)[at + 1] << 8);
                }
            }
        }
        REQUIRE(ids.size() == count);
        return ids;
    };
    const Ids training = read(false, report.training_tokens);
    const Ids held_out = read(true, report.held_out_tokens);
    Ids all;
    size_t trained = 0;
    size_t held = 0;
    while (trained < training.size() || held < held_out.size()) {
        const bool is_held = is_held_out(all.size() / options.block_tokens, options.held_out_every);
        all.push_back(is_held ? held_out.at(held++) : training.at(trained++));
    }
    return all;
}

const std::string kText(5000, 'a');

}  // namespace

TEST_CASE("a data set that is there survives whatever fails, and is replaced as a whole",
          "[prepare]") {
    const ScratchFolder scratch;
    PrepareOptions options = options_in(scratch, kText, bytes_tokenizer());
    options.shard_tokens = 1000;
    REQUIRE(prepare_data(options).ok());
    write(options.folder / "notes.txt", "mine");
    const auto before = contents_of(options.folder);
    REQUIRE(before.size() > 6);
    const std::string tar = std::string(257, 'x') + "ustar";
    for (const std::string& bad : {std::string("short"),
                                   std::string(),
                                   std::string("PAR1 and more"),
                                   kText + std::string(3, '\0'),
                                   tar}) {
        write(options.corpus.inputs.front(), bad);
        CHECK_FALSE(prepare_data(options).ok());
        CHECK(contents_of(options.folder) == before);
    }
    PrepareOptions fresh = options;
    fresh.folder = scratch.file("fresh");
    CHECK_FALSE(prepare_data(fresh).ok());
    CHECK_FALSE(fs::exists(fresh.folder));
    write(options.corpus.inputs.front(), kText.substr(0, 1500));
    const Result<PrepareReport> again = prepare_data(options);
    REQUIRE(again.ok());
    const auto after = contents_of(options.folder);
    CHECK(after.size() == again->manifest.shards.size() + 2);  // nothing of the old one
    CHECK(after.at("notes.txt") == "mine");
    CHECK(tokens_of(options, *again).size() == 1501);
}

TEST_CASE("a data manifest that names an end of text is read back, and no nonsense", "[prepare]") {
    DataManifest manifest;
    manifest.vocab_size = 300;
    const std::string without = encode_data_manifest(manifest);
    manifest.end_token = 299;
    const std::string text = encode_data_manifest(manifest);
    CHECK(text == without + "end_token 299\n");
    CHECK(*parse_data_manifest(text) == manifest);
    for (const char* line :
         {"end_token 300\n", "end_token -1\n", "end_token x\n", "end_token \n", "end_token 07\n"}) {
        CHECK_FALSE(parse_data_manifest(without + line).ok());
    }
}

TEST_CASE("what a killed one left is removed, another one's work is not", "[prepare]") {
    const ScratchFolder scratch;
    const PrepareOptions options = options_in(scratch, kText, bytes_tokenizer());
    const fs::path left = options.folder / ".being-prepared-999999999";
    const fs::path living = options.folder / ".being-prepared-1";
    REQUIRE(make_folder(left).ok());
    REQUIRE(make_folder(living).ok());
    REQUIRE(prepare_data(options).ok());
    CHECK_FALSE(fs::exists(left));
    CHECK(fs::exists(living));
}

TEST_CASE("added tokens in a text become their ids, on block borders too", "[prepare]") {
    const ScratchFolder scratch;
    const Tokenizer tokenizer = bytes_with(
        {{std::string(kEndOfText)}, {.content = "<think>", .special = false}, {"<eos>"}});
    std::string letters;
    while (letters.size() < (1U << 20)) {
        letters += "x1y2z3";
    }
    for (const char* mark : {"<|endoftext|>", "<think>", "<eos>"}) {
        const std::string text = letters.substr(0, (1U << 20) - 6) + mark + letters.substr(0, 1000);
        const PrepareOptions options = options_in(scratch, text, tokenizer);
        const Result<PrepareReport> report = prepare_data(options);
        REQUIRE(report.ok());
        Ids expected = tokenizer.encode_marked(text);
        expected.push_back(256);
        CHECK((tokens_of(options, *report) == expected));
        CHECK(std::count_if(
                  expected.begin(), expected.end(), [](int32_t id) { return id > 255; }) == 2);
    }
}

TEST_CASE("documents end under any name of the end, a named one, or are said not to", "[prepare]") {
    const ScratchFolder scratch;
    const std::string text = "one<|endoftext|>two<stop>" + kText;
    const auto with = [](Ids head) {
        head.insert(head.end(), kText.begin(), kText.end());
        return head;
    };
    const auto ids_of = [&](const Tokenizer& tokenizer, const std::string& end, bool ends) {
        PrepareOptions options = options_in(scratch, text, tokenizer);
        options.end_token = end;
        const Result<PrepareReport> report = prepare_data(options);
        INFO((report.ok() ? "" : report.reason()));
        REQUIRE(report.ok());
        CHECK(report->ends_documents == ends);
        CHECK(report->manifest.end_token.has_value() == !end.empty());
        CHECK(load_data_manifest(options.folder)->end_token == report->manifest.end_token);
        Ids ids = tokens_of(options, *report);
        if (ends) {
            CHECK(ids.back() > 255);
            ids.pop_back();
        }
        return ids;
    };
    const Tokenizer plain = bytes_with({{"<stop>"}});
    const Tokenizer other = bytes_with({{"<stop>"}, {"<eos>"}});
    Ids marks = {'o', 'n', 'e'};
    for (const char c : kEndOfText) {
        marks.push_back(c);
    }
    for (const int32_t id : {int32_t{'t'}, int32_t{'w'}, int32_t{'o'}, 256}) {
        marks.push_back(id);
    }
    CHECK((ids_of(plain, "", false) == with(marks)));  // text, as Hugging Face has it
    CHECK((ids_of(plain, "<stop>", true) == with({'o', 'n', 'e', 256, 't', 'w', 'o', 256})));
    CHECK((ids_of(other, "", true) == with({'o', 'n', 'e', 257, 't', 'w', 'o', 256})));
    PrepareOptions options = options_in(scratch, text, plain);
    options.folder = scratch.file("new");
    options.end_token = "<eos>";
    CHECK_THAT(prepare_data(options).reason(),
               Catch::Contains("no added token <eos>") && Catch::Contains("tokenizer.json"));
}

}  // namespace assay
