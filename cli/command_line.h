// The command line: subcommands that teach. CLI11 stays behind this header.
//
// A subcommand is a path ("keygen", "ledger show"), a summary, an example and an action. Unknown
// options and subcommands are refused with the nearest known one.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace assay {

// Exit codes of every subcommand.
constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitVerification = 3;
constexpr int kExitNeverAgain = 4;  // another try ends the same way
constexpr int kExitTryAgain = 5;    // another try may do
constexpr int kExitNotChecked = 6;  // nothing is wrong, as far as it could be checked

class Command {
public:
    // Options; `value` holds the default, is written on parsing and must outlive the command line.
    Command& text(const std::string& flag, std::string& value, const std::string& help);
    Command& required(const std::string& flag, std::string& value, const std::string& help);
    Command& choice(const std::string& flag,
                    std::string& value,
                    const std::vector<std::string>& choices,
                    const std::string& help);
    Command& number(const std::string& flag,
                    int64_t& value,
                    int64_t low,
                    int64_t high,
                    const std::string& help);
    // May be given more than once.
    Command& several(const std::string& flag,
                     std::vector<std::string>& values,
                     const std::string& help);
    Command& toggle(const std::string& flag, bool& value, const std::string& help);
    Command& positional(const std::string& name, std::string& value, const std::string& help);
    Command& optional_positional(const std::string& name,
                                 std::string& value,
                                 const std::string& help);
    // A paragraph behind the example.
    Command& remark(const std::string& text);

private:
    friend class CommandLine;
    explicit Command(void* app) : app_(app) {}
    void* app_;  // CLI::App
};

class CommandLine {
public:
    // program: its name, as one types it.
    CommandLine(const std::string& program,
                const std::string& description,
                const std::string& version);
    ~CommandLine();

    // `path` is one word, or "group word". The reference lives as long as the command line; the
    // action returns the exit code.
    Command& add(const std::string& path,
                 const std::string& summary,
                 const std::string& example,
                 std::function<int()> action);

    // Parses and runs; returns the exit code. Errors are printed to stderr with what to do next.
    int run(int argc, const char* const* argv);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay
