#include "cli/soak.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/command_line.h"
#include "simulation/soak.h"

namespace assay {

namespace {

constexpr uint64_t kTellEvery = 500;  // rounds

std::string again(uint64_t seed) {
    return "assay simulate --soak --rounds 1 --seed " + std::to_string(seed);
}

// What an assertion that fails leaves behind: which run it was.
char last_words[160] = "";

void tell_run(int) {
    const ssize_t told = ::write(STDERR_FILENO, last_words, std::strlen(last_words));
    (void)told;
}

void prepare_last_words(uint64_t seed) {
    std::snprintf(last_words,
                  sizeof(last_words),
                  "assay: that was in the run of seed %llu; again: %s\n",
                  static_cast<unsigned long long>(seed),
                  again(seed).c_str());
}

}  // namespace

int run_soak(uint64_t seed, uint64_t rounds) {
    std::signal(SIGABRT, tell_run);
    uint64_t told = 0;
    SoakOptions options;
    options.seed = seed;
    options.rounds = rounds;
    options.progress = [&](uint64_t run_seed, uint64_t done) {
        prepare_last_words(run_seed);
        if (done >= told + kTellEvery) {
            told = done;
            std::fprintf(stderr,
                         "soak: %llu of %llu rounds, at seed %llu\n",
                         static_cast<unsigned long long>(done),
                         static_cast<unsigned long long>(rounds),
                         static_cast<unsigned long long>(run_seed));
        }
    };
    const SoakReport report = soak(options);
    std::signal(SIGABRT, SIG_DFL);
    std::printf("%s\n", describe(report).c_str());
    if (!report.ok()) {
        std::printf("again: %s\n", again(report.last_seed).c_str());
    }
    return report.ok() ? kExitOk : kExitVerification;
}

}  // namespace assay
