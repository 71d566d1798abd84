// A child process that never outlives its parent: for the demo and the tests of real processes.
//
// Started with output into a log file; killed by the destructor. Owned by one thread.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace assay {

class ChildProcess {
public:
    // `arguments[0]` is the program's path; `environment` holds NAME=VALUE to add to ours.
    static Result<ChildProcess> start(const std::vector<std::string>& arguments,
                                      const std::filesystem::path& log_file,
                                      const std::vector<std::string>& environment = {});

    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess();

    // Exit code, or 128 + signal, once it has ended; none while it runs.
    std::optional<int> poll();
    // Waits until it ends; kills it when `timeout_ms` have passed (returns 128 + 9 then).
    int wait(int timeout_ms);
    // SIGTERM, SIGINT, SIGKILL, SIGSTOP, ...
    void signal(int number) const;
    [[nodiscard]] const std::filesystem::path& log_file() const { return log_file_; }

private:
    ChildProcess(pid_t pid, std::filesystem::path log_file);
    void end();

    pid_t pid_ = -1;
    std::optional<int> exit_code_;
    std::filesystem::path log_file_;
};

// Path of the running program.
std::string own_program_path();

}  // namespace assay
