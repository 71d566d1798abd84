// What the subcommands that run a node share: the network, files for people, logs.

#pragma once

#include <filesystem>
#include <string>

#include "cli/status_json.h"
#include "configs/run_config.h"
#include "core/identity.h"
#include "model/gradient_model.h"
#include "peer/peer.h"

namespace assay {

Result<std::unique_ptr<GradientModel>> make_run_model(const RunConfig& config,
                                                      NumericClass numeric_class,
                                                      int threads);

// Prints the reason and gives the exit code.
int report_status(const Status& status);

// Ends the process at once, without waiting for a step that still runs: what counts is durable.
[[noreturn]] void leave(int exit_code);

struct PeerCommand {
    std::string coordinator;
    std::string coordinator_key;
    std::string folder = "peer";
    std::string key_file;  // "": peer.key in the folder, made if it is not there
    std::string numeric_class = "fp32";
    std::string log_level = "info";
    int64_t threads = 1;
};

using MakeWorker =
    std::function<std::unique_ptr<PeerWorker>(WorkerSettings, WorkerPorts, GradientModel&)>;
// `assay peer`, with the worker that `make_worker` makes.
int run_peer_command(const PeerCommand& command, const MakeWorker& make_worker);

}  // namespace assay
