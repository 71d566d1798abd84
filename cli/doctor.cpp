// `assay doctor`: looks at this machine and says what would go wrong before it does.

#include <arpa/inet.h>
#include <hdf5.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>
#include <zmq.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include "cli/commands.h"
#include "cli/compute_options.h"
#include "cli/doctor_run.h"
#include "compression/device_update.h"
#include "configs/transfers.h"
#include "kernels/kernel_path.h"
#include "llama/device.h"

namespace assay {

namespace {

struct DoctorOptions {
    std::string folder = ".";
    std::string coordinator;
    std::string coordinator_key;
    std::string config;  // run file; "": of no run
    int64_t port = 7700;
    int64_t peers = 1;
    ComputeOptions compute;
    int64_t parameters_millions = 1;
    int64_t inner_steps = 12;
};

std::string libraries_text() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    H5get_libversion(&major, &minor, &release);
    int zmq_major = 0;
    int zmq_minor = 0;
    int zmq_patch = 0;
    zmq_version(&zmq_major, &zmq_minor, &zmq_patch);
    return "HDF5 " + std::to_string(major) + "." + std::to_string(minor) + "." +
           std::to_string(release) + ", ZeroMQ " + std::to_string(zmq_major) + "." +
           std::to_string(zmq_minor) + "." + std::to_string(zmq_patch) + ", SQLite " +
           sqlite3_libversion() + ", libsodium " + sodium_version_string() + ", " +
           OpenSSL_version(OPENSSL_VERSION);
}

Finding check_libraries() {
    if (zmq_has("curve") == 0) {
        return {Health::kBad,
                "libraries",
                "this ZeroMQ has no CURVE encryption; install Debian's libzmq5"};
    }
    return {Health::kGood, "libraries", libraries_text()};
}

Finding check_cpu(const DoctorOptions& options) {
    if (const Status forced = force_kernels(options.compute); !forced) {
        return {Health::kBad, "processor", forced.reason()};
    }
    const std::string text = std::to_string(std::thread::hardware_concurrency()) +
                             " cores; kernels: " + path_names(available_kernel_paths());
    if (kernel_path() == KernelPath::kScalar) {
        return {Health::kNote, "processor", text + ": scalar is correct, but slow"};
    }
    return {Health::kGood,
            "processor",
            text + " (" + std::string(kernel_path_name(kernel_path())) +
                " is used; all give the same bits)"};
}

Finding check_threads(const DoctorOptions& options) {
    const int64_t wanted = options.peers * options.compute.threads;
    const int64_t cores = std::thread::hardware_concurrency();
    const std::string text = std::to_string(options.peers) + " peers of " +
                             std::to_string(options.compute.threads) + " threads on " +
                             std::to_string(cores) + " cores";
    if (wanted > cores && options.compute.threads > 1) {
        return {Health::kBad,
                "threads",
                text + ": give each peer --threads 1, or they will wait for one another"};
    }
    return {wanted > cores ? Health::kNote : Health::kGood, "threads", text};
}

Finding check_tensor_library() {
    if (const Status usable = check_torch_path(); !usable) {
        return {Health::kBad, "tensor library", usable.reason()};
    }
    return {Health::kGood, "tensor library", describe_torch()};
}

// Runs the compressor's kernels where a device is: nobody has to believe that they give its bits.
Finding check_cuda() {
    const std::string what = "CUDA kernels";
    if (!cuda_compiled()) {
        return {Health::kGood, what, "none in this build: no nvcc, or ASSAY_CUDA was OFF"};
    }
    Result<std::unique_ptr<ChunkDevice>> device = open_cuda_device();
    if (!device) {
        const Health health = cuda_available() ? Health::kNote : Health::kGood;
        return {health, what, "compiled in, not used here (" + device.reason() + ")"};
    }
    if (const Status same = check_device(**device); !same) {
        return {Health::kBad, what, (*device)->name() + ": " + same.reason()};
    }
    return {Health::kGood,
            what,
            (*device)->name() +
                ": the compressor's give the scalar path's bits (rounds do not "
                "use them: theta and e are in host memory)"};
}

Finding check_port(int64_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const int rc = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::close(fd);
    const std::string name = "port " + std::to_string(port);
    if (rc != 0) {
        return {Health::kNote,
                name,
                "is in use: no harm to a peer; a coordinator here needs another --listen"};
    }
    return {Health::kGood, name, "is free for a coordinator (peers need no open port)"};
}

Finding check_clock() {
    timex state{};
    const int rc = ::adjtimex(&state);
    if (rc < 0 || (state.status & STA_UNSYNC) != 0) {
        return {Health::kNote,
                "clock",
                "is not synchronised (deadlines are the coordinator's; start chrony or ntpd)"};
    }
    return {Health::kGood, "clock", "is synchronised"};
}

// A node makes its folder when it starts: before that, the disk is that of the folder above.
std::string existing_folder(const std::string& folder) {
    std::error_code code;
    std::filesystem::path path = std::filesystem::absolute(folder, code);
    while (path.has_relative_path() && !std::filesystem::exists(path, code)) {
        path = path.parent_path();
    }
    return path.string();
}

Finding check_disk(const DoctorOptions& options) {
    struct statvfs info {};
    if (::statvfs(existing_folder(options.folder).c_str(), &info) != 0) {
        return {Health::kBad, "disk", "cannot look at " + options.folder};
    }
    const auto free_bytes = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
    const double needed = peer_disk_bytes(1e6 * static_cast<double>(options.parameters_millions),
                                          static_cast<double>(options.inner_steps));
    char text[128];
    std::snprintf(text,
                  sizeof(text),
                  "%.1f GB free in %s; a peer of %ld M parameters needs %.2f GB",
                  free_bytes / 1e9,
                  options.folder.c_str(),
                  static_cast<long>(options.parameters_millions),
                  needed / 1e9);
    return {free_bytes < needed ? Health::kBad : Health::kGood, "disk", text};
}

int doctor(const DoctorOptions& options) {
    std::vector<Finding> findings = {check_libraries(),
                                     check_cpu(options),
                                     check_threads(options),
                                     check_tensor_library(),
                                     check_cuda(),
                                     check_port(options.port),
                                     check_clock(),
                                     check_disk(options)};
    for (Finding& finding : visit_run({options.coordinator,
                                       options.coordinator_key,
                                       options.config,
                                       options.folder,
                                       options.compute})) {
        findings.push_back(std::move(finding));
    }
    int bad = 0;
    for (const Finding& finding : findings) {
        const char* mark = finding.health == Health::kGood   ? "ok  "
                           : finding.health == Health::kNote ? "note"
                                                             : "BAD ";
        bad += finding.health == Health::kBad ? 1 : 0;
        std::printf("%s  %-15s %s\n", mark, finding.what.c_str(), finding.details.c_str());
    }
    std::printf(bad == 0 ? "This machine can train. Try: assay demo\n"
                         : "%d problem(s) above need attention first.\n",
                bad);
    return bad == 0 ? kExitOk : kExitFailed;
}

}  // namespace

