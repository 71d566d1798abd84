// What the subcommands that run a node share: the network, files for people, logs.

#pragma once

#include <filesystem>
#include <string>

#include "cli/compute_options.h"
#include "core/identity.h"
#include "peer/peer.h"
#include "status/status_json.h"

namespace assay {

// Prints the reason and gives the exit code.
int report_status(const Status& status);
// The same of an option that cannot be meant: a supervisor that tries again gets the same.
int report_usage(const Error& error);
int report_ended(const Ended& ended);

// What a supervisor has to know of the exit codes of a node.
extern const char* const kNodeExitCodes;

// Ends the process at once, without waiting for a step that still runs: what counts is durable.
[[noreturn]] void leave(int exit_code);

// A coordinator's public key as it was typed.
Result<PeerId> coordinator_id(const std::string& key);

// `--silence`: bounds and help, the same for both ends.
constexpr int64_t kSilenceMsMin = 200;
constexpr int64_t kSilenceMsMax = 600000;
constexpr const char* kSilenceHelp =
    "ms without a word after which a connection counts as dead; the other end may have another: "
    "whoever hears nothing for a fifth of it asks";

struct PeerCommand {
    std::string coordinator;
    std::string coordinator_key;
    std::string folder = "peer";
    std::string key_file;  // "": peer.key in the folder, made if it is not there
    std::string numeric_class = "run";
    std::string log_level = "info";
    int64_t silence = ConnectionTimes{}.silence.ms;
    ComputeOptions compute;
};

using MakeTrainer =
    std::function<std::unique_ptr<Trainer>(TrainerSettings, TrainerPorts, GradientModel&)>;
// `assay peer`, with the trainer that `make_trainer` makes.
int run_peer_command(const PeerCommand& command, const MakeTrainer& make_trainer);

}  // namespace assay
