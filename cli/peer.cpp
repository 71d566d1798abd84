// `assay peer`: trains for a coordinator and earns for it.

#include "cli/commands.h"
#include "cli/node_commands.h"

namespace assay {

void add_peer_options(Command& command, PeerCommand& options) {
    command
        .required("--coordinator",
                  options.coordinator,
                  "where it listens: tcp://HOST:PORT, HOST a name or an address, IPv6 in brackets; "
                  "several with commas between them are tried in turn")
        .required("--coordinator-key",
                  options.coordinator_key,
                  "its public key, 64 hexadecimal digits, as it prints at its start")
        .text("--dir", options.folder, "folder for this peer's key, data and state")
        .text("--key", options.key_file, "key file; default: peer.key in the folder")
        .choice("--class",
                options.numeric_class,
                {"run", "exact", "fp32", "tf32", "bf16"},
                "arithmetic in which this peer is compared, of those that the run admits; "
                "run: as the run says")
        .number("--silence", options.silence, kSilenceMsMin, kSilenceMsMax, kSilenceHelp)
        .choice("--log-level", options.log_level, {"debug", "info", "warning", "error"}, "log");
    add_training_options(command, options.compute, "threads that train");
}

void add_peer(CommandLine& line) {
    static PeerCommand options;
    Command& command = line.add(
        "peer",
        "Train for a coordinator: dials out, so no open port is needed",
        "assay peer --coordinator tcp://train.example:7700 --coordinator-key 9f3c... --dir peer1",
        [] {
            return run_peer_command(
                options, [](TrainerSettings settings, TrainerPorts ports, GradientModel& model) {
                    return std::make_unique<Trainer>(std::move(settings), std::move(ports), model);
                });
        });
    add_peer_options(command, options);
    command.remark(kNodeExitCodes);
}

}  // namespace assay
