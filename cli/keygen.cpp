// `assay keygen`: makes a node's key and prints its public half.

#include <cstdio>

#include "cli/commands.h"
#include "core/files.h"
#include "core/identity.h"

namespace assay {

namespace {

int keygen(const std::string& file, bool force) {
    if (!force && std::filesystem::exists(file)) {
        std::fprintf(stderr,
                     "assay: %s exists; its reward would be lost with it. Use --force to replace "
                     "it, or another --out.\n",
                     file.c_str());
        return kExitFailed;
    }
    if (Status made = make_folder(std::filesystem::absolute(file).parent_path()); !made) {
        std::fprintf(stderr, "assay: %s\n", made.reason().c_str());
        return kExitFailed;
    }
    const Identity identity = Identity::generate();
    if (Status saved = identity.save(file); !saved) {
        std::fprintf(stderr, "assay: %s\n", saved.reason().c_str());
        return kExitFailed;
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
    static std::string file = "assay.key";
    static bool force = false;
    line.add("keygen",
             "Make a key: it signs your messages, encrypts your connection and earns your reward",
             "assay keygen --out alice.key",
             [] { return keygen(file, force); })
        .text("--out", file, "file for the secret key")
        .toggle("--force", force, "replace an existing key");
}

}  // namespace assay
