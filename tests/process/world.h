// A run of real processes for the tests: tiny data, a tiny model, a coordinator and peers on
// 127.0.0.1.
//
// Waits for what processes write, by inotify, with a deadline; never by time alone. A wait fails
// within seconds, with exit code and last words, when a process ends that was not meant to: a test
// that ends one says so (end_peer, await_end). All processes end with the world, and its folder
// goes.

#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/child_process.h"
#include "core/identity.h"
#include "protocol/messages.h"
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
    // No more file descriptors than this, whatever it asks for.
    void start_coordinator_with_descriptors(int count);
    ChildProcess& coordinator() { return *coordinator_; }
    // `assay peer` and its options for a peer of the coordinator that was started.
    [[nodiscard]] std::vector<std::string> peer_words(const std::string& name) const;
    ChildProcess& start_peer(const std::string& name,
                             const std::vector<std::string>& more = {},
                             std::vector<std::string> environment = {});
    // It may be ejected, and ends with kExitNeverAgain then.
    ChildProcess& start_adversary(const std::string& name, const std::string& attack);
    ChildProcess& peer(const std::string& name) { return peers_.at(name).process; }
    // Sends a signal that ends the peer.
    void end_peer(const std::string& name, int signal);
    // The exit code of a peer that is to end while the run goes on.
    int await_end(const std::string& name, int timeout_ms);

    using StatusTest = std::function<bool(const CoordinatorStatus&)>;
    // The first status for which `test` holds. Fails the test if a process ends that was not meant
    // to, or `timeout_ms` pass.
    CoordinatorStatus await(const StatusTest& test, int timeout_ms = 120000);
    // The same, but the reason is a value.
    Result<CoordinatorStatus> try_await(const StatusTest& test, int timeout_ms = 120000);
    // Until the run is finished and all processes have ended, each as it should.
    CoordinatorStatus await_finish(int timeout_ms = 240000);
    // Fails with exit code and last words of a process that ended and was not meant to.
    Status still_running();
    // Waits until all peers have ended; fails with those that did not end as they should.
    Status end_of_peers(int timeout_ms);
    // Runs `assay WORDS...` to its end; returns its exit code and all that it printed.
    std::pair<int, std::string> assay(const std::vector<std::string>& words);

    [[nodiscard]] std::vector<RoundStatus> rounds() const;
    // Behind the last one that was closed.
    [[nodiscard]] RoundId next_round() const;
    // In how many rounds from `first` on the peer was counted.
    [[nodiscard]] size_t times_counted(const std::string& name, RoundId first) const;
    // Which layer's verdict in the ledger last rejected the peer.
    [[nodiscard]] std::optional<Layer> rejected_by(const PeerId& peer) const;
    [[nodiscard]] PeerReport report(const std::string& name) const;
    [[nodiscard]] std::string log_of(const std::string& name) const;

    // `assay ledger verify` with what the peer knows of the run: exit code and all that it printed.
    std::pair<int, std::string> verify_ledger(const std::string& peer);
    // Stops the coordinator as Ctrl-C does; its last status.
    CoordinatorStatus stop_coordinator();
    // Ledger verifies; each named peer holds the coordinator's parameters and was paid.
    void check_honest(const std::vector<std::string>& names);

private:
    struct Peer {
        ChildProcess process;
        int highest_exit_code = 0;  // that is no fault
        bool may_end = false;       // before the run's end, in any way
        std::optional<std::chrono::steady_clock::time_point> seen_ended;
    };

    ChildProcess& launch_peer(const std::string& name,
                              const std::vector<std::string>& words,
                              std::vector<std::string> environment,
                              int highest_exit_code);
    [[nodiscard]] CoordinatorStatus last_status() const;
    [[nodiscard]] std::string last_words(const std::string& name, int exit_code) const;
    void write_run_file(int rounds, int peers_min, const std::vector<Setting>& settings);
    [[nodiscard]] std::vector<std::string> coordinator_words() const;
    void launch_coordinator(const std::vector<std::string>& words);

    std::filesystem::path folder_;
    std::filesystem::path config_;
    std::string admission_file_;
    int port_ = 0;
    std::unique_ptr<ChildProcess> coordinator_;
    std::map<std::string, Peer> peers_;
    CoordinatorStatus listening_;
};

// The command `words` on a disk that takes no file larger than this: writes beyond it fail.
std::vector<std::string> on_small_disk(int kilobytes, const std::vector<std::string>& words);

// A TCP port of 127.0.0.1 that was free a moment ago: a coordinator that restarts needs the same
// one.
int free_port();

}  // namespace assay
