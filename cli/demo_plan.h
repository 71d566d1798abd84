// What a demo starts: names, folders, keys and command lines of its processes. No process here.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "configs/survival_figures.h"
#include "core/identity.h"
#include "core/result.h"

namespace assay {

struct DemoOptions {
    std::string folder = "assay-demo";
    std::string attack = "lazy";  // "none": honest peers alone
    std::string text;             // "": Debian's dict-gcide
    std::string config;           // "": the shipped demo.toml
    std::string json_file;
    std::string prompt = "The ";
    std::string log_level = "info";
    int64_t peers = 4;  // honest ones
    int64_t rounds = 10;
    int64_t threads = 0;  // of each process; 0: one where processes outnumber cores
    int64_t text_megabytes = 12;
    bool mixed_kernels = false;  // peers take turns with forms of the kernels and 1 or 2 threads
};

struct DemoPeer {
    std::string name;    // "peer-1", "lazy"
    std::string attack;  // "" for an honest one
    std::filesystem::path folder;
    PeerId id;
    int64_t threads = 1;
    std::string kernels = "auto";
};

struct DemoPlan {
    DemoOptions options;
    std::string program;  // path of this binary
    std::filesystem::path folder;
    std::filesystem::path text;
    std::filesystem::path config;
    std::filesystem::path admitted;  // list of keys
    std::vector<DemoPeer> peers;
    int64_t threads = 1;
    SurvivalFigures survival;  // of a peer that skips half of its steps

    // Command lines, program first, as a shell would get them.
    [[nodiscard]] std::vector<std::string> train_tokenizer() const;
    [[nodiscard]] std::vector<std::string> prepare_data() const;
    [[nodiscard]] std::vector<std::string> coordinator() const;
    [[nodiscard]] std::vector<std::string> peer(const DemoPeer& peer,
                                                const std::string& endpoint,
                                                const std::string& key) const;
    [[nodiscard]] std::vector<std::string> serve() const;
    [[nodiscard]] std::filesystem::path coordinator_folder() const;
    [[nodiscard]] std::filesystem::path port_file() const;
};

// Makes folders and keys. A folder from an earlier demo is emptied of that demo's own files.
Result<DemoPlan> make_demo_plan(const DemoOptions& options);

}  // namespace assay
