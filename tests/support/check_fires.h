// Whether an assertion (core/check.h) fires: it ends its process, so it is tried in a child.
//
//     CHECK_THAT(fired_check([&] { queue.push(one_too_many); }), Catch::Contains("size() < max_"));

#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace assay {

// Runs `body` in a child of its own; what the assertion that fired there printed. Empty if none
// fired, however else the child ended. The child has no thread but the one that runs `body`.
template <typename F>
std::string fired_check(const F& body) {
    int words[2];
    if (::pipe(words) != 0) {
        return "";
    }
    const pid_t child = ::fork();
    if (child == 0) {
        // Catch reports a fatal signal itself, and the child has nothing to report.
        (void)std::signal(SIGABRT, SIG_DFL);
        const rlimit no_core{0, 0};
        (void)::setrlimit(RLIMIT_CORE, &no_core);
        (void)::dup2(words[1], STDERR_FILENO);
        (void)::close(words[0]);
        (void)::close(words[1]);
        try {
            body();
        } catch (...) {
            ::_exit(2);
        }
        ::_exit(0);
    }
    (void)::close(words[1]);
    std::string printed;
    char part[4096];
    for (ssize_t n = ::read(words[0], part, sizeof part); n > 0;
         n = ::read(words[0], part, sizeof part)) {
        printed.append(part, static_cast<size_t>(n));
    }
    (void)::close(words[0]);
    int status = 0;
    const bool aborted = child > 0 && ::waitpid(child, &status, 0) == child &&
                         WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    return aborted && printed.find("internal error at") != std::string::npos ? printed : "";
}

}  // namespace assay
