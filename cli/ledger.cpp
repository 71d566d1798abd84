// `assay ledger show|verify`: who earned what and why; and everything recomputed, offline.

#include <cstdio>
#include <filesystem>
#include <vector>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/run_reader.h"
#include "ledger/ledger_show.h"

namespace assay {

namespace {

struct LedgerCommand {
    std::string folder = "run";
};

int show(const LedgerCommand& command) {
    Result<std::unique_ptr<SqliteLedger>> ledger = open_ledger(command.folder);
    if (!ledger) {
        return failed(ledger.reason());
    }
    Result<std::string> text = describe_ledger(**ledger);
    if (!text) {
        return failed(text.reason());
    }
    std::printf("%s", text->c_str());
    return kExitOk;
}

int verify(const LedgerCommand& command) {
    Result<std::unique_ptr<SqliteLedger>> ledger = open_ledger(command.folder);
    if (!ledger) {
        return failed(ledger.reason());
    }
    Result<LedgerChecks> checks = ledger_checks(command.folder, **ledger);
    if (!checks) {
        std::fprintf(stderr,
                     "note: assignments and audit draws are not checked: %s\n",
                     checks.reason().c_str());
    }
    const VerifyReport report = verify_ledger(**ledger, checks ? *checks : LedgerChecks{});
    std::printf("%s\n", report.text().c_str());
    return report.ok() ? kExitOk : kExitVerification;
}

}  // namespace

void add_ledger(CommandLine& line) {
    static LedgerCommand command;
    line.add("ledger show",
             "Who earned what in a run, and why",
             "assay ledger show --dir run",
             [] { return show(command); })
        .text("--dir", command.folder, "folder of the coordinator");
    line.add("ledger verify",
             "Recompute hashes, signatures, beacons, assignments, audit draws and pay",
             "assay ledger verify --dir run",
             [] { return verify(command); })
        .text("--dir", command.folder, "folder of the coordinator, or a copy of it");
}

}  // namespace assay
