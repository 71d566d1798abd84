// `assay demo`: a whole run on this machine, as separate processes, with one cheat among the peers.

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "adversaries/adversary.h"
#include "cli/child_process.h"
#include "cli/commands.h"
#include "cli/demo_checks.h"
#include "cli/demo_plan.h"
#include "cli/demo_table.h"
#include "cli/http_client.h"
#include "cli/node_commands.h"
#include "cli/run_reader.h"
#include "cli/stop_signal.h"
#include "core/files.h"
#include "ledger/rejections.h"
#include "llama/device.h"

namespace assay {

namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr int kPollMs = 200;
constexpr int kStepTimeoutMs = 600000;
constexpr uint64_t kSmallFileMax = 64U << 20;
// One thread a process; libgomp must not spin while processes outnumber cores.
const std::vector<std::string> kQuietThreads = {"GOMP_SPINCOUNT=0", "OMP_WAIT_POLICY=passive"};

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void pause_ms(int milliseconds) {
    ::poll(nullptr, 0, milliseconds);
}

void say(const std::string& text) {
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
}

// What a program said last: its error.
std::string last_line_of(const std::filesystem::path& log_file) {
    constexpr std::string_view kProgram = "assay: ";
    std::ifstream log(log_file);
    std::string last;
    for (std::string line; std::getline(log, line);) {
        last = line.empty() ? last : line;
    }
    return last.rfind(kProgram, 0) == 0 ? last.substr(kProgram.size()) : last;
}

Status run_step(const std::string& what,
                const std::vector<std::string>& words,
                const fs::path& log_file) {
    const auto start = SteadyClock::now();
    std::printf("%-52s ", (what + " ...").c_str());
    std::fflush(stdout);
    Result<ChildProcess> child = ChildProcess::start(words, log_file, kQuietThreads);
    if (!child) {
        return child.error();
    }
    const int code = child->wait(kStepTimeoutMs);
    if (code != 0) {
        std::printf("failed\n");
        std::fflush(stdout);
        return fail(what + " failed with status " + std::to_string(code) + ": " +
                    last_line_of(log_file) + " (" + log_file.string() + ")");
    }
    std::printf("%.1f s\n", seconds_since(start));
    return {};
}

// Reads status.json until `done` says so, the child ends, or somebody presses Ctrl-C.
template <typename Done>
Result<CoordinatorStatus> await_status(const DemoPlan& plan, ChildProcess& coordinator, Done done) {
    while (true) {
        Result<std::string> text =
            read_text_file(plan.coordinator_folder() / kStatusFile, kSmallFileMax);
        if (text) {
            Result<CoordinatorStatus> status = coordinator_status_from_json(*text);
            if (status && done(*status)) {
                return status;
            }
        }
        if (coordinator.poll()) {
            return fail("the coordinator ended with status " + std::to_string(*coordinator.poll()) +
                        ": " + last_line_of(coordinator.log_file()) + " (" +
                        coordinator.log_file().string() + ")");
        }
        if (stop_requested()) {
            return fail("stopped by Ctrl-C; what was trained lies in " + plan.folder.string());
        }
        pause_ms(kPollMs);
    }
}

class LiveView {
public:
    explicit LiveView(const DemoPlan& plan) : terminal_(::isatty(1) == 1) {
        const char* no_colour = std::getenv("NO_COLOR");
        style_.colour = terminal_ && (no_colour == nullptr || *no_colour == '\0');
        for (const DemoPeer& peer : plan.peers) {
            style_.names[peer.id] = peer.name;
        }
    }

    void show(const CoordinatorStatus& status, const std::vector<RoundStatus>& rounds) {
        for (; shown_rounds_ < rounds.size() && !terminal_; ++shown_rounds_) {
            say(round_line(rounds[shown_rounds_], style_));
        }
        if (terminal_) {
            redraw(live_table(status, rounds, style_));
        }
    }

