// Data, tokenizer and the folder of a small run, for tests of what a coordinator makes of them.

#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "coordinator/run_folder.h"
#include "core/files.h"
#include "data/prepare.h"
#include "tests/support/bytes_tokenizer.h"
#include "tests/support/scratch_folder.h"
#include "tokenizer/tokenizer.h"

namespace assay {

inline RunConfig small_run_config() {
    RunConfig config;
    config.model.vocab = 257;
    config.model.width = 16;
    config.model.layers = 1;
    config.model.heads = 2;
    config.model.kv_heads = 1;
    config.model.head_width = 8;
    config.model.ffn_width = 24;
    config.model.context = 16;
    config.data.sequence_tokens = 16;
    config.rounds.rounds = 3;
    return config;
}

struct RunSourceFiles {
    ScratchFolder scratch;
    RunFolderPaths paths{scratch.file("run")};

    RunSourceFiles() {
        REQUIRE(bytes_tokenizer().save(tokenizer()).ok());
        (void)prepare("data", "line of a text\n");
    }
    [[nodiscard]] std::filesystem::path data() const { return scratch.file("data"); }
    [[nodiscard]] std::filesystem::path tokenizer() const { return scratch.file("tokenizer.json"); }
    // A data set of this line many times, in a folder of this name.
    [[nodiscard]] std::filesystem::path prepare(const std::string& name,
                                                const std::string& line) const {
        std::string text;
        for (int i = 0; i < 400; ++i) {
            text += std::to_string(i) + " " + line;
        }
        PrepareOptions options;
        options.corpus.inputs = {scratch.file(name + ".txt")};
        options.tokenizer = tokenizer();
        options.folder = scratch.file(name);
        options.block_tokens = 64;
        REQUIRE(write_file_atomically(options.corpus.inputs.front(), as_bytes(text)).ok());
        REQUIRE(prepare_data(options).ok());
        return options.folder;
    }
    [[nodiscard]] Result<OpenedRun> open(const RunConfig& config = small_run_config()) const {
        return open_run_folder(paths, config, {data(), tokenizer()});
    }
};

}  // namespace assay
