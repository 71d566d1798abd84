#include "cli/demo_plan.h"

#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "cli/child_process.h"
#include "configs/config_file.h"
#include "core/files.h"
#include "kernels/kernel_path.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr const char* kMarker = ".assay-demo";  // a folder with it is ours to empty

Status fresh_folder(const fs::path& folder) {
    std::error_code code;
    if (fs::exists(folder, code) && !fs::is_empty(folder, code)) {
        if (!fs::exists(folder / kMarker, code)) {
            return fail("folder " + folder.string() +
                        " is not empty and no demo made it; choose another with --dir");
        }
        fs::remove_all(folder, code);
    }
    if (Status made = make_folder(folder); !made) {
        return made;
    }
    return write_file_atomically(folder / kMarker, as_bytes("made by assay demo\n"));
}

fs::path cache_folder() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    return (cache != nullptr && *cache != '\0'
                ? fs::path(cache)
                : fs::path(home == nullptr ? "." : home) / ".cache") /
           "assay";
}

// The dictionary where scripts/install.sh or Debian puts it.
Result<fs::path> find_text(const std::string& given) {
    std::vector<fs::path> candidates = {given};
    if (given.empty()) {
        candidates = {cache_folder() / "dict-gcide/usr/share/dictd/gcide.dict.dz",
                      "/usr/share/dictd/gcide.dict.dz"};
    }
    for (const fs::path& candidate : candidates) {
        std::error_code code;
        if (fs::is_regular_file(candidate, code)) {
            return fs::absolute(candidate);
        }
    }
    if (!given.empty()) {
        return fail("--text " + given + " is not a readable file");
    }
    return fail(
        "no text to train on: run scripts/demo.sh (it fetches Debian's dict-gcide), or "
        "give a file with --text FILE");
}

// Beside an installed program, or in the source tree that it was built from.
Result<fs::path> find_config(const std::string& given, const std::string& program) {
    const fs::path installed = fs::path(program).parent_path() / "../share/assay/configs/demo.toml";
    const fs::path source = fs::path(ASSAY_SOURCE_DIR) / "configs/demo.toml";
    for (const fs::path& candidate : {given.empty() ? installed : fs::path(given), source}) {
        std::error_code code;
        if (fs::is_regular_file(candidate, code)) {
            return fs::absolute(candidate);
        }
        if (!given.empty()) {
            return fail("--config " + given + " is not a readable file");
        }
    }
    return fail("demo.toml was found neither in " + installed.string() + " nor in " +
                source.string() + "; give one with --config FILE");
}

// Said before the training that it is to hold the figures of. The demo's folder is yet to be made.
Status check_json_file(const std::string& name, const fs::path& folder) {
    if (name.empty()) {
        return {};
    }
    const fs::path file = fs::absolute(name).lexically_normal();
    std::error_code code;
    if (fs::is_directory(file, code)) {
        return fail("--json " + name + " is a folder: name a file");
    }
    const fs::path parent = file.parent_path();
    const fs::path own = (folder / kMarker).lexically_normal().parent_path();
    if (parent != own && !fs::is_directory(parent, code)) {
        return fail("--json " + name + ": there is no folder " + parent.string());
    }
    if (parent != own && ::access(parent.c_str(), W_OK) != 0) {
        return fail("--json " + name + ": no file can be written in " + parent.string());
    }
    return {};
}

Result<PeerId> make_key(const fs::path& folder) {
    if (Status made = make_folder(folder); !made) {
        return made.error();
    }
    const Identity identity = Identity::generate();
    if (Status saved = identity.save(folder / "peer.key"); !saved) {
        return saved.error();
    }
    return identity.id();
}

Status make_peers(DemoPlan& plan) {
    for (int64_t i = 1; i <= plan.options.peers; ++i) {
        plan.peers.push_back({"peer-" + std::to_string(i), "", {}, {}});
    }
    if (plan.options.attack != "none") {
        plan.peers.push_back({plan.options.attack, plan.options.attack, {}, {}});
    }
    std::string list = "# public keys of the demo's peers\n";
    const std::vector<KernelPath> paths = available_kernel_paths();
    for (size_t i = 0; i < plan.peers.size(); ++i) {
        DemoPeer& peer = plan.peers[i];
        peer.threads = plan.threads;
        if (plan.options.mixed_kernels) {
            peer.kernels = kernel_path_name(paths[i % paths.size()]);
            peer.threads = 1 + static_cast<int64_t>(i % 2);
        }
        peer.folder = plan.folder / peer.name;
        Result<PeerId> id = make_key(peer.folder);
        if (!id) {
            return id.error();
        }
        peer.id = *id;
        list += id->hex() + "\n";
    }
    return write_file_atomically(plan.admitted, as_bytes(list));
}