void add_doctor(CommandLine& line) {
    static DoctorOptions options;
    Command& command =
        line.add("doctor",
                 "Check this machine: libraries, processor, GPU, port, clock, disk; and a run "
                 "beside it",
                 "assay doctor --config run.toml --peers 4 --threads 1\n"
                 "assay doctor --coordinator tcp://train.example:7700 --coordinator-key 9f3c... "
                 "--dir peer1",
                 [] { return doctor(options); })
            .text("--dir", options.folder, "folder in which a node would keep its data")
            .text(
                "--coordinator",
                options.coordinator,
                "look at this run too: reachable, admitted, versions, clock, links; takes no part")
            .text("--coordinator-key", options.coordinator_key, "its public key")
            .text("--config",
                  options.config,
                  "run file: says what a peer of it sends in a round, and times one here; default: "
                  "that of the coordinator's run")
            .number("--port", options.port, 1, 65535, "port of a coordinator on this machine")
            .number("--peers", options.peers, 1, 1024, "peers that will run on this machine")
            .number(
                "--parameters", options.parameters_millions, 1, 1000000, "millions of parameters")
            .number("--inner-steps", options.inner_steps, 1, 1024, "inner steps of a round");
    add_compute_options(command, options.compute, "threads of each");
}

}  // namespace assay