    // The last table, once, where no live one was drawn.
    void close(const CoordinatorStatus& status, const std::vector<RoundStatus>& rounds) {
        if (!terminal_) {
            for (const std::string& line : live_table(status, rounds, style_)) {
                say(line);
            }
        }
    }

private:
    void redraw(const std::vector<std::string>& lines) {
        if (drawn_ > 0) {
            std::printf("\033[%zuA", drawn_);
        }
        for (const std::string& line : lines) {
            std::printf("\033[2K%s\n", line.c_str());
        }
        drawn_ = lines.size();
        std::fflush(stdout);
    }

    bool terminal_;
    TableStyle style_;
    size_t shown_rounds_ = 0;
    size_t drawn_ = 0;
};

Result<std::vector<ChildProcess>> start_peers(const DemoPlan& plan,
                                              const CoordinatorStatus& status) {
    std::vector<ChildProcess> children;
    for (const DemoPeer& peer : plan.peers) {
        Result<ChildProcess> child = ChildProcess::start(
            plan.peer(peer, status.endpoint, status.key), peer.folder / "peer.log", kQuietThreads);
        if (!child) {
            return child.error();
        }
        children.push_back(std::move(*child));
    }
    return children;
}

Result<CoordinatorStatus> watch_run(const DemoPlan& plan, ChildProcess& coordinator) {
    LiveView view(plan);
    const auto rounds = [&plan] {
        Result<std::vector<RoundStatus>> read = read_rounds(plan.coordinator_folder());
        return read ? *read : std::vector<RoundStatus>{};
    };
    Result<CoordinatorStatus> last =
        await_status(plan, coordinator, [&](const CoordinatorStatus& status) {
            view.show(status, rounds());
            return status.finished;
        });
    if (last) {
        view.close(*last, rounds());
    }
    return last;
}

// The served model must continue a sentence.
Result<std::string> ask_model(const DemoPlan& plan) {
    Result<ChildProcess> server =
        ChildProcess::start(plan.serve(), plan.folder / "serve.log", kQuietThreads);
    if (!server) {
        return server.error();
    }
    std::string port_text;
    for (int waited = 0; port_text.empty() && waited < 60000; waited += kPollMs) {
        Result<std::string> text = read_text_file(plan.port_file(), 64);
        port_text = text ? *text : "";
        if (port_text.empty() && server->poll()) {
            return fail("assay serve ended; see " + server->log_file().string());
        }
        pause_ms(port_text.empty() ? kPollMs : 0);
    }
    const auto port = static_cast<uint16_t>(std::atoi(port_text.c_str()));
    const nlohmann::json body{{"model", "assay"},
                              {"prompt", plan.options.prompt},
                              {"max_tokens", 48},
                              {"temperature", 0.7},
                              {"seed", 1}};
    Result<HttpAnswer> answer = http_request(port, "POST", "/v1/completions", body.dump(), 60000);
    server->signal(SIGTERM);
    server->wait(5000);
    if (!answer) {
        return answer.error();
    }
    const nlohmann::json parsed = nlohmann::json::parse(answer->body, nullptr, false);
    if (answer->status != 200 || parsed.is_discarded() || parsed["choices"].empty()) {
        return fail("HTTP status " + std::to_string(answer->status) + ": " + answer->body);
    }
    return parsed["choices"][0]["text"].get<std::string>();
}

std::vector<PeerReport> peer_reports(const DemoPlan& plan) {
    std::vector<PeerReport> reports;
    for (const DemoPeer& peer : plan.peers) {
        Result<std::string> text = read_text_file(peer.folder / kStatusFile, kSmallFileMax);
        Result<PeerReport> report =
            text ? peer_report_from_json(*text) : Result<PeerReport>(fail("no report"));
        reports.push_back(report ? *report : PeerReport{});
    }
    return reports;
}

std::map<PeerId, Verdict> rejections_of(const DemoPlan& plan) {
    Result<std::unique_ptr<SqliteLedger>> ledger = open_ledger(plan.coordinator_folder());
    Result<std::map<PeerId, Verdict>> found =
        ledger ? last_rejections(**ledger) : Result<std::map<PeerId, Verdict>>(ledger.error());
    return found ? std::move(*found) : std::map<PeerId, Verdict>{};
}

AuditTally audits_of(const DemoPlan& plan) {
    Result<std::unique_ptr<SqliteLedger>> ledger = open_ledger(plan.coordinator_folder());
    const Result<AuditTally> tally =
        ledger ? tally_audits(**ledger) : Result<AuditTally>(ledger.error());
    return tally ? *tally : AuditTally{};
}

void verify_ledger(const DemoPlan& plan, DemoOutcome& outcome) {
    const fs::path log = plan.folder / "ledger-verify.log";
    // By what a peer knows: whose run it is, and which, and how far it came.
    const fs::path peer = plan.peers.front().folder;
    Result<ChildProcess> child = ChildProcess::start({plan.program,
                                                      "ledger",
                                                      "verify",
                                                      "--dir",
                                                      plan.coordinator_folder().string(),
                                                      "--manifest",
                                                      (peer / "manifest.bin").string(),
                                                      "--head",
                                                      (peer / "head.txt").string()},
                                                     log);
    outcome.ledger_ok = child && child->wait(kStepTimeoutMs) == 0;
    Result<std::string> text = read_text_file(log, kSmallFileMax);
    outcome.ledger_text = text ? text->substr(0, text->find('\n')) : "the ledger was not checked";
}

void print_survival(const SurvivalFigures& figures) {
    char text[200];
    std::snprintf(text,
                  sizeof(text),
                  "A peer that skips half of its %u steps survives until its first vesting (%u "
                  "audits of %u steps)\nwith a probability of %.1e.",
                  figures.inner_steps,
                  figures.audits,
                  figures.audit_steps,
                  figures.probability);
    say(text);
}

int report(const DemoPlan& plan, const DemoOutcome& outcome) {
    const std::vector<DemoCheck> checks = check_demo(plan, outcome);
    bool ok = true;
    say("");
    for (const DemoCheck& check : checks) {
        ok = ok && check.ok;
        say((check.ok ? "ok   " : "FAIL ") + wrapped(check.text, "     "));
    }
    if (outcome.answered) {
        say("\n" + wrapped("> " + plan.options.prompt + outcome.answer, "  "));
    }
    if (!plan.options.json_file.empty()) {
        const std::string json = demo_json(plan, outcome, checks);
        if (Status written = write_file_atomically(plan.options.json_file, as_bytes(json));
            !written) {
            std::fprintf(stderr, "assay: %s\n", written.reason().c_str());
            ok = false;
        }
    }
    const std::string folder = plan.coordinator_folder().string();
    std::printf(
        "\nEverything lies in %s (%.0f s). Next:\n"
        "  assay ledger show --dir %s\n"
        "  assay serve --dir %s\n"
        "  assay demo --attack sign_flip\n",
        plan.folder.c_str(),
        outcome.seconds,
        folder.c_str(),
        folder.c_str());
    return ok ? kExitOk : kExitFailed;
}

Result<DemoOutcome> run_demo(const DemoPlan& plan) {
    const auto start = SteadyClock::now();
    if (Status done =
            run_step("training a tokenizer", plan.train_tokenizer(), plan.folder / "tokenizer.log");
        !done) {
        return done.error();
    }
    if (Status done =
            run_step("turning the text into tokens", plan.prepare_data(), plan.folder / "data.log");
        !done) {
        return done.error();
    }
    if (Status made = make_folder(plan.coordinator_folder()); !made) {
        return made.error();
    }
    Result<ChildProcess> coordinator = ChildProcess::start(
        plan.coordinator(), plan.coordinator_folder() / "coordinator.log", kQuietThreads);
    if (!coordinator) {
        return coordinator.error();
    }
    Result<CoordinatorStatus> listening = await_status(
        plan, *coordinator, [](const CoordinatorStatus& s) { return !s.endpoint.empty(); });
    if (!listening) {
        return listening.error();
    }
    say("coordinator " + listening->key.substr(0, 8) + " on " + listening->endpoint +
        " (CURVE encrypted); " + std::to_string(plan.peers.size()) + " peers dial in");
    Result<std::vector<ChildProcess>> peers = start_peers(plan, *listening);
    if (!peers) {
        return peers.error();
    }
    DemoOutcome outcome;
    Result<CoordinatorStatus> finished = watch_run(plan, *coordinator);
    if (!finished) {
        return finished.error();
    }
    outcome.status = *finished;
    for (ChildProcess& peer : *peers) {
        peer.wait(20000);
    }
    coordinator->wait(20000);
    Result<std::vector<RoundStatus>> rounds = read_rounds(plan.coordinator_folder());
    outcome.rounds = rounds ? *rounds : std::vector<RoundStatus>{};
    outcome.reports = peer_reports(plan);
    outcome.rejections = rejections_of(plan);
    outcome.audits = audits_of(plan);
    verify_ledger(plan, outcome);
    Result<std::string> answer = ask_model(plan);
    outcome.answered = answer.ok();
    outcome.answer = answer ? *answer : answer.reason();
    outcome.seconds = seconds_since(start);
    return outcome;
}

int demo(const DemoOptions& options) {
    catch_stop_signals();
    if (Status usable = check_torch_path(); !usable) {
        return report_status(usable);
    }
    Result<DemoPlan> plan = make_demo_plan(options);
    if (!plan) {
        std::fprintf(stderr, "assay: %s\n", plan.reason().c_str());
        return kExitFailed;
    }
    std::printf("Assay demo: %ld honest peers%s, %ld rounds, one thread pool of %ld each\n",
                static_cast<long>(options.peers),
                options.attack == "none" ? "" : (" and one cheat: " + options.attack).c_str(),
                static_cast<long>(options.rounds),
                static_cast<long>(plan->threads));
    print_survival(plan->survival);
    Result<DemoOutcome> outcome = run_demo(*plan);
    if (!outcome) {
        std::fprintf(stderr, "assay: %s\n", outcome.reason().c_str());
        return kExitFailed;
    }
    return report(*plan, *outcome);
}

}  // namespace

