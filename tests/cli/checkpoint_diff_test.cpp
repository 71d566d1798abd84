// `assay checkpoint diff` on files and folders: what it takes, and how it ends.

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "checkpoints/export.h"
#include "checkpoints/snapshot_store.h"
#include "cli/commands.h"
#include "core/files.h"
#include "tests/checkpoints/made_snapshot.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

int run_diff(const std::vector<std::string>& arguments) {
    std::vector<const char*> words = {"assay", "checkpoint", "diff"};
    for (const std::string& argument : arguments) {
        words.push_back(argument.c_str());
    }
    CommandLine line("assay", "", "");
    add_checkpoint_diff(line);
    return line.run(static_cast<int>(words.size()), words.data());
}

}  // namespace

TEST_CASE("a run, its snapshot and its export are equal; another round is different") {
    const ScratchFolder scratch;
    const fs::path run = scratch.path() / "run";
    const fs::path other = scratch.path() / "other";
    const fs::path exported = scratch.path() / "hf";
    const Snapshot snapshot = made_tiny_snapshot();
    fs::create_directories(run);
    fs::create_directories(other);
    const Result<SnapshotStore> store = SnapshotStore::open(run / "snapshots");
    REQUIRE(store.ok());
    REQUIRE(store->save(snapshot).ok());
    REQUIRE(SnapshotStore::open(other / "snapshots")->save(made_tiny_snapshot(true, 2)).ok());
    REQUIRE(export_hugging_face(snapshot, "{}", exported).ok());

    CHECK(run_diff({run.string(), store->list().front().string()}) == 0);
    CHECK(run_diff({run.string(), exported.string()}) == 0);
    const fs::path json = scratch.path() / "diff.json";
    CHECK(run_diff({other.string(), exported.string(), "--json", json.string()}) == 1);
    const Result<std::string> text = read_text_file(json, 1U << 20);
    REQUIRE(text.ok());
    CHECK(nlohmann::json::parse(*text).at("equal") == false);
}

TEST_CASE("what cannot be compared ends with 2, as diff does") {
    const ScratchFolder scratch;
    const fs::path tied = scratch.path() / "tied";
    const fs::path untied = scratch.path() / "untied";
    REQUIRE(export_hugging_face(made_tiny_snapshot(true), "{}", tied).ok());
    REQUIRE(export_hugging_face(made_tiny_snapshot(false), "{}", untied).ok());
    CHECK(run_diff({tied.string(), untied.string()}) == 2);
    CHECK(run_diff({tied.string(), (scratch.path() / "absent").string()}) == 2);
    CHECK(run_diff({scratch.path().string(), tied.string()}) == 2);
    CHECK(run_diff({tied.string()}) == 2);
}

}  // namespace assay
