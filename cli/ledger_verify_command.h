// `assay ledger verify`: a ledger held against what whoever asks knows of the run.

#pragma once

#include <string>
#include <vector>

namespace assay {

struct LedgerVerifyOptions {
    std::string ledger = "run";  // a coordinator's folder, or the file of a ledger
    std::string data;            // folder of the prepared data; "": the one in the folder
    std::string key;             // of the coordinator
    std::string manifest;        // its digest, or the file that holds one
    std::string head;            // HASH, HEIGHT:HASH, or a file of signed messages
    std::string except;          // names of rules, with commas
    std::string json_file;
    std::vector<std::string> receipts;  // files of `assay dispute`
};

// The exit code: all was checked, something was not, or a rule is broken.
int ledger_verify_command(const LedgerVerifyOptions& options);

// All rules with what each says, for people.
std::string ledger_rules_help();

}  // namespace assay
