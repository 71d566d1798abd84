// Hugging Face folders: what is exported comes back bit for bit; hostile headers are refused.

#include "checkpoints/export.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "core/files.h"
#include "core/rng.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

struct ExportFolder {
    ExportFolder()
        : path(fs::temp_directory_path() / ("assay-export-" + std::to_string(::getpid()))) {}
    ~ExportFolder() { fs::remove_all(path); }
    fs::path path;
};

Snapshot made_snapshot(bool tied) {
    Snapshot snapshot;
    snapshot.run_name = "export";
    snapshot.shape.vocab = 300;
    snapshot.shape.width = 16;
    snapshot.shape.layers = 1;
    snapshot.shape.heads = 2;
    snapshot.shape.kv_heads = 1;
    snapshot.shape.head_width = 8;
    snapshot.shape.ffn_width = 24;
    snapshot.shape.context = 16;
    snapshot.shape.tied = tied;
    snapshot.theta = initial_parameters(snapshot.shape, derive_seed(Digest{}, "export"));
    return snapshot;
}

TEST_CASE("import of an export gives the same bits", "[checkpoints]") {
    for (const bool tied : {true, false}) {
        const ExportFolder folder;
        const Snapshot snapshot = made_snapshot(tied);
        REQUIRE(export_hugging_face(snapshot, "{}", folder.path).ok());
        Result<Snapshot> back = import_hugging_face(folder.path);
        REQUIRE(back.ok());
        CHECK(back->shape == snapshot.shape);
        CHECK(back->theta == snapshot.theta);
        for (const char* name : {"tokenizer.json", "tokenizer_config.json", "README.md"}) {
            CHECK(fs::exists(folder.path / name));
        }
    }
}

TEST_CASE("a hostile safetensors file is refused", "[checkpoints]") {
    const ExportFolder folder;
    REQUIRE(export_hugging_face(made_snapshot(true), "{}", folder.path).ok());
    const fs::path file = folder.path / "model.safetensors";
    Result<Bytes> good = read_file(file, 1U << 24);
    REQUIRE(good.ok());
    const auto refused = [&](const Bytes& bytes) {
        REQUIRE(write_file_atomically(file, bytes).ok());
        const Result<Snapshot> back = import_hugging_face(folder.path);
        return !back.ok() && back.reason().find("model.safetensors") != std::string::npos;
    };
    Bytes long_header = *good;
    long_header[6] = 0xFF;
    CHECK(refused(long_header));
    CHECK(refused(Bytes(good->begin(), good->begin() + 5)));
    CHECK(refused(Bytes(good->begin(), good->end() - 4)));
    std::string text = to_text(*good);
    const size_t at = text.find("\"F32\"");
    text.replace(at, 5, "\"F16\"");
    CHECK(refused(Bytes(text.begin(), text.end())));
}

}  // namespace
}  // namespace assay
