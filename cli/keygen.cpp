// `assay keygen`: makes a node's key and prints its public half, or that of a key that is there.

#include <cstdio>

#include "cli/commands.h"
#include "cli/node_commands.h"
#include "core/files.h"
#include "core/identity.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

struct KeygenCommand {
    std::string file = "assay.key";
    std::string show;  // "": make one
    bool force = false;
};

// A key file, or a node's folder: a coordinator's or a peer's.
Result<fs::path> key_file_of(const fs::path& named) {
    std::error_code code;
    if (!fs::is_directory(named, code)) {
        return named;
    }
    for (const char* const file : {"coordinator.key", "peer.key"}) {
        if (fs::exists(named / file)) {
            return named / file;
        }
    }
    return fail("--show " + named.string() +
                ": this folder has neither a coordinator.key nor a peer.key; name a key file");
}

int show_key(const std::string& named) {
    const Result<fs::path> file = key_file_of(named);
    if (!file) {
        return report_status(file.error());
    }
    const Result<Identity> identity = Identity::load(*file);
    if (!identity) {
        return report_status(identity.error());
    }
    std::printf("%s\n", identity->id().hex().c_str());
    return kExitOk;
}

int keygen(const KeygenCommand& command) {
    const std::string& file = command.file;
    if (!command.force && fs::exists(file)) {
        return report_status(
            fail(file +
                 " exists; its reward would be lost with it. Use --force to replace it, another "
                 "--out, or --show " +
                 file + " to print its public key"));
    }
    if (Status made = make_folder(fs::absolute(file).parent_path()); !made) {
        return report_status(made);
    }
    const Identity identity = Identity::generate();
    if (Status saved = identity.save(file); !saved) {
        return report_status(saved);
    }
    std::printf("%s\n", identity.id().hex().c_str());
    std::fflush(stdout);  // in front of what is said of it, where both go to one file
    std::fprintf(stderr,
                 "The secret key is in %s (keep it private); the line above is the public "
                 "key to give away.\n",
                 file.c_str());
    return kExitOk;
}

}  // namespace

void add_keygen(CommandLine& line) {
    static KeygenCommand command;
    line.add("keygen",
             "Make a key: it signs your messages, encrypts your connection and earns your reward",
             "assay keygen --out alice.key",
             [] { return command.show.empty() ? keygen(command) : show_key(command.show); })
        .text("--out", command.file, "file for the secret key")
        .text("--show",
              command.show,
              "make none: print the public key of this key file, or of the node in this folder")
        .toggle("--force", command.force, "replace an existing key");
}

}  // namespace assay
