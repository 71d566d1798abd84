// Class exact among real processes: peers with other kernels and other numbers of threads than the
// coordinator are audited in each round, and every audit is equal.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "cli/command_line.h"
#include "coordinator/run_folder.h"
#include "core/files.h"
#include "kernels/kernel_path.h"
#include "llama/device.h"
#include "protocol/limits.h"
#include "tests/process/world.h"
#include "tests/support/skip.h"

namespace assay {

namespace fs = std::filesystem;

namespace {

// Zeros on the coordinator's shelf: the v of a first step, for whose copy nobody waits.
bool keeps_fresh_moments(const ProcessWorld& world) {
    const fs::path blobs = RunFolderPaths{world.coordinator_folder()}.blobs();
    const auto is_zeros = [](const fs::directory_entry& blob) {
        if (!blob.is_regular_file()) {
            return false;
        }
        const Result<Bytes> bytes = read_file(blob.path(), limits::kBlobBytesMax);
        REQUIRE(bytes.ok());
        return std::all_of(bytes->begin(), bytes->end(), [](uint8_t byte) { return byte == 0; });
    };
    return std::any_of(fs::recursive_directory_iterator(blobs), {}, is_zeros);
}

// Everybody is audited in each round: nobody was rejected, and somebody counted.
void check_audits(const ProcessWorld& world) {
    size_t counted = 0;
    for (const RoundStatus& round : world.rounds()) {
        for (const PeerStatus& peer : round.peers) {
            INFO(peer.reason);
            CHECK(peer.verdict != "rejected");
            counted += peer.verdict == "counted" ? 1 : 0;
        }
    }
    CHECK(counted > 0);
}

TEST_CASE("audits are equal whatever kernels and threads a peer computes with", "[process]") {
    ProcessWorld world(4, 3);
    const std::vector<KernelPath> paths = available_kernel_paths();
    const std::vector<std::string> names = {"p1", "p2", "p3", "p4"};
    for (const std::string& name : names) {
        world.make_peer(name);
    }
    world.start_coordinator();
    for (size_t i = 0; i < names.size(); ++i) {
        const KernelPath path = paths[i % paths.size()];
        world.start_peer(names[i],
                         {"--kernels",
                          std::string(kernel_path_name(path)),
                          "--threads",
                          std::to_string(1 + i / 2)});
    }
    world.await_finish();
    world.check_honest(names);
    check_audits(world);
    CHECK_FALSE(keeps_fresh_moments(world));
}

// Four peers of class fp32, each with a code path that libtorch is told to take.
void check_torch_peers(const std::vector<std::string>& paths) {
    ProcessWorld world(
        3, static_cast<int>(paths.size()), {{"rounds", "classes", "\"exact,fp32\""}});
    std::vector<std::string> names;
    for (size_t i = 0; i < paths.size(); ++i) {
        names.push_back("p" + std::to_string(i + 1));
        world.make_peer(names.back());
    }
    world.start_coordinator();
    for (size_t i = 0; i < paths.size(); ++i) {
        world.start_peer(names[i],
                         {"--class", "fp32", "--threads", std::to_string(1 + i / 2)},
                         {std::string(kTorchPathVariable) + "=" + paths[i]});
    }
    world.await_finish();
    world.check_honest(names);
    check_audits(world);
    CHECK(keeps_fresh_moments(world));
}

// libtorch takes it for granted that the CPU has the path that it is told: the CPU is asked here.
void check_torch_path_among_peers(const std::string& path) {
    const std::vector<std::string> here = torch_paths(available_kernel_paths());
    if (std::find(here.begin(), here.end(), path) == here.end()) {
        skip_case("this CPU, or a build without libtorch, lacks libtorch's code path " + path);
        return;
    }
    check_torch_peers({"default", "avx2", path, "default"});
}

TEST_CASE("peers of a tolerance class are audited inside it, with libtorch on AVX2 or plain",
          "[process][needs_avx2]") {
    check_torch_path_among_peers("avx2");
}

TEST_CASE("peers of a tolerance class are audited inside it, whatever libtorch computes with",
          "[process][needs_avx512]") {
    check_torch_path_among_peers("avx512");
}

bool lacks_torch() {
    if (!torch_compiled()) {
        skip_case("this build has no libtorch, which classes other than exact compute with");
    }
    return !torch_compiled();
}

TEST_CASE("peers take the run's numeric class, unless they are told another",
          "[process][needs_torch]") {
    if (lacks_torch()) {
        return;
    }
    ProcessWorld world(
        3, 2, {{"inner", "numeric_class", "\"fp32\""}, {"rounds", "classes", "\"exact,fp32\""}});
    world.make_peer("p1");
    world.make_peer("p2");
    world.start_coordinator();
    world.start_peer("p1");
    world.start_peer("p2", {"--class", "exact"});
    world.await_finish();
    world.check_honest({"p1", "p2"});
}

TEST_CASE("a run of a class that rounds operands trains, and its audits pass",
          "[process][needs_torch]") {
    if (lacks_torch()) {
        return;
    }
    const std::string numeric_class = GENERATE("bf16", "tf32");
    ProcessWorld world(3, 2, {{"inner", "numeric_class", '"' + numeric_class + '"'}});
    world.make_peer("p1");
    world.make_peer("p2");
    world.start_coordinator();
    world.start_peer("p1");
    world.start_peer("p2");
    world.await_finish();
    world.check_honest({"p1", "p2"});
    check_audits(world);
}

TEST_CASE("peers of class exact and of a tolerance class train in one run",
          "[process][needs_torch]") {
    if (lacks_torch()) {
        return;
    }
    ProcessWorld world(3, 2, {{"rounds", "classes", "\"exact,fp32\""}});
    world.make_peer("p1");
    world.make_peer("p2");
    world.start_coordinator();
    world.start_peer("p1", {"--class", "fp32"});
    world.start_peer("p2");
    world.await_finish();
    world.check_honest({"p1", "p2"});
}

TEST_CASE("a peer of a class that the run does not admit ends with the refusal",
          "[process][needs_torch]") {
    if (lacks_torch()) {
        return;
    }
    ProcessWorld world(2, 1);
    world.start_coordinator();
    world.start_peer("p1", {"--class", "fp32"});
    CHECK(world.await_end("p1", 60000) == kExitNeverAgain);
    CHECK(world.log_of("p1").find("this run does not admit numeric class fp32; admitted: exact") !=
          std::string::npos);
    world.start_peer("p1");
    world.await_finish();
    world.check_honest({"p1"});
}

}  // namespace
}  // namespace assay
