// The processes behind tests/process: start, wait, stop.

#include "tests/process/world.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>

#include "cli/command_line.h"
#include "cli/run_reader.h"
#include "core/files.h"
#include "ledger/rejections.h"

namespace assay {

namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kFileMax = 64U << 20;
constexpr int kCommandTimeoutMs = 120000;
constexpr std::chrono::seconds kLeaveAtTheEnd{10};

std::string unique_folder_name() {
    static int count = 0;
    return "assay-process-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
}

// Sentences with a little structure, so that a tiny model has something to learn.
std::string training_text() {
    static const char* const kWords[] = {"round",
                                         "peer",
                                         "honest",
                                         "work",
                                         "the",
                                         "a",
                                         "model",
                                         "learns",
                                         "checks",
                                         "pays",
                                         "gradient",
                                         "of",
                                         "and"};
    std::string text;
    uint64_t state = 12345;
    while (text.size() < 400000) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        text += kWords[(state >> 33U) % std::size(kWords)];
        text += (state >> 60U) == 0 ? ".\n" : " ";
    }
    return text;
}

int left_ms(SteadyClock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
    return static_cast<int>(std::max<int64_t>(0, left.count()));
}

// What somebody said last.
std::string tail_of(const std::string& log) {
    constexpr size_t kLastBytes = 2000;
    return log.size() <= kLastBytes ? log : "... " + log.substr(log.size() - kLastBytes);
}

void set_value(std::string& text, const Setting& setting) {
    const std::string header = "\n[" + setting.section + "]\n";
    size_t at = text.find(header);
    if (at == std::string::npos) {
        text += header;
        at = text.size() - header.size();
    }
    const size_t begin = at + header.size();
    const size_t end = std::min(text.find("\n[", begin), text.size());
    const size_t line = text.find("\n" + setting.key + " = ", begin - 1);
    const std::string words = setting.key + " = " + setting.value;
    if (line < end) {
        text.replace(line + 1, text.find('\n', line + 1) - line - 1, words);
    } else {
        text.insert(begin, words + "\n");
    }
}

}  // namespace

FolderWatch::FolderWatch(const fs::path& folder, std::string name)
    : name_(std::move(name)), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    ::inotify_add_watch(fd_, folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_MODIFY);
}

FolderWatch::~FolderWatch() {
    ::close(fd_);
}

void FolderWatch::await_change(int timeout_ms) {
    const auto deadline = SteadyClock::now() + std::chrono::milliseconds(timeout_ms);
    for (int left = timeout_ms; left > 0; left = left_ms(deadline)) {
        pollfd waited{fd_, POLLIN, 0};
        ::poll(&waited, 1, left);
        if (drain()) {
            return;
        }
    }
}

// Takes all events; true if one of them counts.
bool FolderWatch::drain() {
    alignas(inotify_event) char buffer[65536];
    bool seen = false;
    for (ssize_t size = 0; (size = ::read(fd_, buffer, sizeof(buffer))) > 0;) {
        for (ssize_t at = 0; at < size;) {
            const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
            seen = seen || name_.empty() || (event->len > 0 && name_ == event->name);
            at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
        }
    }
    return seen;
}

int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ::close(fd);
    return ntohs(address.sin_port);
}

ProcessWorld::ProcessWorld(int rounds, int peers_min, const std::vector<Setting>& settings)
    : folder_(fs::temp_directory_path() / unique_folder_name()),
      config_(folder_ / "run.toml"),
      admission_file_((folder_ / "admitted.txt").string()),
      port_(free_port()) {
    fs::create_directories(coordinator_folder());
    std::ofstream(folder_ / "text.txt") << training_text();
    std::ofstream(folder_ / "admitted.txt") << "# keys\n";
    write_run_file(rounds, peers_min, settings);
    const std::string text = (folder_ / "text.txt").string();
    const std::string tokenizer = (folder_ / "tokenizer.json").string();
    REQUIRE(assay({"tokenizer", "train", "--input", text, "--vocab", "300", "--out", tokenizer})
                .first == 0);
    REQUIRE(assay({"data",
                   "prepare",
                   "--input",
                   text,
                   "--tokenizer",
                   tokenizer,
                   "--out",
                   (folder_ / "data").string()})
                .first == 0);
}

