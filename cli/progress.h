// ProgressBar of work that takes over two seconds, on stderr; and how a command says that it
// failed.

#pragma once

#include <chrono>
#include <string>

namespace assay {

class ProgressBar {
public:
    // `what` stands in front of the bar. Nothing is drawn for the first two seconds.
    explicit ProgressBar(std::string what);
    // `part` of 1. Draws at most a few times a second, on a terminal only.
    void show(double part);
    void done();

private:
    std::string what_;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point drawn_;
    bool terminal_;
    bool shown_ = false;
};

// Prints the reason to stderr; returns the exit code.
int failed(const std::string& reason);

}  // namespace assay
