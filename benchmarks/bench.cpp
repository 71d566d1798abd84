#include "benchmarks/bench.h"

#include <algorithm>

namespace assay {

namespace {

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double median(std::vector<double> values) {
    ASSAY_CHECK(!values.empty());
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

Alternating time_alternating(int repetitions,
                             const std::function<void()>& first,
                             const std::function<void()>& second) {
    first();  // warm caches, pools and dispatch
    second();
    std::vector<double> firsts;
    std::vector<double> seconds;
    for (int i = 0; i < repetitions; ++i) {
        firsts.push_back(seconds_of(first));
        seconds.push_back(seconds_of(second));
    }
    return {*std::min_element(firsts.begin(), firsts.end()),
            median(firsts),
            *std::min_element(seconds.begin(), seconds.end()),
            median(seconds)};
}

}  // namespace assay
