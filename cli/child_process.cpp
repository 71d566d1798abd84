#include "cli/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace assay {

namespace {

std::vector<std::string> merged_environment(const std::vector<std::string>& added) {
    std::vector<std::string> merged = added;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string existing = *entry;
        const std::string name = existing.substr(0, existing.find('=') + 1);
        bool replaced = false;
        for (const std::string& extra : added) {
            replaced = replaced || extra.rfind(name, 0) == 0;
        }
        if (!replaced) {
            merged.push_back(existing);
        }
    }
    return merged;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (std::string& text : strings) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, char* const* environment, int log, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
        ::_exit(127);
    }
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(nothing, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::execve(arguments[0], arguments, environment);
    ::_exit(127);
}

int exit_code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ChildProcess::ChildProcess(pid_t pid, std::filesystem::path log_file)
    : pid_(pid), log_file_(std::move(log_file)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_code_(other.exit_code_),
      log_file_(std::move(other.log_file_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    if (this != &other) {
        end();
        pid_ = std::exchange(other.pid_, -1);
        exit_code_ = other.exit_code_;
        log_file_ = std::move(other.log_file_);
    }
    return *this;
}

ChildProcess::~ChildProcess() {
    end();
}

void ChildProcess::end() {
    if (pid_ > 0 && !poll()) {
        signal(SIGKILL);
        wait(10000);
    }
}

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& arguments,
                                         const std::filesystem::path& log_file,
                                         const std::vector<std::string>& environment) {
    ASSAY_CHECK(!arguments.empty());
    const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) {
        return fail("cannot open log file " + log_file.string() + ": " + std::strerror(errno));
    }
    std::vector<std::string> words = arguments;
    std::vector<std::string> settings = merged_environment(environment);
    const std::vector<char*> argument_pointers = pointers(words);
    const std::vector<char*> environment_pointers = pointers(settings);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        become(argument_pointers.data(), environment_pointers.data(), log, parent);
    }
    ::close(log);
    if (pid < 0) {
        return fail("cannot start " + arguments.front() + ": " + std::strerror(errno));
    }
    return ChildProcess(pid, log_file);
}

std::optional<int> ChildProcess::poll() {
    if (exit_code_ || pid_ < 0) {
        return exit_code_;
    }
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        exit_code_ = exit_code_of(status);
    }
    return exit_code_;
}

int ChildProcess::wait(int timeout_ms) {
    if (poll()) {
        return *exit_code_;
    }
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    pollfd waited{fd, POLLIN, 0};
    const int ready = fd < 0 ? 0 : ::poll(&waited, 1, timeout_ms);
    if (fd >= 0) {
        ::close(fd);
    }
    if (ready <= 0 && !poll()) {
        signal(SIGKILL);
    }
    if (!exit_code_) {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        exit_code_ = exit_code_of(status);
    }
    return *exit_code_;
}

void ChildProcess::signal(int number) const {
    if (pid_ > 0 && !exit_code_) {
        ::kill(pid_, number);
    }
}

std::string own_program_path() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
}

}  // namespace assay
