// Where `serve` and `checkpoint export` look for a tokenizer.

#include "cli/snapshot_source.h"

#include <catch2/catch.hpp>

#include "core/files.h"
#include "data/data_manifest.h"
#include "tests/support/bytes_tokenizer.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

TEST_CASE("the tokenizer of a run is found from its folder and from one of its snapshots",
          "[cli]") {
    const ScratchFolder scratch;
    const auto run = scratch.path() / "run";
    REQUIRE(make_folder(run / "snapshots").ok());
    SnapshotSource of_folder;
    of_folder.folder = run.string();
    SnapshotSource of_file;
    of_file.snapshot = (run / "snapshots" / "round-7.h5").string();
    for (const SnapshotSource& source : {of_folder, of_file}) {
        const auto missing = tokenizer_file_of(source);
        REQUIRE_FALSE(missing.ok());
        CHECK_THAT(missing.reason(),
                   Catch::Contains("--tokenizer") && Catch::Contains(run.string()));
    }
    REQUIRE(write_file_atomically(run / "tokenizer.json", as_bytes("{}")).ok());
    for (const SnapshotSource& source : {of_folder, of_file}) {
        const auto found = tokenizer_file_of(source);
        REQUIRE(found.ok());
        CHECK(*found == run / "tokenizer.json");
    }
    of_file.tokenizer = "another.json";
    CHECK(*tokenizer_file_of(of_file) == "another.json");
}

TEST_CASE("the end of text that the data was made with is the run's", "[cli]") {
    const ScratchFolder scratch;
    const Tokenizer tokenizer = bytes_tokenizer();
    REQUIRE(make_folder(scratch.path() / "data").ok());
    REQUIRE(tokenizer.save(scratch.path() / "tokenizer.json").ok());
    SnapshotSource source;
    source.folder = scratch.path().string();
    DataManifest manifest;
    manifest.vocab_size = 257;
    const auto save = [&] {
        const std::string text = encode_data_manifest(manifest);
        REQUIRE(write_file_atomically(scratch.path() / "data" / kDataManifestFile, as_bytes(text))
                    .ok());
    };
    CHECK(end_token_of(source, tokenizer).empty());
    save();
    CHECK(end_token_of(source, tokenizer).empty());
    manifest.end_token = 256;
    save();
    CHECK(end_token_of(source, tokenizer) == kEndOfText);
    source.end_token = "<stop>";
    CHECK(end_token_of(source, tokenizer) == "<stop>");
    source.end_token = "";
    source.tokenizer = (scratch.path() / "tokenizer.json").string();
    CHECK(end_token_of(source, tokenizer).empty());  // another's: nothing is known of it
}

}  // namespace
}  // namespace assay
