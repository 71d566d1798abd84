// The program as a person meets it: help that teaches, refusals that say what to do next.

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "cli/child_process.h"
#include "core/files.h"
#include "kernels/kernel_path.h"
#include "llama/device.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/skip.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

struct Answer {
    int code = 0;
    std::string text;
};

Answer run(const std::vector<std::string>& words,
           std::vector<std::string> environment = {"GOMP_SPINCOUNT=0"}) {
    const ScratchFolder scratch;
    const fs::path log = scratch.file("log");
    std::vector<std::string> all = {ASSAY_BINARY};
    all.insert(all.end(), words.begin(), words.end());
    Result<ChildProcess> child = ChildProcess::start(all, log, environment);
    REQUIRE(child.ok());
    const int code = child->wait(60000);
    Result<std::string> text = read_text_file(log, 1U << 22);
    return {code, text ? *text : ""};
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

void check_width(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        CHECK(line.size() <= 100);
    }
}

TEST_CASE("every subcommand teaches with an example", "[process]") {
    const std::vector<std::vector<std::string>> commands = {{"demo"},
                                                            {"coordinator"},
                                                            {"peer"},
                                                            {"serve"},
                                                            {"keygen"},
                                                            {"tokenizer", "train"},
                                                            {"data", "prepare"},
                                                            {"checkpoint", "info"},
                                                            {"checkpoint", "verify"},
                                                            {"checkpoint", "export"},
                                                            {"checkpoint", "diff"},
                                                            {"ledger", "show"},
                                                            {"ledger", "verify"},
                                                            {"ledger", "compare"},
                                                            {"simulate"},
                                                            {"bench"},
                                                            {"doctor"},
                                                            {"demo-adversary"}};
    for (std::vector<std::string> words : commands) {
        words.push_back("--help");
        const Answer answer = run(words);
        INFO(answer.text);
        CHECK(answer.code == 0);
        CHECK(has(answer.text, "Example:"));
        check_width(answer.text);
        CHECK(has(answer.text, "assay " + words.front()));
    }
    check_width(run({"--help"}).text);
    CHECK(run({"--version"}).code == 0);
}

TEST_CASE("unknown options, commands and benchmarks are refused with the nearest", "[process]") {
    const Answer option = run({"demo", "--peer", "3"});
    CHECK(option.code == 2);
    CHECK(has(option.text, "`--peers`"));
    const Answer command = run({"simulat"});
    CHECK(command.code == 2);
    CHECK(has(command.text, "`simulate`"));
    const Answer strange = run({"ledgerdemain"});
    CHECK(strange.code == 2);
    CHECK(has(strange.text, "no command ledgerdemain"));
    // What is unknown is said before what is missing, and the help that is named exists.
    const Answer nested = run({"tokenizer", "train", "--txt", "corpus.txt"});
    CHECK(nested.code == 2);
    CHECK(has(nested.text, "no option --txt"));
    CHECK(has(nested.text, "`--text`"));
    CHECK(has(nested.text, "assay tokenizer train --help"));
}

TEST_CASE("an unknown benchmark is refused with the nearest; a build without any says so",
          "[process]") {
    const Answer bench = run({"bench", "compresion"});
    CHECK(bench.code == 2);
    CHECK((torch_compiled() ? has(bench.text, "`compression`") : has(bench.text, "--help")));
    const Answer plain = run({"bench"});
    CHECK(plain.code == (torch_compiled() ? 0 : 1));
    CHECK((torch_compiled() || has(plain.text, "build with ASSAY_WITH_TORCH=ON")));
}

TEST_CASE("a fault in a run file names file, line, key and range", "[process]") {
    const ScratchFolder scratch;
    const fs::path file = scratch.file("run.toml");
    std::ofstream(file) << "[inner]\nlearning_rat = 1\n";
    const Answer unknown = run({"coordinator", "--config", file.string()});
    CHECK(unknown.code == 1);
    CHECK(has(unknown.text, "learning_rate"));
    CHECK(has(unknown.text, ":2"));
    std::ofstream(file) << "[inner]\ninner_steps = 0\n";
    const Answer low = run({"coordinator", "--config", file.string()});
    CHECK(low.code == 1);
    CHECK(has(low.text, "inner_steps"));
    CHECK(has(low.text, "1024"));
    CHECK(has(run({"coordinator", "--help-settings"}).text, "downlink_keep"));
}