int64_t threads_for(const DemoOptions& options) {
    if (options.threads > 0) {
        return options.threads;
    }
    const int64_t processes = options.peers + 2;
    const int64_t cores = std::thread::hardware_concurrency();
    return processes > cores ? 1 : cores / processes;
}

}  // namespace

fs::path DemoPlan::coordinator_folder() const {
    return folder / "coordinator";
}
fs::path DemoPlan::port_file() const {
    return folder / "serve.port";
}

std::vector<std::string> DemoPlan::train_tokenizer() const {
    return {program,
            "tokenizer",
            "train",
            "--input",
            text.string(),
            "--vocab",
            "1024",
            "--out",
            (folder / "tokenizer.json").string(),
            "--limit-mb",
            "6"};
}

std::vector<std::string> DemoPlan::prepare_data() const {
    return {program,
            "data",
            "prepare",
            "--input",
            text.string(),
            "--tokenizer",
            (folder / "tokenizer.json").string(),
            "--out",
            (folder / "data").string(),
            "--limit-mb",
            std::to_string(options.text_megabytes)};
}

std::vector<std::string> DemoPlan::coordinator() const {
    return {program,       "coordinator",
            "--config",    config.string(),
            "--dir",       coordinator_folder().string(),
            "--data",      (folder / "data").string(),
            "--tokenizer", (folder / "tokenizer.json").string(),
            "--listen",    "tcp://127.0.0.1:0",
            "--admit",     admitted.string(),
            "--rounds",    std::to_string(options.rounds),
            "--set",       "rounds.peers_start=" + std::to_string(options.peers),
            "--threads",   std::to_string(threads),
            "--log-level", options.log_level};
}

std::vector<std::string> DemoPlan::peer(const DemoPeer& peer,
                                        const std::string& endpoint,
                                        const std::string& key) const {
    std::vector<std::string> words = {program,
                                      peer.attack.empty() ? "peer" : "demo-adversary",
                                      "--coordinator",
                                      endpoint,
                                      "--coordinator-key",
                                      key,
                                      "--dir",
                                      peer.folder.string(),
                                      "--threads",
                                      std::to_string(peer.threads),
                                      "--kernels",
                                      peer.kernels,
                                      "--log-level",
                                      options.log_level};
    if (!peer.attack.empty()) {
        words.insert(words.end(), {"--attack", peer.attack});
    }
    return words;
}

std::vector<std::string> DemoPlan::serve() const {
    return {program,
            "serve",
            "--dir",
            coordinator_folder().string(),
            "--port",
            "0",
            "--port-file",
            port_file().string(),
            "--threads",
            std::to_string(threads)};
}

Result<DemoPlan> make_demo_plan(const DemoOptions& options) {
    DemoPlan plan;
    plan.options = options;
    plan.program = own_program_path();
    plan.folder = fs::absolute(options.folder);
    plan.admitted = plan.folder / "admitted.txt";
    plan.threads = threads_for(options);
    if (Status json = check_json_file(options.json_file, plan.folder); !json) {
        return json.error();
    }
    Result<fs::path> text = find_text(options.text);
    if (!text) {
        return text.error();
    }
    plan.text = *text;
    Result<fs::path> config = find_config(options.config, plan.program);
    if (!config) {
        return config.error();
    }
    plan.config = *config;
    Result<RunConfig> run = load_run_config(plan.config);
    if (!run) {
        return run.error();
    }
    plan.survival = survival_figures(*run);
    if (Status fresh = fresh_folder(plan.folder); !fresh) {
        return fresh.error();
    }
    if (Status made = make_peers(plan); !made) {
        return made.error();
    }
    return plan;
}

}  // namespace assay
