// `assay coordinator`: opens rounds, checks what comes in, aggregates, pays, and keeps the books.

#include "coordinator/coordinator.h"

#include <cstdio>
#include <fstream>

#include "cli/commands.h"
#include "cli/node_commands.h"
#include "cli/run_settings.h"
#include "cli/stop_signal.h"
#include "configs/run_advice.h"
#include "core/files.h"
#include "core/log.h"
#include "data/data_manifest.h"
#include "net/endpoint.h"
#include "protocol/plan.h"
#include "status/status_json.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr const char* kAdmittedFile = "admitted_keys";  // in the folder

struct CoordinatorCommand {
    std::string config;
    std::string folder = "run";
    std::string data;       // "": data/ in the folder
    std::string tokenizer;  // "": tokenizer.json in the folder
    std::string listen = "tcp://0.0.0.0:7700";
    std::string admit;  // "": admitted_keys in the folder
    std::string set;
    std::string log_level = "info";
    int64_t rounds = 0;
    int64_t peers_min = 0;
    int64_t silence = ConnectionTimes{}.silence.ms;
    int64_t peer_rate = static_cast<int64_t>(ServeRules{}.peer_bytes_per_second);
    int64_t rate = static_cast<int64_t>(ServeRules{}.bytes_per_second);
    ComputeOptions compute;
    bool help_settings = false;
};

// What --set says, then the flags with names of their own.
std::string set_settings(const CoordinatorCommand& command) {
    std::string all = command.set;
    if (command.rounds > 0) {
        all += ",rounds.rounds=" + std::to_string(command.rounds);
    }
    if (command.peers_min > 0) {
        all += ",rounds.peers_min=" + std::to_string(command.peers_min);
    }
    return all;
}

CoordinatorHooks file_hooks(const CoordinatorCommand& command) {
    const fs::path folder = command.folder;
    CoordinatorHooks hooks;
    hooks.stop_requested = stop_requested;
    hooks.reload_requested = reload_requested;
    hooks.make_model = model_maker(command.compute);
    hooks.on_status = [folder](const CoordinatorStatus& status) {
        const Status written = replace_file(folder / kStatusFile, as_bytes(to_json(status)));
        if (!written) {
            log_warning(written.reason());
        }
    };
    hooks.on_round = [folder](const RoundStatus& round) {
        std::ofstream(folder / kRoundsFile, std::ios::app) << to_json(round) << "\n";
        char text[160];
        std::snprintf(text,
                      sizeof(text),
                      "round %llu: held-out loss %.4f -> %.4f, %llu tokens",
                      static_cast<unsigned long long>(round.round.value),
                      static_cast<double>(round.loss_before),
                      static_cast<double>(round.loss_after),
                      static_cast<unsigned long long>(round.tokens));
        log_info(round.voided ? in_words(round.round) + ": voided" : text);
    };
    return hooks;
}

// "any", or the list's file: rounds.admit alone decides which.
Result<std::string> admission(const RunConfig& config, const CoordinatorCommand& command) {
    if (config.rounds.admit == "any") {
        return command.admit.empty()
                   ? Result<std::string>("any")
                   : fail("--admit " + command.admit +
                          ": this run lets everybody in (rounds.admit is \"any\"); "
                          "leave --admit out, or set rounds.admit to \"list\"");
    }
    const fs::path file =
        command.admit.empty() ? fs::path(command.folder) / kAdmittedFile : fs::path(command.admit);
    std::error_code code;
    if (!fs::is_regular_file(file, code)) {
        return fail("there is no admission list " + file.string() +
                    ": make this file (it may be empty) with one public key a line, as `assay "
                    "keygen` prints them, or name another with --admit FILE; it is read again "
                    "whenever it changes. A run with rounds.admit = \"any\" lets everybody in");
    }
    return file.string();
}

fs::path data_folder(const CoordinatorCommand& command) {
    return command.data.empty() ? fs::path(command.folder) / "data" : fs::path(command.data);
}

