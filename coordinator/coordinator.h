// The coordinator's program: the only place where RoundMachine meets sockets, disk, threads and
// clock.
//
// Three threads: the event loop (run()) owns the channel, the machine and what arrives of blobs; a
// job thread owns theta, the outer state, the model and the snapshots (HDF5); storage owns the
// ledger and waits for the disk. An action is performed only once the records in front of it are
// durable.

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
#include "status/ended.h"
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
    std::function<bool()> reload_requested;  // the admission list; asked again and again
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

    // Until the run is complete, a person stops it, or something makes going on impossible: then
    // the reason says what to do. Starts a run in an empty folder, else goes on.
    Ended run();

private:
    class Program;
    std::unique_ptr<Program> program_;
};

}  // namespace assay
