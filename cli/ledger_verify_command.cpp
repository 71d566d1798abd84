#include "cli/ledger_verify_command.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command_line.h"
#include "cli/progress.h"
#include "cli/run_reader.h"
#include "core/files.h"
#include "core/printable.h"
#include "ledger/left_over.h"
#include "ledger/receipt_check.h"
#include "ledger/wrapped_text.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/signed_word.h"

namespace assay {

namespace {

constexpr size_t kColumns = 100;
constexpr uint64_t kReceiptsBytesMax = uint64_t{16} * 1024 * 1024;

bool is_file(const std::string& path) {
    std::error_code code;
    return std::filesystem::is_regular_file(path, code);
}

Result<Digest> read_manifest_digest(const std::string& given) {
    if (!is_file(given)) {
        Result<Digest> digest = digest_from_hex(given);
        return digest ? digest
                      : fail("--manifest is neither a file nor 64 hexadecimal digits: " +
                             digest.reason());
    }
    const Result<Bytes> bytes = read_file(given, limits::kMessageBytesMax);
    if (!bytes) {
        return bytes.error();
    }
    const Result<RunManifest> manifest = decode_manifest(*bytes);
    return manifest ? Result<Digest>(manifest_digest(*manifest))
                    : fail(given + " holds no manifest: " + manifest.reason());
}

// Each head that the coordinator has signed in these messages.
Result<std::vector<KnownHead>> heads_in_file(const std::string& file, const PeerId& coordinator) {
    const Result<std::string> text = read_text_file(file, kSignedWordsBytesMax);
    const Result<std::vector<SignedWord>> words =
        text ? parse_signed_words(*text) : Result<std::vector<SignedWord>>(text.error());
    if (!words) {
        return fail(file + ": " + words.reason());
    }
    std::vector<KnownHead> heads;
    for (const SignedWord& word : *words) {
        if (word.envelope->signer != coordinator) {
            return fail(file + " is signed by " + word.envelope->signer.hex() +
                        ", the ledger's coordinator is " + coordinator.hex());
        }
        if (const std::optional<ShownHead> head = head_shown(word.message)) {
            heads.push_back({head->hash, head->height});
        }
    }
    return heads.empty() ? fail(file + " shows no head of a ledger")
                         : Result<std::vector<KnownHead>>(std::move(heads));
}

Result<std::vector<KnownHead>> read_heads(const std::string& given, const PeerId& coordinator) {
    if (is_file(given)) {
        return heads_in_file(given, coordinator);
    }
    KnownHead head;
    const size_t colon = given.find(':');
    if (colon != std::string::npos) {
        uint64_t height = 0;
        const char* end = given.data() + colon;
        const auto read = std::from_chars(given.data(), end, height);
        if (read.ec != std::errc{} || read.ptr != end) {
            return fail("--head " + given + ": the height in front of the colon is no number");
        }
        head.height = height;
    }
    const Result<Digest> hash =
        digest_from_hex(given.substr(colon == std::string::npos ? 0 : colon + 1));
    if (!hash) {
        return fail(
            "--head is neither a file nor 64 hexadecimal digits, with HEIGHT: in front if "
            "you know it: " +
            hash.reason());
    }
    head.hash = *hash;
    return std::vector<KnownHead>{head};
}

Result<std::set<LedgerRule>> read_rules(const std::string& names) {
    std::set<LedgerRule> rules;
    size_t begin = 0;
    while (begin < names.size()) {
        const size_t end = std::min(names.find(',', begin), names.size());
        const std::string name = names.substr(begin, end - begin);
        const std::optional<LedgerRule> rule = find_ledger_rule(name);
        if (!rule || !facts_of(*rule).optional) {
            return fail("--except " + name + ": " +
                        (rule ? "nothing holds without this rule" : "no rule has this name") +
                        "; `assay ledger verify --help` lists the rules");
        }
        rules.insert(*rule);
        begin = end + 1;
    }
    return rules;
}

// What whoever asks knows, added to the terms of the run.
Status add_knowledge(const LedgerVerifyOptions& options,
                     const Ledger& ledger,
                     LedgerChecks& checks) {
    if (!options.key.empty()) {
        const Result<PeerId> key = peer_id_from_hex(options.key);
        if (!key) {
            return fail("--key is no public key: " + key.reason());
        }
        checks.coordinator = *key;
    }
    if (!options.manifest.empty()) {
        const Result<Digest> digest = read_manifest_digest(options.manifest);
        if (!digest) {
            return digest.error();
        }
        checks.manifest_digest = *digest;
    }
    if (!options.head.empty()) {
        const Result<RunManifest> manifest = ledger_manifest(ledger);
        const Result<std::vector<KnownHead>> heads =
            manifest ? read_heads(options.head, manifest->coordinator)
                     : Result<std::vector<KnownHead>>(manifest.error());
        if (!heads) {
            return heads.error();
        }
        checks.heads = *heads;
    }
    const Result<std::set<LedgerRule>> left_out = read_rules(options.except);
    if (!left_out) {
        return left_out.error();
    }
    checks.left_out = *left_out;
    return {};
}

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

std::string report_json(const VerifyReport& report, bool receipts_hold) {
    nlohmann::json checked = nlohmann::json::array();
    for (const LedgerRule rule : report.checked) {
        checked.push_back(facts_of(rule).name);
    }
    nlohmann::json not_checked = nlohmann::json::array();
    for (const NotChecked& one : report.not_checked) {
        const LedgerRuleFacts& facts = facts_of(one.rule);
        not_checked.push_back(
            {{"rule", facts.name}, {"what", facts.what}, {"why", printable(one.why)}});
    }
    nlohmann::json left = nlohmann::json::array();
    for (const LeftOver& one : left_over(report.books)) {
        nlohmann::json line = {{"peer", one.peer.hex()}, {"amount", one.amount}, {"why", one.why}};
        line["kind"] = one.earned_in ? "reward" : "deposit";
        if (one.earned_in) {
            line["round"] = one.earned_in->value;
        }
        left.push_back(std::move(line));
    }
    nlohmann::json json = {{"ok", report.ok()},
                           {"complete", report.complete()},
                           {"records", report.records},
                           {"rounds", report.rounds},
                           {"signatures", report.signatures},
                           {"head", report.head.hex()},
                           {"over", report.books.ended()},
                           {"state", report.state_in_words()},
                           {"checked", checked},
                           {"not_checked", not_checked},
                           {"receipts_hold", receipts_hold},
                           {"left_unvested", left}};
    if (report.bad) {
        json["bad"] = {{"height", report.bad->height},
                       {"kind", record_kind_name(report.bad->kind)},
                       {"rule", facts_of(report.bad->rule).name},
                       {"what", printable(report.bad->what)}};
    }
    return json.dump(1) + "\n";
}

}  // namespace

int ledger_verify_command(const LedgerVerifyOptions& options) {
    const Result<std::unique_ptr<SqliteLedger>> ledger = open_ledger(options.ledger);
    if (!ledger) {
        return failed(ledger.reason());
    }
    const std::filesystem::path data =
        options.data.empty() ? data_folder_of(options.ledger) : std::filesystem::path(options.data);
    LedgerChecks checks = ledger_checks(data, **ledger);
    if (const Status known = add_knowledge(options, **ledger, checks); !known) {
        return failed(known.reason());
    }
    const VerifyReport report = verify_ledger(**ledger, checks);
    std::printf("%s\n", report.text().c_str());
    const Result<bool> held = hold(options.receipts, **ledger);
    if (!held) {
        return failed(held.reason());
    }
    if (!options.json_file.empty()) {
        const std::string json = report_json(report, *held);
        const Status written = write_file_atomically(options.json_file, as_bytes(json));
        if (!written) {
            return failed(written.reason());
        }
    }
    return !report.ok() || !*held ? kExitVerification
           : report.complete()    ? kExitOk
                                  : kExitNotChecked;
}

std::string ledger_rules_help() {
    std::string text = "Rules (those in brackets cannot be left out):\n";
    for (const LedgerRuleFacts& facts : ledger_rules()) {
        std::string name = facts.optional ? facts.name : "[" + std::string(facts.name) + "]";
        name.resize(std::max<size_t>(name.size(), 20), ' ');
        text += wrapped_text("  " + name + facts.what, 22, kColumns);
    }
    text.pop_back();
    return text;
}

}  // namespace assay
