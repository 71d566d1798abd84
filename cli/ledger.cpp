// `assay ledger show|verify|compare`: who earned what and why; everything recomputed, offline; two
// copies, or two signed messages, held against each other.

#include <cstdio>
#include <filesystem>
#include <vector>

#include "cli/commands.h"
#include "cli/ledger_verify_command.h"
#include "cli/progress.h"
#include "cli/run_reader.h"
#include "core/files.h"
#include "ledger/ledger_compare.h"
#include "ledger/ledger_show.h"
#include "protocol/signed_word.h"

namespace assay {

namespace {

struct ShowCommand {
    std::string folder = "run";
};

struct CompareCommand {
    std::string a;
    std::string b;
};

int show(const ShowCommand& command) {
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

// Two signed messages: whether one key has said what cannot both be true.
int judge_proof(const std::string& file) {
    const Result<std::string> text = read_text_file(file, kSignedWordsBytesMax);
    const Result<std::vector<SignedWord>> words =
        text ? parse_signed_words(*text) : Result<std::vector<SignedWord>>(text.error());
    if (!words) {
        return failed(file + ": " + words.reason());
    }
    if (words->size() != 2 || words->front().envelope->signer != words->back().envelope->signer) {
        return failed(file + " does not hold two messages that one key has signed");
    }
    const std::optional<std::string> what =
        contradiction(words->front().message, words->back().message);
    const std::string key = words->front().envelope->signer.hex();
    if (!what) {
        std::printf("no proof: %s\nmay have said both\n", key.c_str());
        return kExitOk;
    }
    std::printf(
        "proven: the coordinator %s\nhas signed %s.\nIt has written two histories, or went back to "
        "an older copy of its folder.\n",
        key.c_str(),
        what->c_str());
    return kExitVerification;
}

int compare(const CompareCommand& command) {
    if (command.b.empty()) {
        return judge_proof(command.a);
    }
    const Result<std::unique_ptr<SqliteLedger>> a = open_ledger(command.a);
    const Result<std::unique_ptr<SqliteLedger>> b = open_ledger(command.b);
    if (!a || !b) {
        return failed(a ? b.reason() : a.reason());
    }
    const Result<LedgerComparison> found = compare_ledgers(**a, **b);
    if (!found) {
        return failed(found.reason());
    }
    std::printf("%s\n", found->text().c_str());
    return found->one_history() ? kExitOk : kExitVerification;
}

void add_verify(CommandLine& line) {
    static LedgerVerifyOptions options;
    line.add("ledger verify",
             "Check everything that the records, the run file and what you know determine",
             "assay ledger verify --dir run --manifest peer1/manifest.bin --head peer1/head.txt",
             [] { return ledger_verify_command(options); })
        .text("--dir", options.ledger, "folder of the coordinator, or the file of a ledger")
        .text("--data", options.data, "folder of the prepared data, if it is not there")
        .text("--key", options.key, "the coordinator's public key, as you know it")
        .text("--manifest",
              options.manifest,
              "digest of the run's manifest, or a file of it (manifest.bin of a peer's folder); "
              "it names the key too")
        .text("--head",
              options.head,
              "what must be here: HASH, HEIGHT:HASH, or a file of signed messages (head.txt of "
              "a peer's folder)")
        .several("--receipt",
                 options.receipts,
                 "file of `assay dispute`: whether the ledger says what its coordinator signed")
        .text("--except", options.except, "rules to leave out, with commas")
        .text("--json", options.json_file, "also write the report to this file")
        .remark(
            "Exit codes: 0 all was checked, 3 a rule is broken, 6 nothing is wrong as far as "
            "was checked.")
        .remark(ledger_rules_help());
}

}  // namespace

void add_ledger(CommandLine& line) {
    static ShowCommand shown;
    static CompareCommand compared;
    line.add("ledger show",
             "Who earned what in a run, and why",
             "assay ledger show --dir run",
             [] { return show(shown); })
        .text("--dir", shown.folder, "folder of the coordinator");
    add_verify(line);
    line.add("ledger compare",
             "Two copies of a ledger: the same, a beginning, or two histories",
             "assay ledger compare run /backup/run",
             [] { return compare(compared); })
        .positional("A", compared.a, "a coordinator's folder, a ledger's file, or alone: a proof")
        .optional_positional("B", compared.b, "the other one")
        .remark(
            "A proof is what a peer keeps as equivocation-1.txt: two signed messages. Exit "
            "codes: 0 one\nhistory (no proof), 3 two histories (proven).");
}

}  // namespace assay
