// `assay dispute`: what the coordinator signed of a peer's round, as a file that anybody can judge.

#include <cstdio>
#include <filesystem>

#include "cli/commands.h"
#include "cli/progress.h"
#include "core/files.h"
#include "core/identity.h"
#include "peer/peer_folder.h"
#include "peer/proof_book.h"
#include "protocol/limits.h"
#include "protocol/plan.h"

namespace assay {

namespace {

struct DisputeCommand {
    std::string folder = "peer";
    std::string file = "dispute.txt";
    int64_t round = -1;
};

int run_dispute(const DisputeCommand& command) {
    const ProofBook book(command.folder);
    const std::optional<RoundId> newest = book.newest();
    const RoundId round = command.round >= 0 ? RoundId{static_cast<uint64_t>(command.round)}
                                             : newest.value_or(RoundId{});
    const Result<std::string> proofs = book.load(round);
    if (!proofs) {
        return failed(proofs.reason());
    }
    const Result<Identity> identity = Identity::load(PeerFolder(command.folder).key_file());
    const std::string peer = identity ? " of peer " + identity->id().hex() : "";
    const std::string text = "# What the coordinator signed of " + in_words(round) + peer +
                             ".\n# Judged by: assay ledger verify --dir COPY --receipt " +
                             std::filesystem::path(command.file).filename().string() + "\n" +
                             *proofs;
    if (Status written = write_file_atomically(command.file, as_bytes(text)); !written) {
        return failed(written.reason());
    }
    std::printf(
        "%s: what the coordinator signed of %s\n", command.file.c_str(), in_words(round).c_str());
    return kExitOk;
}

}  // namespace

void add_dispute(CommandLine& line) {
    static DisputeCommand command;
    line.add("dispute",
             "Write down what the coordinator signed of a round, to be judged by anybody",
             "assay dispute --dir peer1 --round 12 --out round-12.txt",
             [] { return run_dispute(command); })
        .text("--dir", command.folder, "folder of the peer")
        .number("--round",
                command.round,
                -1,
                static_cast<int64_t>(limits::kRoundsMax),
                "which round; -1: the newest of which something was signed")
        .text("--out", command.file, "file to write")
        .remark(
            "A peer keeps the receipts of its COMMITs, payloads and openings, with CLOSE and "
            "summary, of its last 256 rounds. `assay ledger verify --receipt FILE` says whether a "
            "ledger says the same, and exits with 3 if it does not. The file holds no secret.");
}

}  // namespace assay
