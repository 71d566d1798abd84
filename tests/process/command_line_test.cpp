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
           const std::vector<std::string>& environment = {"GOMP_SPINCOUNT=0"}) {
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
                                                            {"bench", "redteam"},
                                                            {"risk"},
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
    const Answer nested = run({"tokenizer", "train", "--inpt", "corpus.txt"});
    CHECK(nested.code == 2);
    CHECK(has(nested.text, "no option --inpt"));
    CHECK(has(nested.text, "`--input`"));
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
    CHECK(unknown.code == 2);
    CHECK(has(unknown.text, "learning_rate"));
    CHECK(has(unknown.text, ":2"));
    std::ofstream(file) << "[inner]\ninner_steps = 0\n";
    const Answer low = run({"coordinator", "--config", file.string()});
    CHECK(low.code == 2);
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
        CHECK(refused.code == (words.front() == "peer" ? 2 : 1));
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
        CHECK(refused.code == (words.front() == "peer" ? 2 : 1));
        CHECK(has(refused.text, "it has: auto, " + path_names(here)));
    }
    CHECK(has(run({"doctor", "--kernels", "scalar"}).text, "scalar is correct, but slow"));
}

TEST_CASE("doctor and simulate run", "[process]") {
    const Answer doctor = run({"doctor"});
    CHECK(has(doctor.text, "libtorch"));
    CHECK(has(doctor.text, "CUDA kernels"));
    const Answer simulated = run(
        {"simulate", "--seed", "3", "--rounds", "6", "--peers", "3", "--adversary", "sign_flip"});
    INFO(simulated.text);
    CHECK(simulated.code == 0);
    CHECK(has(simulated.text, "every check held"));
}

TEST_CASE("simulate takes a run file's rules, and says what it cannot take", "[process]") {
    const std::string file = (fs::path(ASSAY_SOURCE_DIR) / "configs/small.toml").string();
    const Answer held = run({"simulate",
                             "--config",
                             file,
                             "--set",
                             "rounds.rounds=3,inner.inner_steps=5,inner.warmup_rounds=1",
                             "--peers",
                             "2",
                             "--adversary",
                             "random:2"});
    INFO(held.text);
    CHECK(held.code == 0);
    CHECK(has(held.text, "3 rounds"));
    CHECK(has(held.text, "random"));
    const std::pair<std::vector<std::string>, const char*> refusals[] = {
        {{"--config", file, "--set", "pay.vest=3"}, "pay.vest"},
        {{"--config", file, "--set", "rounds.peers_min=5"}, "rounds.peers_min"},
        {{"--set", "rounds.rounds=3"}, "--config"},
        {{"--adversary", "laxy"}, "laxy"},
        {{"--adversary", "lazy:0"}, "NAME:N"},
        {{"--adversary", "lazy:2x"}, "NAME:N"},
        {{"--soak", "--peers", "3"}, "leave --peers out"}};
    for (const auto& [options, named] : refusals) {
        std::vector<std::string> words = {"simulate"};
        words.insert(words.end(), options.begin(), options.end());
        const Answer refused = run(words);
        INFO(refused.text);
        CHECK(refused.code == 2);
        CHECK(has(refused.text, named));
    }
}

TEST_CASE("a soak says what it did, and that every invariant held", "[process]") {
    const Answer soaked = run({"simulate", "--soak", "--seed", "1", "--rounds", "20"});
    INFO(soaked.text);
    CHECK(soaked.code == 0);
    CHECK(has(soaked.text, "soak: seeds 1 to"));
    CHECK(has(soaked.text, "every invariant held"));
}

TEST_CASE("the red team prints a row a strategy, the worst, and writes both files", "[process]") {
    const ScratchFolder scratch;
    const fs::path json = scratch.file("team.json");
    const std::string settings =
        "rounds.rounds=6,inner.inner_steps=4,pay.vest_rounds=2,verify.audit_steps=2,"
        "pay.verdict_window=1,rounds.entry_work_bits=20";
    const Answer team = run({"bench",
                             "redteam",
                             "--set",
                             settings,
                             "--rounds",
                             "6",
                             "--peers",
                             "2",
                             "--strategies",
                             "random,silent",
                             "--json",
                             json.string()});
    INFO(team.text);
    CHECK(team.code == 0);
    check_width(team.text);
    CHECK(has(team.text, "worst: "));
    CHECK(has(team.text, "a new key pays 1.049 million hashes (rounds.entry_work_bits = 20)"));
    const Result<std::string> written = read_text_file(json, 1U << 20);
    REQUIRE(written.ok());
    CHECK(has(*written, "\"name\": \"silent\""));
    const Result<std::string> picture = read_text_file(scratch.file("team.svg"), 1U << 20);
    REQUIRE(picture.ok());
    CHECK(has(*picture, "<svg "));
    const Answer nobody = run({"bench", "redteam", "--strategies", "nobody"});
    CHECK(nobody.code == 2);
    CHECK(has(nobody.text, "nobody"));
}

TEST_CASE("risk says of each shipped run file what a cheat is worth in it", "[process]") {
    for (const char* name : {"demo", "small", "124m", "1b"}) {
        const fs::path file =
            fs::path(ASSAY_SOURCE_DIR) / "configs" / (std::string(name) + ".toml");
        const Answer told = run({"risk", "--config", file.string()});
        INFO(told.text);
        CHECK(told.code == 0);
        check_width(told.text);
        CHECK(has(told.text, "skipping steps pays at no tenure"));
        CHECK(has(run({"risk", "--config", file.string(), "--json"}).text, "\"pays\": false"));
    }
    const std::string small = (fs::path(ASSAY_SOURCE_DIR) / "configs/small.toml").string();
    const Answer paid = run({"risk",
                             "--config",
                             small,
                             "--set",
                             "rounds.entry_work_bits=24",
                             "--hash-rate",
                             "1000000"});
    INFO(paid.text);
    check_width(paid.text);
    CHECK(has(paid.text, "a new key pays 16.78 million hashes for its entry: 16.8 s at 1 million"));
    const Answer pays =
        run({"risk", "--config", small, "--set", "pay.declared_cost_ppm=1,pay.audit_min_ppm=0"});
    INFO(pays.text);
    CHECK(pays.code == 3);
    CHECK(has(pays.text, "SKIPPING STEPS PAYS"));
}

}  // namespace
}  // namespace assay
