// `assay ledger show|verify`: who earned what and why; and everything recomputed, offline.

#include <cstdio>
#include <filesystem>
#include <vector>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/run_reader.h"
#include "core/files.h"
#include "ledger/ledger_show.h"
#include "ledger/receipt_check.h"

namespace assay {

namespace {

constexpr uint64_t kReceiptsBytesMax = uint64_t{16} * 1024 * 1024;

struct LedgerCommand {
    std::string folder = "run";
    std::vector<std::string> receipts;
};

// Whether the ledger says all that its coordinator signed to peers.
Result<bool> hold(const std::vector<std::string>& files, const Ledger& ledger) {
    bool all = true;
    for (const std::string& file : files) {
        const Result<std::string> text = read_text_file(file, kReceiptsBytesMax);
        if (!text) {
            return text.error();
        }
        const Result<ReceiptReport> report = judge_receipts(ledger, *text);
        if (!report) {
            return fail(file + ": " + report.reason());
        }
        std::printf("%s:\n%s\n", file.c_str(), report->text().c_str());
        all = all && report->ok();
    }
    return all;
}

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
    const Result<bool> held = hold(command.receipts, **ledger);
    if (!held) {
        return failed(held.reason());
    }
    return report.ok() && *held ? kExitOk : kExitVerification;
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
        .text("--dir", command.folder, "folder of the coordinator, or a copy of it")
        .several("--receipt",
                 command.receipts,
                 "file of `assay dispute`: whether the ledger says what its coordinator signed");
}

}  // namespace assay
