// `assay checkpoint info|verify|export|logits`: what is in a snapshot, whether it is whole, and
// out.

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "checkpoints/export.h"
#include "checkpoints/gguf.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/snapshot_source.h"
#include "core/files.h"
#include "model/decoder.h"
#include "tokenizer/tokenizer.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

struct CheckpointCommand {
    SnapshotSource source;
    std::string out = "export";
    std::string gguf;
    bool force = false;
    std::string tokens = "1,2,3";
    std::string json_file;
};

int info(const CheckpointCommand& command) {
    Result<Snapshot> snapshot = load_from(command.source);
    if (!snapshot) {
        return failed(snapshot.reason());
    }
    std::printf("%s", describe_snapshot(*snapshot).c_str());
    if (command.json_file.empty()) {
        return kExitOk;
    }
    const std::string json = snapshot_json(*snapshot);
    const Status written = write_file_atomically(command.json_file, as_bytes(json));
    return written ? kExitOk : failed(written.reason());
}

int verify(const CheckpointCommand& command) {
    std::vector<fs::path> files = {command.source.snapshot};
    if (command.source.snapshot.empty()) {
        Result<SnapshotStore> store = open_snapshots(command.source);
        if (!store) {
            return failed(store.reason());
        }
        files = store->list();
    }
    int damaged = 0;
    for (const fs::path& file : files) {
        Result<Snapshot> snapshot = load_snapshot(file);
        damaged += snapshot ? 0 : 1;
        std::printf("%s\n",
                    snapshot ? ("ok   " + file.filename().string()).c_str()
                             : ("BAD  " + snapshot.reason()).c_str());
    }
    if (files.empty()) {
        return failed("there is no snapshot yet");
    }
    return damaged == 0 ? kExitOk : kExitVerification;
}

// What readers of the export have to be told.
void note_end_token(const Result<Tokenizer>& tokenizer, const std::string& end_token) {
    if (!tokenizer) {
        std::printf("note: no end-of-text token is named: %s\n", tokenizer.reason().c_str());
    } else if (!tokenizer->end_of_text() && end_token.empty()) {
        std::printf(
            "note: the tokenizer has no end-of-text token that is known by name, so that "
            "none is named; name it with --end-token\n");
    }
}

int export_model(const CheckpointCommand& command) {
    if (Status ours = check_export_folder(command.out); !ours && !command.force) {
        return failed(ours.reason() +
                      "; name another folder with --out, or write into it with --force");
    }
    Result<Snapshot> snapshot = load_from(command.source);
    if (!snapshot) {
        return failed(snapshot.reason());
    }
    Result<fs::path> file = tokenizer_file_of(command.source);
    if (!file) {
        return failed(file.reason());
    }
    Result<std::string> tokenizer = read_text_file(*file, Tokenizer::kFileBytesMax);
    if (!tokenizer) {
        return failed(tokenizer.reason());
    }
    const Result<Tokenizer> readable = Tokenizer::parse(*tokenizer);
    const std::string end_token =
        readable ? end_token_of(command.source, *readable) : command.source.end_token;
    const Status done = export_hugging_face(*snapshot, *tokenizer, command.out, end_token);
    if (!done) {
        return failed(done.reason());
    }
    note_end_token(readable, end_token);
    std::printf("%s: load it with transformers.AutoModelForCausalLM.from_pretrained\n",
                command.out.c_str());
    if (!command.gguf.empty()) {
        const Status written = export_gguf(*snapshot, *tokenizer, command.gguf, end_token);
        if (!written) {
            return failed("no GGUF file was written: " + written.reason());
        }
        std::printf("%s: for llama.cpp and its kin\n", command.gguf.c_str());
    }
    return kExitOk;
}

int logits(const CheckpointCommand& command) {
    Result<Snapshot> snapshot = load_from(command.source);
    if (!snapshot) {
        return failed(snapshot.reason());
    }
    std::vector<int32_t> tokens;
    std::istringstream list(command.tokens);
    for (std::string one; std::getline(list, one, ',');) {
        int32_t token = -1;
        const auto [end, code] = std::from_chars(one.data(), one.data() + one.size(), token);
        if (code != std::errc() || end != one.data() + one.size() || token < 0 ||
            token >= snapshot->shape.vocab) {
            return failed("--tokens: `" + one + "` is not a token of this model");
        }
        tokens.push_back(token);
    }
    if (tokens.empty() || static_cast<int64_t>(tokens.size()) > snapshot->shape.context) {
        return failed("--tokens: give 1 to " + std::to_string(snapshot->shape.context) + " ids");
    }
    Decoder decoder(snapshot->shape, snapshot->theta, 1);
    const nlohmann::json answer{{"tokens", tokens}, {"logits", decoder.prompt_logits(tokens)}};
    std::printf("%s\n", answer.dump().c_str());
    return kExitOk;
}

}  // namespace

void add_checkpoint(CommandLine& line) {
    static CheckpointCommand command;
    const auto add = [&line](const std::string& name,
                             const std::string& summary,
                             const std::string& example,
                             std::function<int()> action) -> Command& {
        return line.add("checkpoint " + name, summary, example, std::move(action))
            .text("--dir",
                  command.source.folder,
                  "folder of a coordinator: its newest whole snapshot")
            .text("--snapshot", command.source.snapshot, "one snapshot file instead");
    };
    add("info", "What is in a snapshot", "assay checkpoint info --dir run", [] {
        return info(command);
    }).text("--json", command.json_file, "also write it to this file");
    add("verify",
        "Check every snapshot of a run against its Merkle roots",
        "assay checkpoint verify --dir run",
        [] { return verify(command); });
    add("export",
        "Write a Hugging Face folder that stock transformers loads",
        "assay checkpoint export --dir run --out hf",
        [] { return export_model(command); })
        .text("--tokenizer", command.source.tokenizer, "tokenizer.json; default: the run's")
        .text("--out", command.out, "folder to write")
        .text("--gguf", command.gguf, "also write the model as this GGUF file")
        .text("--end-token",
              command.source.end_token,
              "the added token that ends a text, by its name; default: as the run's data was made")
        .toggle("--force", command.force, "write into a folder that holds other files");
    add("logits",
        "Logits at every position of a token sequence, as JSON",
        "assay checkpoint logits --dir run --tokens 1,2,3",
        [] { return logits(command); })
        .text("--tokens", command.tokens, "token ids, separated by commas");
}

}  // namespace assay
