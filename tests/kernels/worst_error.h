// The largest error seen, and a line that says so at the end of a test case.

#pragma once

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <utility>

namespace assay {

class WorstError {
public:
    explicit WorstError(std::string what) : what_(std::move(what)) {}
    WorstError(const WorstError&) = delete;
    WorstError& operator=(const WorstError&) = delete;
    ~WorstError() { std::cout << "accuracy: " << what_ << ": " << worst_ << "\n"; }

    // The error of `value` in units of `size`, the natural size of what was rounded on the way.
    void see(double value, double exact, double size) {
        const double error = std::abs(value - exact);
        if (error != 0) {
            worst_ = std::isnan(error) ? INFINITY : std::max(worst_, error / size);
        }
    }
    [[nodiscard]] double worst() const { return worst_; }

private:
    std::string what_;
    double worst_ = 0;
};

}  // namespace assay
