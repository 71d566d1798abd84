// The coordinator's program: the only place where RoundMachine meets sockets, disk, threads and
// clock.
//
// Two threads: the event loop (run()) owns the channel, the machine, the ledger and the blob store;
// a job thread owns theta, the outer state, the model and the snapshots (HDF5). An action that
// speaks is performed only after the records in front of it are durable.

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "configs/run_config.h"
#include "core/identity.h"
#include "model/gradient_model.h"
#include "net/liveness.h"
#include "net/piece_server.h"
#include "status/run_status.h"

namespace assay {

struct CoordinatorOptions {
    std::filesystem::path folder;
    std::string listen;                 // tcp://HOST:PORT, port 0 for any
    std::string admit;                  // "any", or a file with one key a line
    std::filesystem::path data_folder;  // made by `assay data prepare`; used at the first start
    std::filesystem::path tokenizer_file;
    int threads = 1;
    ConnectionTimes times{};
    ServeRules serve{};  // blobs
};

struct CoordinatorHooks {
    std::function<bool()> stop_requested;
    std::function<Result<std::unique_ptr<GradientModel>>(
        const RunConfig&, NumericClass, int threads)>
        make_model;
    std::function<void(const CoordinatorStatus&)> on_status;
    std::function<void(const RoundStatus&)> on_round;
};

class Coordinator {
public:
    // Opens nothing yet: run() does.
    Coordinator(CoordinatorOptions options, RunConfig config, CoordinatorHooks hooks);
    ~Coordinator();

    // Until the run is complete (success), a person stops it (success), or something makes going on
    // impossible: then the reason says what to do. Starts a run in an empty folder, else goes on.
    Status run();

private:
    class Program;
    std::unique_ptr<Program> program_;
};

}  // namespace assay
