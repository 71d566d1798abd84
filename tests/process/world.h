// A run of real processes for the tests: tiny data, a tiny model, a coordinator and peers on
// 127.0.0.1.
//
// Waits for what processes write, by inotify, with a deadline; never by time alone. All processes
// end with the world, and its folder goes.

#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/child_process.h"
#include "core/identity.h"
#include "status/status_json.h"

namespace assay {

class FolderWatch {
public:
    // With a `name`, only the changes of that file count.
    explicit FolderWatch(const std::filesystem::path& folder, std::string name = "");
    ~FolderWatch();
    FolderWatch(const FolderWatch&) = delete;
    FolderWatch& operator=(const FolderWatch&) = delete;
    // Until something in the folder changes, or `timeout_ms` have passed.
    void await_change(int timeout_ms);

private:
    [[nodiscard]] bool drain();

    std::string name_;
    int fd_;
};

// Another value than tiny.toml's, in TOML.
struct Setting {
    std::string section;
    std::string key;
    std::string value;
};

class ProcessWorld {
public:
    // Trains a byte tokenizer, prepares tokens and writes a run file with `rounds` rounds.
    ProcessWorld(int rounds, int peers_min, const std::vector<Setting>& settings = {});
    ~ProcessWorld();
    ProcessWorld(const ProcessWorld&) = delete;
    ProcessWorld& operator=(const ProcessWorld&) = delete;

    [[nodiscard]] std::filesystem::path folder() const { return folder_; }
    [[nodiscard]] std::filesystem::path coordinator_folder() const {
        return folder_ / "coordinator";
    }

    // Appends a key to the admission list.
    void admit(const PeerId& id);
    PeerId make_peer(const std::string& name, bool admitted = true);

    void start_coordinator(const std::vector<std::string>& more = {});
    // Not yet: the first start reads it. "": no option, so the default's place.
    void set_admission_file(const std::string& file) { admission_file_ = file; }
    // Without waiting for it.
    void launch_coordinator() { launch_coordinator(coordinator_words()); }
    // on_small_disk. Does not wait for it.
    void start_coordinator_on_small_disk(int kilobytes);
    ChildProcess& coordinator() { return *coordinator_; }
    // `assay peer` and its options for a peer of the coordinator that was started.
    [[nodiscard]] std::vector<std::string> peer_words(const std::string& name) const;
    ChildProcess& start_peer(const std::string& name,
                             const std::vector<std::string>& more = {},
                             std::vector<std::string> environment = {});
    ChildProcess& start_adversary(const std::string& name, const std::string& attack);
    ChildProcess& peer(const std::string& name) { return *peers_.at(name); }

    using StatusTest = std::function<bool(const CoordinatorStatus&)>;
    // Fails the test if the coordinator ends or `timeout_ms` pass before `test` holds.
    CoordinatorStatus await(const StatusTest& test, int timeout_ms = 120000);
    CoordinatorStatus await_finish(int timeout_ms = 240000);
    // Runs `assay WORDS...` to its end; returns its exit code and all that it printed.
    std::pair<int, std::string> assay(const std::vector<std::string>& words);

    [[nodiscard]] std::vector<RoundStatus> rounds() const;
    // Behind the last one that was closed.
    [[nodiscard]] RoundId next_round() const;
    // In how many rounds from `first` on the peer was counted.
    [[nodiscard]] size_t times_counted(const std::string& name, RoundId first) const;
    [[nodiscard]] PeerReport report(const std::string& name) const;
    [[nodiscard]] std::string log_of(const std::string& name) const;

    // Ledger verifies; each named peer holds the coordinator's parameters and was paid.
    void check_honest(const std::vector<std::string>& names);

private:
    void write_run_file(int rounds, int peers_min, const std::vector<Setting>& settings);
    [[nodiscard]] std::vector<std::string> coordinator_words() const;
    void launch_coordinator(const std::vector<std::string>& words);

    std::filesystem::path folder_;
    std::filesystem::path config_;
    std::string admission_file_;
    int port_ = 0;
    std::unique_ptr<ChildProcess> coordinator_;
    std::map<std::string, std::unique_ptr<ChildProcess>> peers_;
    CoordinatorStatus listening_;
};

// The command `words` on a disk that takes no file larger than this: writes beyond it fail.
std::vector<std::string> on_small_disk(int kilobytes, const std::vector<std::string>& words);

// A TCP port of 127.0.0.1 that was free a moment ago: a coordinator that restarts needs the same
// one.
int free_port();

}  // namespace assay
