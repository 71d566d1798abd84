// A coordinator's folder that is opened again: by its own settings and sources, or not at all.

#include "coordinator/run_folder.h"

#include <catch2/catch.hpp>

#include "core/files.h"
#include "tests/coordinator/run_sources.h"

namespace assay {

using Catch::Contains;

namespace fs = std::filesystem;

TEST_CASE("a refused change of a run's settings says which one differs", "[coordinator]") {
    const RunSourceFiles files;
    REQUIRE(files.open().ok());
    RunConfig config = small_run_config();
    config.rounds.rounds = 7;
    const Result<OpenedRun> refused = files.open(config);
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.reason(), Contains("(rounds.rounds is 7, was 3)"));
}

TEST_CASE("another data set or tokenizer for an old folder is refused", "[coordinator]") {
    const RunSourceFiles files;
    REQUIRE(files.open().ok());
    CHECK(files.open().ok());  // the same ones once more
    const fs::path other = files.prepare("other", "another text of many lines\n");
    const Result<OpenedRun> refused =
        open_run_folder(files.paths, small_run_config(), {other, files.tokenizer()});
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.reason(),
               Contains("--data: " + (other / kDataManifestFile).string()) &&
                   Contains("is not what the run in " + files.paths.root.string()));
    const std::string text = *read_text_file(files.tokenizer(), 1U << 20);
    const fs::path changed = files.scratch.file("changed.json");
    REQUIRE(write_file_atomically(changed, as_bytes(text + "\n")).ok());
    const Result<OpenedRun> again =
        open_run_folder(files.paths, small_run_config(), {files.data(), changed});
    REQUIRE_FALSE(again.ok());
    CHECK_THAT(again.reason(), Contains("--tokenizer: " + changed.string()));
}

// What the run was made of lies in its own folder; the command line stays as it was.
TEST_CASE("a run whose sources are gone goes on", "[coordinator]") {
    const RunSourceFiles files;
    REQUIRE(files.open().ok());
    fs::remove_all(files.data());
    fs::remove(files.tokenizer());
    CHECK(files.open().ok());
}

TEST_CASE("a coordinator writes nothing into a peer's folder", "[coordinator]") {
    const RunSourceFiles files;
    REQUIRE(make_folder(files.paths.root).ok());
    REQUIRE(write_file_atomically(files.paths.peer_key(), as_bytes("a key")).ok());
    CHECK_THAT(files.open().reason(), Contains("is a peer's folder (it has peer.key)"));
    const auto entries = fs::directory_iterator(files.paths.root);
    CHECK(std::distance(fs::begin(entries), fs::end(entries)) == 1);
}

}  // namespace assay
