// Benchmarks: what `assay bench` lists and runs, and the rows that they give.
//
// Speed lives here, never in a test. A comparison runs both sides in one process, alternating, and
// is reported as a ratio; every row says how many threads it used.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"

namespace assay {

struct BenchRow {
    std::string name;
    double value = 0;
    std::string unit;
    std::string against;  // what it is compared with; "" for nothing
    double ratio = 0;     // value relative to that; > 1 is better for us; 0 for nothing
    int threads = 1;
    std::string note;  // of the work itself: a hash of the result, a size; the same each time
    std::string context = {};  // measured beside it: medians, this machine's limits
};

struct BenchOptions {
    int threads = 1;
    int repetitions = 7;
    bool tiny = false;  // seconds instead of minutes: what the tests run
    int64_t seeds = 3;
    int64_t first_seed = 0;
    std::string text;        // a text file for benches that train; "" for a made one
    std::string against;     // only the rows against this; "" for all
    std::string parameters;  // size of the model: "1M"; "" for the bench's own
    std::string vary;        // settings of a sweep; "" for the bench's own
    std::string plot;        // SVG file that the rows are drawn into; "" for none
    std::function<void(double part)> progress = {};  // told how much of it is done, of 1
};

// Tells the progress, if anyone listens.
void tell(const BenchOptions& options, double part);
// The same options for what takes from `first` to `last` of the whole: its progress is that part.
BenchOptions narrowed(const BenchOptions& options, double first, double last);
BenchOptions with_threads(BenchOptions options, int threads);

struct Bench {
    std::string name;
    std::string summary;
    std::function<Result<std::vector<BenchRow>>(const BenchOptions&)> run;
    std::vector<std::string> against = {};     // what --against may name
    bool takes_threads = true;                 // false: it decides itself, and --threads is refused
    bool sweeps = false;                       // whether it takes --vary
    std::vector<std::string> parameters = {};  // what --parameters may name
    std::function<std::string(const std::vector<BenchRow>&)> plot = {};  // rows as an SVG, if any
};

// Why `bench` cannot run with `options`, beginning with the option; "" where it can.
std::string refusal(const Bench& bench, const BenchOptions& options);

// All benchmarks, in the order of the list.
const std::vector<Bench>& all_benches();

// Minimum and median seconds of `first` and `second`, run alternately `repetitions` times.
struct Alternating {
    double first_min = 0;
    double first_median = 0;
    double second_min = 0;
    double second_median = 0;
};
Alternating time_alternating(int repetitions,
                             const std::function<void()>& first,
                             const std::function<void()>& second);
// options.repetitions of them, and their progress. With options.threads above 1 it waits before
// each until threads of the other side that spin have gone to sleep.
Alternating time_alternating(const BenchOptions& options,
                             const std::function<void()>& first,
                             const std::function<void()>& second);
// The upper one of an even number. REQUIRES: not empty.
double median(std::vector<double> values);

// "min 1.203 ms, median 1.251 ms", and the same of the other side; for a row's context.
std::string describe_time(double min, double median);
std::string describe_times(const Alternating& time);
// Behind a row's name: "" for one thread, "_2_threads" for two.
std::string threads_suffix(int threads);

}  // namespace assay