// 0: not known yet, which is for the start of the run to refuse.
uint64_t data_tokens(const CoordinatorCommand& command) {
    const Result<DataManifest> data = load_data_manifest(data_folder(command));
    return data ? data->vocab_size : 0;
}

int coordinate(const CoordinatorCommand& command) {
    if (command.help_settings) {
        std::printf("%s", settings_help().c_str());
        return kExitOk;
    }
    if (command.config.empty()) {
        return report_usage(
            fail("--config is missing: name a run file, such as "
                 "configs/small.toml"));
    }
    catch_stop_signals();
    set_log_level(command.log_level);
    if (Status kernels = use_kernels(command.compute); !kernels) {
        return report_usage(kernels.error());
    }
    Result<RunConfig> config = read_run_settings(command.config, set_settings(command));
    if (!config) {
        return report_usage(config.error());
    }
    if (const auto listen = Endpoint::parse(command.listen, Endpoint::Use::kListen); !listen) {
        return report_usage(fail("--listen: " + listen.reason()));
    }
    for (const std::string& slip : likely_slips(*config, data_tokens(command))) {
        log_warning(slip);
    }
    Result<std::string> admit = admission(*config, command);
    if (!admit) {
        return report_usage(admit.error());
    }
    CoordinatorOptions options;
    options.folder = command.folder;
    options.listen = command.listen;
    options.admit = *admit;
    options.data_folder = data_folder(command);
    options.tokenizer_file = command.tokenizer.empty() ? fs::path(command.folder) / "tokenizer.json"
                                                       : fs::path(command.tokenizer);
    options.threads = static_cast<int>(command.compute.threads);
    options.times.silence = {command.silence};
    options.serve.peer_bytes_per_second = static_cast<uint64_t>(command.peer_rate);
    options.serve.bytes_per_second = static_cast<uint64_t>(command.rate);
    Coordinator coordinator(options, *config, file_hooks(command));
    leave(report_ended(coordinator.run()));
}

}  // namespace

void add_coordinator(CommandLine& line) {
    static CoordinatorCommand command;
    Command& added =
        line.add("coordinator",
                 "Run a training job: plan, verify, aggregate, pay; goes on after any interruption",
                 "assay coordinator --config configs/small.toml --dir run --data data "
                 "--tokenizer tokenizer.json\n      --listen tcp://0.0.0.0:7700 --admit "
                 "admitted.txt",
                 [] { return coordinate(command); })
            .text("--config", command.config, "run file (TOML)")
            .text("--dir", command.folder, "folder for ledger, snapshots and blobs")
            .text("--data", command.data, "token shards of `assay data prepare`; default: DIR/data")
            .text("--tokenizer", command.tokenizer, "default: DIR/tokenizer.json")
            .text("--listen",
                  command.listen,
                  "tcp://HOST:PORT, HOST a name, an address (IPv6 in brackets) or *; port 0 takes "
                  "any free one")
            .text("--admit",
                  command.admit,
                  "file with one public key a line, re-read on change; default: "
                  "DIR/admitted_keys; without use where rounds.admit is any")
            .number(
                "--rounds", command.rounds, 0, 1000000000, "instead of rounds.rounds; 0: as there")
            .number("--peers-min",
                    command.peers_min,
                    0,
                    1024,
                    "instead of rounds.peers_min; 0: as there")
            .number("--silence", command.silence, kSilenceMsMin, kSilenceMsMax, kSilenceHelp)
            .number("--blob-rate",
                    command.rate,
                    4096,
                    1000000000000,
                    "bytes a second of blobs that all peers together get, in the long run")
            .number(
                "--blob-rate-peer", command.peer_rate, 4096, 1000000000000, "the same for one peer")
            .text("--set", command.set, kSetHelp)
            .choice("--log-level", command.log_level, {"debug", "info", "warning", "error"}, "log")
            .toggle("--help-settings", command.help_settings, "list all settings of a run file");
    add_training_options(added, command.compute, "threads that verify");
    added.remark("SIGHUP reads the admission list again. " + std::string(kNodeExitCodes));
}

}  // namespace assay
