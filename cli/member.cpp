// `assay member expel|pardon`: an operator's order to a coordinator, whether it runs or not.

#include <cstdio>

#include "cli/commands.h"
#include "cli/node_commands.h"
#include "coordinator/operator_orders.h"
#include "coordinator/run_folder.h"

namespace assay {

namespace {

struct MemberCommand {
    std::string folder = "run";
    std::string peer;
    std::string reason;
};

Status order(const MemberCommand& command, OrderKind kind) {
    const RunFolderPaths paths{command.folder};
    std::error_code code;
    if (!std::filesystem::is_regular_file(paths.ledger(), code)) {
        return fail("--dir: there is no run in " + command.folder +
                    " (no ledger.sqlite); name the folder of a coordinator");
    }
    const Result<PeerId> peer = peer_id_from_hex(command.peer);
    if (!peer) {
        return fail("--peer: " + peer.reason());
    }
    return write_order(
        paths.orders(), OperatorOrder{*peer, kind, command.reason}, SystemClock().now());
}

int give(const MemberCommand& command, OrderKind kind) {
    const Status given = order(command, kind);
    if (given) {
        std::printf(
            "ordered. A running coordinator obeys within seconds, after the round if this peer is "
            "in it; one that\ndoes not run obeys when it is started. `assay ledger show` then "
            "shows the record.\n");
    }
    return report_status(given);
}

void add_options(Command& command, MemberCommand& options) {
    command.text("--dir", options.folder, "folder of the coordinator")
        .required("--peer", options.peer, "the peer's public key, 64 hexadecimal digits")
        .required("--reason", options.reason, "in words: it goes into the ledger and to the peer");
}

}  // namespace

void add_member(CommandLine& line) {
    static MemberCommand options;
    add_options(line.add("member expel",
                         "Let a peer in no more, by a signed record; takes no money",
                         "assay member expel --dir run --peer 9f3c... --reason \"a stolen key\"",
                         [] { return give(options, OrderKind::kExpel); }),
                options);
    add_options(line.add("member pardon",
                         "Let an ejected or expelled peer in again, and forget its faults",
                         "assay member pardon --dir run --peer 9f3c... --reason \"a bad cable\"",
                         [] { return give(options, OrderKind::kPardon); }),
                options);
}

}  // namespace assay