TEST_CASE("a key is made once and never overwritten by chance", "[process]") {
    const ScratchFolder scratch;
    const fs::path file = scratch.file("made") / "peer.key";  // keygen makes the folder
    const Answer made = run({"keygen", "--out", file.string()});
    CHECK(made.code == 0);
    CHECK((fs::status(file).permissions() & fs::perms::others_all) == fs::perms::none);
    CHECK((fs::status(file).permissions() & fs::perms::group_all) == fs::perms::none);
    const Answer again = run({"keygen", "--out", file.string()});
    CHECK(again.code == 1);
    CHECK(has(again.text, "--force"));
}

TEST_CASE("a demo refuses a file for its figures that cannot be written before it trains",
          "[process]") {
    const ScratchFolder scratch;
    const fs::path folder = scratch.file("demo");
    const Answer nowhere =
        run({"demo", "--dir", folder.string(), "--json", "/nowhere/at/all/figures.json"});
    INFO(nowhere.text);
    CHECK(nowhere.code == 1);
    CHECK(has(nowhere.text, "--json"));
    CHECK(has(nowhere.text, "/nowhere/at/all"));
    CHECK_FALSE(fs::exists(folder));
    const Answer a_folder =
        run({"demo", "--dir", folder.string(), "--json", scratch.path().string()});
    CHECK(a_folder.code == 1);
    CHECK(has(a_folder.text, "is a folder"));
    CHECK_FALSE(fs::exists(folder));
}

const std::vector<std::string> kPeerNowhere = {"peer",
                                               "--coordinator",
                                               "tcp://127.0.0.1:1",
                                               "--coordinator-key",
                                               std::string(64, '0'),
                                               "--dir",
                                               "/nowhere"};

TEST_CASE("a code path of libtorch's that the CPU lacks is refused before anything else",
          "[process][needs_torch]") {
    if (!torch_compiled()) {
        skip_case("this build has no libtorch");
        return;
    }
    // "sse9": a name that no CPU answers to, so that the test needs none in particular.
    for (const std::vector<std::string>& words :
         {kPeerNowhere, {"doctor"}, {"bench", "hash", "--tiny"}}) {
        const Answer refused = run(words, {"ATEN_CPU_CAPABILITY=sse9"});
        INFO(refused.text);
        CHECK(refused.code == 1);
        CHECK(has(refused.text,
                  "ATEN_CPU_CAPABILITY=sse9, which this CPU does not have; it has: "
                  "default"));
        CHECK(has(refused.text, "unset the variable"));
    }
}

TEST_CASE("kernels that the CPU lacks are refused before anything else", "[process]") {
    for (std::vector<std::string> words : {kPeerNowhere, {"doctor"}}) {
        const std::vector<KernelPath> here = available_kernel_paths();
        const bool arm = here.back() == KernelPath::kNeon;
        words.insert(words.end(), {"--kernels", arm ? "avx512" : "neon"});
        const Answer refused = run(words);
        INFO(refused.text);
        CHECK(refused.code == 1);
        CHECK(has(refused.text, "it has: auto, " + path_names(here)));
    }
    CHECK(has(run({"doctor", "--kernels", "scalar"}).text, "scalar is correct, but slow"));
}

TEST_CASE("doctor and simulate run", "[process]") {
    const Answer doctor = run({"doctor"});
    CHECK(has(doctor.text, "libtorch"));
    CHECK(has(doctor.text, "CUDA kernels"));
    const Answer simulated =
        run({"simulate", "--seed", "3", "--rounds", "6", "--peers", "3", "--attacks", "sign_flip"});
    INFO(simulated.text);
    CHECK(simulated.code == 0);
    CHECK(has(simulated.text, "every check held"));
}

}  // namespace
}  // namespace assay
