#include "cli/node_commands.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "cli/command_line.h"
#include "cli/stop_signal.h"
#include "core/files.h"
#include "core/log.h"
#include "core/version.h"
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

// Where the coordinator may listen: one address, or several with commas between them.
Result<std::vector<std::string>> endpoints_of(const PeerCommand& command) {
    std::vector<std::string> endpoints;
    std::stringstream words(command.coordinator + ",");
    for (std::string one; std::getline(words, one, ',');) {
        if (Status fits = check_endpoint(one); !fits) {
            return fits.error();
        }
        endpoints.push_back(one);
    }
    return endpoints;
}

// What only a coordinator's folder has; a peer that started there would leave its key among it.
Status check_no_coordinator(const fs::path& folder) {
    for (const char* const file : {"coordinator.key", "ledger.sqlite"}) {
        if (fs::exists(folder / file)) {
            return fail("--dir " + folder.string() + " is a coordinator's folder (it has " + file +
                        "): name another one");
        }
    }
    return {};
}

}  // namespace

Result<PeerId> coordinator_id(const std::string& key) {
    Result<PeerId> id = peer_id_from_hex(key);
    if (id && !curve_key_of(*id)) {
        return fail(
            "--coordinator-key: these 64 digits are no public key; copy the key that the "
            "coordinator prints at its start");
    }
    return id ? id : fail("--coordinator-key: " + id.reason());
}

int report_status(const Status& status) {
    if (status) {
        return kExitOk;
    }
    std::fprintf(stderr, "assay: %s\n", status.reason().c_str());
    return kExitFailed;
}

int report_usage(const Error& error) {
    (void)report_status(error);
    return kExitUsage;
}

const char* const kNodeExitCodes =
    "Exit codes: 0 the run is over, or somebody stopped it; 1 failed: see the last line; 2 wrong "
    "options; 4 another try ends the same way (not admitted, ejected, another run's folder or "
    "settings); 5 another try may do (no room on the disk, an address in use). A network that is "
    "away ends nothing.";

int report_ended(const Ended& ended) {
    if (ended.how != Ending::kWell) {
        std::fprintf(stderr, "assay: %s\n", ended.reason.c_str());
    }
    switch (ended.how) {
        case Ending::kWell:
            return kExitOk;
        case Ending::kNeverAgain:
            return kExitNeverAgain;
        case Ending::kTryAgain:
            return kExitTryAgain;
        case Ending::kFailed:
            break;
    }
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
        return report_usage(kernels.error());
    }
    Result<std::vector<std::string>> endpoints = endpoints_of(command);
    if (!endpoints) {
        return report_usage(endpoints.error());
    }
    Result<PeerId> coordinator = coordinator_id(command.coordinator_key);
    if (!coordinator) {
        return report_usage(coordinator.error());
    }
    if (Status folder = check_no_coordinator(command.folder); !folder) {
        return report_ended({Ending::kNeverAgain, folder.reason()});
    }
    // The first thing that is written: whatever can be refused was refused before.
    Result<Identity> identity = peer_identity(command);
    if (!identity) {
        return report_status(identity.error());
    }
    PeerOptions options;
    options.endpoints = std::move(*endpoints);
    options.coordinator = *coordinator;
    options.folder = command.folder;
    options.numeric_class = class_of(command.numeric_class);
    options.threads = static_cast<int>(command.compute.threads);
    options.times.silence = {command.silence};
    options.build = std::string("assay ") + assay_version();
    log_info("peer " + identity->id().hex() + " dials " + command.coordinator);
    PeerHooks hooks;
    hooks.stop_requested = stop_requested;
    hooks.stop_insisted = stop_insisted;
    hooks.make_model = model_maker(command.compute);
    hooks.make_trainer = make_trainer;
    hooks.on_change = [folder = fs::path(command.folder)](const PeerReport& report) {
        const Status written = replace_file(folder / kStatusFile, as_bytes(to_json(report)));
        if (!written) {
            log_warning(written.reason());
        }
    };
    Peer peer(options, *identity, hooks);
    leave(report_ended(peer.run()));
}

}  // namespace assay