void add_demo(CommandLine& line) {
    static DemoOptions options;
    std::vector<std::string> attacks = adversary_names();
    attacks.insert(attacks.begin(), "none");
    line.add("demo",
             "Watch untrusted peers train a model, see a cheat refused, talk to the result",
             "assay demo --peers 4 --attack lazy --rounds 10",
             [] { return demo(options); })
        .number("--peers", options.peers, 1, 64, "honest peers")
        .choice("--attack", options.attack, attacks, "what the one dishonest peer does")
        .number("--rounds", options.rounds, 1, 10000, "rounds to train")
        .number("--threads", options.threads, 0, 256, "threads of each process; 0 decides")
        .toggle("--mixed-kernels",
                options.mixed_kernels,
                "give each peer other kernels and another number of threads: audits stay equal")
        .text("--text", options.text, "text to train on (plain or gzip); default: dict-gcide")
        .number("--text-mb", options.text_megabytes, 1, 1000000, "how much of it to use")
        .text("--config", options.config, "run file; default: the shipped configs/demo.toml")
        .text("--prompt", options.prompt, "sentence that the trained model continues")
        .text("--dir",
              options.folder,
              "folder for everything that the demo makes; an earlier demo in it is removed")
        .text("--json", options.json_file, "write all figures to this file")
        .choice("--log-level",
                options.log_level,
                {"debug", "info", "warning", "error"},
                "of the processes' log files");
}

}  // namespace assay
