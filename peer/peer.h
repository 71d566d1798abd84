// The peer's program: the only place where its machine meets sockets, files, threads and the clock.
//
// Two threads: the event loop (run()) owns the channel, the machine and the blob store; a job
// thread owns the model and all tensors. Jobs go one way, results come back through a mailbox.

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "core/identity.h"
#include "model/gradient_model.h"
#include "net/liveness.h"
#include "peer/trainer.h"
#include "status/ended.h"
#include "status/peer_report.h"

namespace assay {

struct PeerOptions {
    std::vector<std::string> endpoints;  // tcp://HOST:PORT where the coordinator may listen
    PeerId coordinator;
    std::filesystem::path folder;
    std::optional<NumericClass> numeric_class;  // none: that of the run
    int threads = 1;
    ConnectionTimes times{};
    std::string build;
};

struct PeerHooks {
    std::function<bool()> stop_requested;
    std::function<bool()> stop_insisted;  // asked for once more: end at once
    // Builds the network. Called on the job thread.
    std::function<Result<std::unique_ptr<GradientModel>>(
        const RunConfig&, NumericClass, int threads)>
        make_model;
    // An honest trainer, or one of adversaries/. The folder is the peer's own.
    std::function<std::unique_ptr<Trainer>(TrainerSettings, TrainerPorts, GradientModel&)>
        make_trainer;
    std::function<void(const PeerReport&)> on_change;
};

class Peer {
public:
    // Opens nothing yet: run() does.
    Peer(PeerOptions options, Identity identity, PeerHooks hooks);
    ~Peer();

    // Until the run is over, a person stops it, or something makes going on impossible: then the
    // reason says what to do.
    Ended run();

private:
    class Program;
    std::unique_ptr<Program> program_;
};

}  // namespace assay
