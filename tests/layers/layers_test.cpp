// The house rules, held against made-up files (each rule must be able to fail) and against the
// tree.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>

#include "tests/layers/house_rules.h"
#include "tests/layers/tree.h"

namespace assay {

namespace {

const char* const kLines =
    "# module(not_one DEPS x)\n"
    "module(core LIBS a::b)\n"
    "module(protocol DEPS core LIBS c)\n"
    "module(verify TORCH DEPS protocol)\n"
    "module(peer DEPS core\n"
    "       verify coordinator)\n"
    "module(coordinator DEPS verify)\n"
    "module(rounds DEPS verify)\n"
    "module(simulation FOLDER tests/simulation DEPS peer coordinator)\n"
    "test_folder(process LABEL process PROGRAM assay DEPS simulation)\n"
    "test_support(DEPS verify)\n"
    "fuzz_targets(core protocol)\n";

/// The reasons for which a made-up file with a fitting first line is refused, joined.
std::string refused(const std::string& path, const std::string& rest) {
    std::string reasons;
    for (const Fault& fault : faults_of(Layers::parse(kLines), path, "// What it is.\n" + rest)) {
        reasons += fault.text() + "\n";
    }
    return reasons;
}

}  // namespace

TEST_CASE("module lines are read with their folders and DEPS", "[layers]") {
    const Layers layers = Layers::parse(kLines);
    CHECK_FALSE(layers.knows("not_one"));
    CHECK(layers.allowed("verify") == std::set<std::string>{"core", "protocol", "verify"});
    CHECK(layers.allowed("fuzz") == std::set<std::string>{"core", "protocol", "fuzz"});
    CHECK(layers.allowed("tests/process").count("tests/simulation") == 1);
    CHECK(layers.folder_of("tests/verify/judge_test.cpp") == "verify");
    CHECK(layers.folder_of("tests/simulation/sim_world.h") == "tests/simulation");
    CHECK(layers.folder_of("tests/support/skip.h") == "tests/support");
    CHECK(layers.folder_of("assay.h").empty());
}

TEST_CASE("includes go down only", "[layers]") {
    CHECK(refused("verify/a.cpp", "#include \"core/digest.h\"\n").empty());
    CHECK(refused("tests/verify/a_test.cpp", "#include \"verify/judge.h\"\n").empty());
    CHECK(refused("core/digest.cpp", "#include \"protocol/codec.h\"\n") ==
          "core/digest.cpp:2: core/ may not include protocol/: it is not among its DEPS\n");
    CHECK_FALSE(refused("tests/core/a_test.cpp", "#include \"protocol/codec.h\"\n").empty());
    CHECK(refused("tests/core/a_test.cpp", "#include \"tests/support/skip.h\"\n").empty());
    CHECK_FALSE(refused("core/digest.cpp", "#include \"tests/support/skip.h\"\n").empty());
    CHECK_FALSE(refused("fuzz/a.cpp", "#include \"verify/judge.h\"\n").empty());
    const std::string support = "#include \"tests/support/scratch_folder.h\"\n";
    CHECK(refused("tests/core/a_test.cpp", support).empty());
    CHECK_FALSE(refused("core/digest.cpp", support).empty());
    CHECK(refused("tests/support/a.cpp", "#include \"verify/judge.h\"\n").empty());
    CHECK_FALSE(refused("tests/support/a.cpp", "#include \"peer/trainer.h\"\n").empty());
    CHECK_FALSE(refused("verify/a.cpp", "#include \"judge.h\"\n").empty());
    CHECK_FALSE(refused("verify/a.cpp", "#include \"utils/judge.h\"\n").empty());
}

TEST_CASE("coordinator and peer never include one another, whatever DEPS say", "[layers]") {
    const std::string reasons = refused("peer/a.cpp", "#include \"coordinator/coordinator.h\"\n");
    CHECK(reasons.find("meet on the wire") != std::string::npos);
}

TEST_CASE("generated protobuf headers stay inside protocol", "[layers]") {
    CHECK(refused("protocol/a.cpp", "#include \"assay/v1/messages.pb.h\"\n").empty());
    CHECK_FALSE(refused("verify/a.cpp", "#include \"assay/v1/messages.pb.h\"\n").empty());
}

TEST_CASE("core has a fixed list of files", "[layers]") {
    CHECK(refused("core/digest.h", "#pragma once\n").empty());
    CHECK_FALSE(refused("core/helpers.h", "#pragma once\n").empty());
}

TEST_CASE("files are commented, narrow, short and unconditional", "[layers]") {
    const std::string wide(101, 'x');
    const std::string unfinished = std::string("// TO") + "DO later\n";
    CHECK(refused("verify/a.cpp", std::string(100, 'x') + "\n").empty());
    CHECK_FALSE(refused("verify/a.cpp", wide + "\n").empty());
    CHECK_FALSE(refused("verify/a.cpp", "#ifdef __AVX2__\n").empty());
    CHECK_FALSE(refused("verify/a.h", "  #if 1\n").empty());
    CHECK_FALSE(refused("verify/a.cpp", unfinished).empty());
    CHECK_FALSE(faults_of(Layers::parse(kLines), "verify/a.cpp", "int x;\n").empty());
    CHECK_FALSE(faults_of(Layers::parse(kLines), "verify/a.cpp", "").empty());
    const std::string own = "#include \"verify/a.h\"\n";
    CHECK(faults_of(Layers::parse(kLines), "verify/a.cpp", own).empty());
    CHECK_FALSE(faults_of(Layers::parse(kLines), "verify/b.cpp", own).empty());
    std::string lines;
    for (int i = 0; i < 200; ++i) {
        lines += "int x;\n";
    }
    CHECK_FALSE(refused("verify/a.h", lines).empty());
    CHECK(refused("verify/a.cpp", lines).empty());
}

TEST_CASE("pure files know no clock, chance, socket or thread", "[layers]") {
    for (const char* line : {"auto t = Clock::now();\n",
                             "std::random_device r;\n",
                             "#include <zmq.hpp>\n",
                             "std::thread t;\n"}) {
        CAPTURE(line);
        CHECK_FALSE(refused("rounds/deadlines.cpp", line).empty());
        CHECK_FALSE(refused("verify/judge.h", line).empty());
        CHECK(refused("coordinator/coordinator.cpp", line).empty());
    }
    CHECK(refused("verify/judge.h", "// zmq is elsewhere\n").empty());
}

TEST_CASE("assertions have one prefix, rulers have words", "[layers]") {
    CHECK_FALSE(refused("verify/a.cpp", "    assert(x > 0);\n").empty());
    CHECK_FALSE(refused("verify/a.cpp", "    abort();\n").empty());
    CHECK_FALSE(refused("verify/a.cpp", "    CHECK(x > 0);\n").empty());
    CHECK(refused("verify/a.cpp", "    ASSAY_CHECK(x > 0);\n    static_assert(x);\n").empty());
    CHECK(refused("tests/verify/a_test.cpp", "    CHECK(x > 0);\n").empty());
    CHECK_FALSE(refused("verify/a.h", "// ---- events\n// --------------\n").empty());
    CHECK(refused("verify/a.h", "// ---- events --------------\n").empty());
}

TEST_CASE("tests do not sleep", "[layers]") {
    const std::string line = "std::this_thread::sleep_for(1s);\n";
    CHECK_FALSE(refused("tests/verify/a_test.cpp", line).empty());
    CHECK(refused("verify/a.cpp", line).empty());
}

TEST_CASE("the tree keeps the rules of the house", "[layers]") {
    const std::filesystem::path root = ASSAY_SOURCE_DIR;
    const Layers layers = Layers::parse(read_file(root / "CMakeLists.txt"));
    REQUIRE(layers.knows("core"));
    const std::vector<std::string> sources = files_under(root, is_source);
    REQUIRE(sources.size() > 20);
    int faults = 0;
    for (const std::string& path : sources) {
        for (const Fault& fault : faults_of(layers, path, read_file(root / path))) {
            std::cerr << fault.text() << "\n";
            ++faults;
        }
    }
    CHECK(faults == 0);
}

TEST_CASE("documents are at most 120 columns wide", "[layers]") {
    const std::string widest(120, 'x');
    CHECK(document_faults("docs/a.md", "\n" + widest + "\n").empty());
    const std::vector<Fault> made_up = document_faults("docs/a.md", "\n" + widest + "x\n");
    REQUIRE(made_up.size() == 1);
    CHECK(made_up[0].text() == "docs/a.md:2: over 120 columns");

    const std::filesystem::path root = ASSAY_SOURCE_DIR;
    const std::vector<std::string> documents = files_under(root, is_document);
    REQUIRE(std::count(documents.begin(), documents.end(), "README.md") == 1);
    REQUIRE(std::count(documents.begin(), documents.end(), "docs/log/format.md") == 1);
    for (const std::string& path : documents) {
        for (const Fault& fault : document_faults(path, read_file(root / path))) {
            FAIL_CHECK(fault.text());
        }
    }
}

}  // namespace assay