ProcessWorld::~ProcessWorld() {
    peers_.clear();
    coordinator_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

void ProcessWorld::write_run_file(int rounds, int peers_min, const std::vector<Setting>& settings) {
    Result<std::string> base =
        read_text_file(fs::path(ASSAY_SOURCE_DIR) / "tests/process/tiny.toml", kFileMax);
    REQUIRE(base.ok());
    std::string text = *base;
    const auto put = [&text](const std::string& mark, int value) {
        const size_t at = text.find(mark);
        REQUIRE(at != std::string::npos);
        text.replace(at, mark.size(), std::to_string(value));
    };
    put("@ROUNDS@", rounds);
    put("@PEERS_MIN@", peers_min);
    for (const Setting& setting : settings) {
        set_value(text, setting);
    }
    std::ofstream(config_) << text;
}

void ProcessWorld::admit(const PeerId& id) {
    Result<std::string> list = read_text_file(folder_ / "admitted.txt", kFileMax);
    REQUIRE(
        write_file_atomically(folder_ / "admitted.txt", as_bytes(*list + id.hex() + "\n")).ok());
}

PeerId ProcessWorld::make_peer(const std::string& name, bool admitted) {
    const Identity identity = Identity::generate();
    fs::create_directories(folder_ / name);
    REQUIRE(identity.save(folder_ / name / "peer.key").ok());
    if (admitted) {
        admit(identity.id());
    }
    return identity.id();
}

std::vector<std::string> ProcessWorld::coordinator_words() const {
    std::vector<std::string> words = {ASSAY_BINARY,
                                      "coordinator",
                                      "--config",
                                      config_.string(),
                                      "--dir",
                                      coordinator_folder().string(),
                                      "--data",
                                      (folder_ / "data").string(),
                                      "--tokenizer",
                                      (folder_ / "tokenizer.json").string(),
                                      "--listen",
                                      "tcp://127.0.0.1:" + std::to_string(port_),
                                      "--threads",
                                      "1"};
    if (!admission_file_.empty()) {
        words.insert(words.end(), {"--admit", admission_file_});
    }
    return words;
}

void ProcessWorld::launch_coordinator(const std::vector<std::string>& words) {
    fs::remove(coordinator_folder() / kStatusFile);
    Result<ChildProcess> started =
        ChildProcess::start(words, folder_ / "coordinator.log", {"GOMP_SPINCOUNT=0"});
    REQUIRE(started.ok());
    coordinator_ = std::make_unique<ChildProcess>(std::move(*started));
}

void ProcessWorld::start_coordinator(const std::vector<std::string>& more) {
    std::vector<std::string> words = coordinator_words();
    words.insert(words.end(), more.begin(), more.end());
    launch_coordinator(words);
    listening_ = await([](const CoordinatorStatus& status) { return !status.endpoint.empty(); });
}

// The shell's limit counts blocks of 1024 bytes; without the signal a write fails, as on a full
// disk.
std::vector<std::string> on_small_disk(int kilobytes, const std::vector<std::string>& words) {
    std::vector<std::string> all = {
        "/bin/bash",
        "-c",
        "ulimit -f " + std::to_string(kilobytes) + "; trap '' XFSZ; exec \"$0\" \"$@\""};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

void ProcessWorld::start_coordinator_on_small_disk(int kilobytes) {
    launch_coordinator(on_small_disk(kilobytes, coordinator_words()));
}

void ProcessWorld::start_coordinator_with_descriptors(int count) {
    std::vector<std::string> words = {
        "/bin/bash", "-c", "ulimit -n " + std::to_string(count) + "; exec \"$0\" \"$@\""};
    const std::vector<std::string> own = coordinator_words();
    words.insert(words.end(), own.begin(), own.end());
    launch_coordinator(words);
    listening_ = await([](const CoordinatorStatus& status) { return !status.endpoint.empty(); });
}

std::vector<std::string> ProcessWorld::peer_words(const std::string& name) const {
    return {ASSAY_BINARY,
            "peer",
            "--coordinator",
            listening_.endpoint,
            "--coordinator-key",
            listening_.key,
            "--dir",
            (folder_ / name).string()};
}

ChildProcess& ProcessWorld::launch_peer(const std::string& name,
                                        const std::vector<std::string>& words,
                                        std::vector<std::string> environment,
                                        int highest_exit_code) {
    if (!fs::exists(folder_ / name / "peer.key")) {
        make_peer(name);
    }
    environment.emplace_back("GOMP_SPINCOUNT=0");
    Result<ChildProcess> started =
        ChildProcess::start(words, folder_ / (name + ".log"), environment);
    REQUIRE(started.ok());
    peers_.erase(name);
    Peer peer{std::move(*started), highest_exit_code, false, std::nullopt};
    return peers_.emplace(name, std::move(peer)).first->second.process;
}

ChildProcess& ProcessWorld::start_peer(const std::string& name,
                                       const std::vector<std::string>& more,
                                       std::vector<std::string> environment) {
    std::vector<std::string> words = peer_words(name);
    words.insert(words.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--threads") == more.end()) {
        words.insert(words.end(), {"--threads", "1"});
    }
    return launch_peer(name, words, std::move(environment), 0);
}

ChildProcess& ProcessWorld::start_adversary(const std::string& name, const std::string& attack) {
    std::vector<std::string> words = peer_words(name);
    words.at(1) = "demo-adversary";
    words.insert(words.end(), {"--threads", "1", "--attack", attack});
    return launch_peer(name, words, {}, kExitNeverAgain);
}

void ProcessWorld::end_peer(const std::string& name, int signal) {
    peers_.at(name).may_end = true;
    peers_.at(name).process.signal(signal);
}

int ProcessWorld::await_end(const std::string& name, int timeout_ms) {
    peers_.at(name).may_end = true;
    return peers_.at(name).process.wait(timeout_ms);
}

std::string ProcessWorld::last_words(const std::string& name, int exit_code) const {
    std::string text = name + " ended with exit code " + std::to_string(exit_code);
    if (exit_code > 128) {
        text += " (signal " + std::to_string(exit_code - 128) + ", " +
                ::strsignal(exit_code - 128) + ")";
    }
    return text + "; its last words:\n" + tail_of(log_of(name));
}

Status ProcessWorld::still_running() {
    if (const std::optional<int> code = coordinator_->poll()) {
        return fail(last_words("coordinator", *code));
    }
    for (auto& [name, peer] : peers_) {
        const std::optional<int> code = peer.process.poll();
        if (!code || peer.may_end) {
            continue;
        }
        // A peer may hear of the run's end before the coordinator's status tells it.
        peer.seen_ended = peer.seen_ended ? *peer.seen_ended : SteadyClock::now();
        const bool at_the_end = SteadyClock::now() < *peer.seen_ended + kLeaveAtTheEnd;
        if (*code > peer.highest_exit_code || (*code == 0 && !at_the_end)) {
            return fail(last_words(name, *code));
        }
    }
    return {};
}

Result<CoordinatorStatus> ProcessWorld::try_await(const StatusTest& test, int timeout_ms) {
    const auto deadline = SteadyClock::now() + std::chrono::milliseconds(timeout_ms);
    FolderWatch watch(coordinator_folder());
    while (true) {
        // Asked first: what a process wrote before its end is read afterwards.
        const Status running = still_running();
        Result<std::string> text = read_text_file(coordinator_folder() / kStatusFile, kFileMax);
        if (text) {
            Result<CoordinatorStatus> status = coordinator_status_from_json(*text);
            if (status && test(*status)) {
                return status;
            }
        }
        if (!running) {
            return fail("the test waited for what cannot come: " + running.reason());
        }
        if (left_ms(deadline) == 0) {
            std::string logs = log_of("coordinator");
            for (const auto& [name, child] : peers_) {
                logs += name + ":\n" + log_of(name);
            }
            return fail("what the test waits for did not come:\n" + logs);
        }
        watch.await_change(std::min(1000, left_ms(deadline)));
    }
}

CoordinatorStatus ProcessWorld::await(const StatusTest& test, int timeout_ms) {
    Result<CoordinatorStatus> status = try_await(test, timeout_ms);
    if (!status) {
        FAIL(status.reason());
    }
    return *status;
}

Status ProcessWorld::end_of_peers(int timeout_ms) {
    std::string faults;
    for (auto& [name, peer] : peers_) {
        const int code = peer.process.wait(timeout_ms);
        if (!peer.may_end && code > peer.highest_exit_code) {
            faults += last_words(name, code);
        }
    }
    return faults.empty() ? Status() : Status(fail(faults));
}

CoordinatorStatus ProcessWorld::await_finish(int timeout_ms) {
    CoordinatorStatus last =
        await([](const CoordinatorStatus& status) { return status.finished; }, timeout_ms);
    const Status peers = end_of_peers(30000);
    INFO((peers ? std::string() : peers.reason()));
    CHECK(peers.ok());
    CHECK(coordinator_->wait(30000) == 0);
    return last;
}

std::pair<int, std::string> ProcessWorld::assay(const std::vector<std::string>& words) {
    static int count = 0;
    const fs::path log = folder_ / ("command-" + std::to_string(count++) + ".log");
    std::vector<std::string> all = {ASSAY_BINARY};
    all.insert(all.end(), words.begin(), words.end());
    Result<ChildProcess> child = ChildProcess::start(all, log, {"GOMP_SPINCOUNT=0"});
    REQUIRE(child.ok());
    const int code = child->wait(kCommandTimeoutMs);
    Result<std::string> text = read_text_file(log, kFileMax);
    return {code, text ? *text : ""};
}

RoundId ProcessWorld::next_round() const {
    const std::vector<RoundStatus> closed = rounds();
    return closed.empty() ? RoundId{0} : RoundId{closed.back().round.value + 1};
}

size_t ProcessWorld::times_counted(const std::string& name, RoundId first) const {
    const PeerId id = Identity::load(folder_ / name / "peer.key").value().id();
    size_t times = 0;
    for (const RoundStatus& round : rounds()) {
        const bool counted =
            std::any_of(round.peers.begin(), round.peers.end(), [&](const PeerStatus& peer) {
                return peer.id == id && peer.verdict == "counted";
            });
        times += counted && round.round >= first ? 1 : 0;
    }
    return times;
}

std::vector<RoundStatus> ProcessWorld::rounds() const {
    Result<std::vector<RoundStatus>> rounds = read_rounds(coordinator_folder());
    return rounds ? *rounds : std::vector<RoundStatus>{};
}

std::optional<Layer> ProcessWorld::rejected_by(const PeerId& peer) const {
    const auto ledger = open_ledger(coordinator_folder());
    REQUIRE(ledger.ok());
    const auto rejections = last_rejections(**ledger);
    REQUIRE(rejections.ok());
    const auto found = rejections->find(peer);
    return found == rejections->end() ? std::nullopt : std::optional<Layer>(found->second.layer);
}

PeerReport ProcessWorld::report(const std::string& name) const {
    Result<std::string> text = read_text_file(folder_ / name / kStatusFile, kFileMax);
    REQUIRE(text.ok());
    Result<PeerReport> report = peer_report_from_json(*text);
    REQUIRE(report.ok());
    return *report;
}

std::string ProcessWorld::log_of(const std::string& name) const {
    Result<std::string> text = read_text_file(folder_ / (name + ".log"), kFileMax);
    return text ? *text : "";
}

std::pair<int, std::string> ProcessWorld::verify_ledger(const std::string& peer) {
    const fs::path known = folder_ / peer;
    return assay({"ledger",
                  "verify",
                  "--dir",
                  coordinator_folder().string(),
                  "--manifest",
                  (known / "manifest.bin").string(),
                  "--head",
                  (known / "head.txt").string()});
}

CoordinatorStatus ProcessWorld::stop_coordinator() {
    coordinator().signal(SIGINT);
    CHECK(coordinator().wait(20000) == 0);
    return last_status();
}

CoordinatorStatus ProcessWorld::last_status() const {
    const Result<std::string> json = read_text_file(coordinator_folder() / kStatusFile, kFileMax);
    REQUIRE(json.ok());
    const Result<CoordinatorStatus> status = coordinator_status_from_json(*json);
    REQUIRE(status.ok());
    return *status;
}

void ProcessWorld::check_honest(const std::vector<std::string>& names) {
    REQUIRE_FALSE(names.empty());
    const auto [code, text] = verify_ledger(names.front());
    INFO(text);
    CHECK(code == 0);
    const auto [unknown, lacks] = assay({"ledger",
                                         "verify",
                                         "--dir",
                                         coordinator_folder().string(),
                                         "--key",
                                         listening_.key,
                                         "--json",
                                         (folder_ / "verify.json").string()});
    INFO(lacks);
    CHECK(unknown == kExitNotChecked);
    CHECK(lacks.find("not checked: run.manifest") != std::string::npos);
    CHECK(read_text_file(folder_ / "verify.json", kFileMax)->find("run.manifest") !=
          std::string::npos);
    const CoordinatorStatus status = last_status();
    for (const std::string& name : names) {
        INFO(name);
        const PeerReport held = report(name);
        CHECK(held.theta_root == status.theta_root);
        bool paid = false;
        for (const PeerStatus& peer : status.peers) {
            paid = paid || (peer.id.hex() == held.id && peer.vested > 0);
        }
        CHECK(paid);
    }
}

}  // namespace assay
