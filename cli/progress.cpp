#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>

#include "cli/command_line.h"

namespace assay {

namespace {

constexpr std::chrono::milliseconds kQuietFirst{2000};
constexpr std::chrono::milliseconds kDrawEvery{250};

}  // namespace

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_),
      terminal_(::isatty(2) == 1) {}

void ProgressBar::show(double part) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - start_ < kQuietFirst || now - drawn_ < kDrawEvery) {
        return;
    }
    drawn_ = now;
    shown_ = true;
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    const double left = part > 0 ? elapsed / part - elapsed : 0;
    std::fprintf(
        stderr, "\r%s: %3.0f %%, about %.0f s left \033[K", what_.c_str(), part * 100, left);
}

void ProgressBar::done() {
    if (shown_) {
        std::fprintf(stderr, "\r\033[K");
    }
}

int failed(const std::string& reason) {
    std::fprintf(stderr, "assay: %s\n", reason.c_str());
    return kExitFailed;
}

}  // namespace assay
