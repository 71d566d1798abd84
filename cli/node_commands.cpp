#include "cli/node_commands.h"

#include <cstdio>
#include <cstdlib>

#include "cli/command_line.h"
#include "cli/stop_signal.h"
#include "core/files.h"
#include "core/log.h"
#include "net/endpoint.h"
#include "peer/peer_folder.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

Result<Identity> peer_identity(const PeerCommand& command) {
    const fs::path file = command.key_file.empty() ? PeerFolder(command.folder).key_file()
                                                   : fs::path(command.key_file);
    if (fs::exists(file)) {
        return Identity::load(file);
    }
    if (!command.key_file.empty()) {
        return fail("there is no key in " + command.key_file + "; make one with `assay keygen`");
    }
    if (Status made = make_folder(command.folder); !made) {
        return made.error();
    }
    const Identity identity = Identity::generate();
    if (Status saved = identity.save(file); !saved) {
        return saved.error();
    }
    log_info("made a key for this peer: " + file.string());
    return identity;
}

// None: that of the run.
std::optional<NumericClass> class_of(const std::string& name) {
    if (name == "run") {
        return std::nullopt;
    }
    InnerSettings settings;
    settings.numeric_class = name;
    return numeric_class_of(settings);
}

Status check_endpoint(const std::string& endpoint) {
    const Result<Endpoint> parsed = Endpoint::parse(endpoint, Endpoint::Use::kDial);
    return parsed ? Status() : fail("--coordinator: " + parsed.reason());
}

Result<PeerId> coordinator_of(const PeerCommand& command) {
    Result<PeerId> id = peer_id_from_hex(command.coordinator_key);
    if (id && !curve_key_of(*id)) {
        return fail(
            "--coordinator-key: these 64 digits are no public key; copy the key that the "
            "coordinator prints at its start");
    }
    return id ? id : fail("--coordinator-key: " + id.reason());
}

}  // namespace

int report_status(const Status& status) {
    if (status) {
        return kExitOk;
    }
    std::fprintf(stderr, "assay: %s\n", status.reason().c_str());
    return kExitFailed;
}

void leave(int exit_code) {
    std::fflush(stdout);
    std::fflush(stderr);
    std::_Exit(exit_code);
}

int run_peer_command(const PeerCommand& command, const MakeTrainer& make_trainer) {
    catch_stop_signals();
    set_log_level(command.log_level);
    if (Status kernels = use_kernels(command.compute); !kernels) {
        return report_status(kernels);
    }
    if (Status endpoint = check_endpoint(command.coordinator); !endpoint) {
        return report_status(endpoint);
    }
    Result<PeerId> coordinator = coordinator_of(command);
    if (!coordinator) {
        return report_status(coordinator.error());
    }
    // The first thing that is written: whatever can be refused was refused before.
    Result<Identity> identity = peer_identity(command);
    if (!identity) {
        return report_status(identity.error());
    }
    PeerOptions options;
    options.endpoint = command.coordinator;
    options.coordinator = *coordinator;
    options.folder = command.folder;
    options.numeric_class = class_of(command.numeric_class);
    options.threads = static_cast<int>(command.compute.threads);
    options.times.silence = {command.silence};
    options.build = "assay 0.1.0";
    log_info("peer " + identity->id().hex() + " dials " + command.coordinator);
    PeerHooks hooks;
    hooks.stop_requested = stop_requested;
    hooks.make_model = model_maker(command.compute);
    hooks.make_trainer = make_trainer;
    hooks.on_change = [folder = fs::path(command.folder)](const PeerReport& report) {
        const Status written =
            write_file_atomically(folder / kStatusFile, as_bytes(to_json(report)));
        if (!written) {
            log_warning(written.reason());
        }
    };
    Peer peer(options, *identity, hooks);
    leave(report_status(peer.run()));
}

}  // namespace assay
