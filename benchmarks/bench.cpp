#include "benchmarks/bench.h"

#include <algorithm>
#include <cstdio>
#include <thread>

namespace assay {

namespace {

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The threads of OpenMP look for work for up to 20 ms after they had some, and would take a core
// from whoever comes next.
void wait_for_idle_cores(const BenchOptions& options) {
    if (options.threads > 1 && !options.tiny) {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
}

std::string joined(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& word : words) {
        all += (all.empty() ? "" : ", ") + word;
    }
    return all;
}

bool names(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string refusal(const Bench& bench, const BenchOptions& options) {
    if (!options.against.empty() && !names(bench.against, options.against)) {
        return "--against " + options.against + ": " + bench.name + " is not compared with that" +
               (bench.against.empty() ? "" : ", but with " + joined(bench.against));
    }
    if (!bench.takes_threads && options.threads != 1) {
        return "--threads: " + bench.name + " decides itself how many threads it measures";
    }
    if (!options.parameters.empty() && !names(bench.parameters, options.parameters)) {
        return "--parameters " + options.parameters + ": " + bench.name + " has " +
               (bench.parameters.empty() ? "no choice of model sizes"
                                         : "the sizes " + joined(bench.parameters));
    }
    if (!options.parameters.empty() && options.tiny) {
        return "--parameters: --tiny is a size of its own; leave one of the two out";
    }
    if (!options.vary.empty() && !bench.sweeps) {
        return "--vary: " + bench.name + " has no settings to vary";
    }
    if (!options.plot.empty() && !bench.plot) {
        return "--plot: " + bench.name + " has no plot";
    }
    return "";
}

double median(std::vector<double> values) {
    ASSAY_CHECK(!values.empty());
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

void tell(const BenchOptions& options, double part) {
    if (options.progress) {
        options.progress(part);
    }
}

BenchOptions narrowed(const BenchOptions& options, double first, double last) {
    BenchOptions inner = options;
    if (options.progress) {
        inner.progress = [outer = options.progress, first, last](double part) {
            outer(first + part * (last - first));
        };
    }
    return inner;
}

BenchOptions with_threads(BenchOptions options, int threads) {
    options.threads = threads;
    return options;
}

Alternating time_alternating(int repetitions,
                             const std::function<void()>& first,
                             const std::function<void()>& second) {
    BenchOptions options;
    options.repetitions = repetitions;
    return time_alternating(options, first, second);
}

Alternating time_alternating(const BenchOptions& options,
                             const std::function<void()>& first,
                             const std::function<void()>& second) {
    first();  // warm caches, pools and dispatch
    second();
    std::vector<double> firsts;
    std::vector<double> seconds;
    for (int i = 0; i < options.repetitions; ++i) {
        tell(options, (i + 1.0) / (options.repetitions + 1.0));
        wait_for_idle_cores(options);
        firsts.push_back(seconds_of(first));
        wait_for_idle_cores(options);
        seconds.push_back(seconds_of(second));
    }
    tell(options, 1);
    return {*std::min_element(firsts.begin(), firsts.end()),
            median(firsts),
            *std::min_element(seconds.begin(), seconds.end()),
            median(seconds)};
}

std::string describe_time(double min, double median) {
    char text[64];
    std::snprintf(text, sizeof(text), "min %.4g ms, median %.4g ms", min * 1e3, median * 1e3);
    return text;
}

std::string describe_times(const Alternating& time) {
    return describe_time(time.first_min, time.first_median) + "; the other " +
           describe_time(time.second_min, time.second_median);
}

std::string threads_suffix(int threads) {
    return threads == 1 ? "" : "_" + std::to_string(threads) + "_threads";
}

}  // namespace assay
