// Hugging Face folders: what is exported comes back bit for bit; hostile headers are refused.

#include "checkpoints/export.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/rng.h"
#include "tests/support/bytes_tokenizer.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

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
        const ScratchFolder scratch;
        const fs::path folder = scratch.file("hf");
        const Snapshot snapshot = made_snapshot(tied);
        REQUIRE(export_hugging_face(snapshot, "{}", folder).ok());
        Result<Snapshot> back = import_hugging_face(folder);
        REQUIRE(back.ok());
        CHECK(back->shape == snapshot.shape);
        CHECK(back->theta == snapshot.theta);
        for (const char* name : {"tokenizer.json", "tokenizer_config.json", "README.md"}) {
            CHECK(fs::exists(folder / name));
        }
    }
}

TEST_CASE("an export names the end of text as end and as beginning", "[checkpoints]") {
    const ScratchFolder scratch;
    const fs::path folder = scratch.file("hf");
    const auto read = [&](const char* name) {
        return nlohmann::json::parse(*read_text_file(folder / name, 1U << 20));
    };
    REQUIRE(export_hugging_face(made_snapshot(true), bytes_tokenizer().json(), folder).ok());
    for (const char* file : {"config.json", "generation_config.json"}) {
        CHECK(read(file)["bos_token_id"] == 256);
        CHECK(read(file)["eos_token_id"] == 256);
    }
    for (const char* file : {"tokenizer_config.json", "special_tokens_map.json"}) {
        CHECK(read(file)["bos_token"] == kEndOfText);
        CHECK(read(file)["eos_token"] == kEndOfText);
    }
    const std::string other =
        Tokenizer::from_parts(
            {*Bpe::from_merges({}), PreTokenizer::gpt2(), {{256, {"<pad>"}}, {257, {"<stop>"}}}})
            ->json();
    CHECK(export_hugging_face(made_snapshot(true), other, folder).ok());
    CHECK(read("config.json")["eos_token_id"].is_null());
    CHECK(export_hugging_face(made_snapshot(true), other, folder, "<stop>").ok());
    CHECK(read("config.json")["bos_token_id"] == 257);
    CHECK_FALSE(export_hugging_face(made_snapshot(true), other, folder, "<eos>").ok());
}

TEST_CASE("an export's tokenizer puts no tokens around a text, as in training", "[checkpoints]") {
    const ScratchFolder scratch;
    const fs::path folder = scratch.file("hf");
    const auto exported = [&](const std::string& tokenizer) {
        REQUIRE(export_hugging_face(made_snapshot(true), tokenizer, folder).ok());
        return *read_text_file(folder / "tokenizer.json", 1U << 20);
    };
    const std::string plain = bytes_tokenizer().json();
    const std::string none = "\"post_processor\": null";
    REQUIRE(plain.find(none) != std::string::npos);
    const auto with = [&](const std::string& value) {
        std::string text = plain;
        return text.replace(plain.find(none), none.size(), "\"post_processor\": " + value);
    };
    CHECK(exported(plain) == plain);
    const std::string offsets = with(R"({"type": "ByteLevel", "trim_offsets": false})");
    CHECK(exported(offsets) == offsets);
    for (const char* value : {R"({"type": "TemplateProcessing", "single": []})",
                              R"({"type": "Sequence", "processors": []})",
                              R"({"type": 7})"}) {
        const std::string text = exported(with(value));
        CHECK(nlohmann::json::parse(text) == nlohmann::json::parse(plain));
        CHECK(Tokenizer::parse(text)->json() == plain);
    }
}

TEST_CASE("a folder that holds other files is no place for an export", "[checkpoints]") {
    const ScratchFolder scratch;
    const fs::path folder = scratch.file("hf");
    CHECK(check_export_folder(folder).ok());  // not there
    REQUIRE(make_folder(folder).ok());
    CHECK(check_export_folder(folder).ok());
    REQUIRE(export_hugging_face(made_snapshot(true), "{}", folder).ok());
    CHECK(check_export_folder(folder).ok());  // an older export
    REQUIRE(write_file_atomically(folder / "thesis.tex", as_bytes("mine")).ok());
    CHECK_THAT(check_export_folder(folder).reason(), Catch::Contains("thesis.tex"));
    fs::remove(folder / "thesis.tex");
    REQUIRE(write_file_atomically(folder / "README.md", as_bytes("# Their model")).ok());
    CHECK_THAT(check_export_folder(folder).reason(), Catch::Contains("no export of Assay"));
}

TEST_CASE("a hostile safetensors file is refused", "[checkpoints]") {
    const ScratchFolder scratch;
    const fs::path folder = scratch.file("hf");
    REQUIRE(export_hugging_face(made_snapshot(true), "{}", folder).ok());
    const fs::path file = folder / "model.safetensors";
    Result<Bytes> good = read_file(file, 1U << 24);
    REQUIRE(good.ok());
    const auto refused = [&](const Bytes& bytes) {
        REQUIRE(write_file_atomically(file, bytes).ok());
        const Result<Snapshot> back = import_hugging_face(folder);
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
