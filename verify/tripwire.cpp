#include "verify/tripwire.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>

#include "core/check.h"
#include "verify/ppm.h"

namespace assay {

namespace {

// Pairs of steps further apart than this are compared by their roots alone.
constexpr size_t kCosineWindow = 64;

uint32_t energy_ppm(double energy) {
    return in_ppm(energy, UINT32_MAX);
}

double product(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return sum;
}

// The lower one of two; 0 of none.
double middle(std::vector<double> values) {
    if (values.empty()) {
        return 0;
    }
    const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

void suspect(TripwireReport& report,
             std::initializer_list<size_t> steps,
             const char* words,
             double figure,
             uint32_t limit_ppm) {
    char figures[96] = "";
    if (limit_ppm > 0) {
        std::snprintf(figures,
                      sizeof(figures),
                      " %.3f over the limit %.3f",
                      figure,
                      static_cast<double>(limit_ppm) / 1e6);
    }
    report.suspicious = true;
    std::string text = "step";
    for (const size_t step : steps) {
        text += " " + std::to_string(step);
        report.suspect_steps.push_back(static_cast<uint32_t>(step));
    }
    if (report.reason.size() < 512) {
        report.reason += (report.reason.empty() ? "" : "; ") + text + " " + words + figures;
    }
}

}  // namespace

TripwireFigures figures_of(const TripwireReport& report) {
    return {energy_ppm(report.energy_max), in_ppm(report.cosine_max), 0, 0};
}

TripwireFigures tripwire_floor(const VerifySettings& settings) {
    return {energy_ppm(settings.tripwire_energy),
            in_ppm(settings.tripwire_cosine),
            in_ppm(settings.overlap_limit),
            in_ppm(settings.cosine_limit)};
}

void Tripwire::add(uint32_t step,
                   std::span<const float> g,
                   std::span<const float> v_after,
                   float bias2) {
    ASSAY_CHECK_LT(step, steps_.size());
    ASSAY_CHECK_EQ(g.size(), v_after.size());
    Step& into = steps_[step];
    into.g.emplace_back(g.begin(), g.end());
    double energy = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < g.size(); ++i) {
        const double v_hat = static_cast<double>(v_after[i]) * static_cast<double>(bias2);
        if (v_hat > 0) {
            energy += static_cast<double>(g[i]) * static_cast<double>(g[i]) / v_hat;
            ++count;
        }
    }
    if (count > 0) {
        into.energies.push_back(energy / static_cast<double>(count));
    }
}

void Tripwire::add_states(std::span<const StateLeaf> states) {
    ASSAY_CHECK_EQ(states.size(), steps_.size());
    for (size_t t = 0; t < states.size(); ++t) {
        steps_[t].g_root = states[t].g_root;
    }
}

TripwireReport Tripwire::report(const TripwireFigures& limits) const {
    TripwireReport report;
    report_repeated(report);
    report_zero(report);
    report_energy(report, limits);
    report_cosine(report, limits);
    report.coherence = coherence();
    std::sort(report.suspect_steps.begin(), report.suspect_steps.end());
    const auto end = std::unique(report.suspect_steps.begin(), report.suspect_steps.end());
    report.suspect_steps.erase(end, report.suspect_steps.end());
    ASSAY_CHECK_EQ(report.suspicious, !report.reason.empty());
    return report;
}

void Tripwire::report_energy(TripwireReport& report, const TripwireFigures& limits) const {
    for (size_t t = 0; t < steps_.size(); ++t) {
        const double energy = middle(steps_[t].energies);
        report.energy_max = std::max(report.energy_max, energy);
        if (energy_ppm(energy) > limits.energy_ppm) {
            suspect(report, {t}, "has a mean g^2/v of", energy, limits.energy_ppm);
        }
    }
}

void Tripwire::report_zero(TripwireReport& report) const {
    for (size_t t = 0; t < steps_.size(); ++t) {
        const std::vector<std::vector<float>>& g = steps_[t].g;
        const bool zero = std::all_of(
            g.begin(), g.end(), [](const auto& chunk) { return product(chunk, chunk) == 0; });
        if (zero && !g.empty()) {
            suspect(report, {t}, "has a zero gradient in every opened chunk", 0, 0);
        }
    }
}

void Tripwire::report_repeated(TripwireReport& report) const {
    std::unordered_map<Digest, size_t> first_with;
    for (size_t t = 0; t < steps_.size(); ++t) {
        if (steps_[t].g_root.is_zero()) {
            continue;
        }
        const auto [found, inserted] = first_with.emplace(steps_[t].g_root, t);
        if (!inserted) {
            suspect(report, {found->second, t}, "have bit-equal gradients", 0, 0);
        }
    }
}

double Tripwire::cosine(const Step& a, const Step& b) {
    std::vector<double> cosines;
    for (size_t i = 0; i < std::min(a.g.size(), b.g.size()); ++i) {
        const double lengths = std::sqrt(product(a.g[i], a.g[i]) * product(b.g[i], b.g[i]));
        if (lengths > 0 && a.g[i].size() == b.g[i].size()) {
            cosines.push_back(product(a.g[i], b.g[i]) / lengths);
        }
    }
    return middle(std::move(cosines));
}

void Tripwire::report_cosine(TripwireReport& report, const TripwireFigures& limits) const {
    for (size_t t = 0; t < steps_.size(); ++t) {
        for (size_t s = t + 1; s < std::min(steps_.size(), t + kCosineWindow); ++s) {
            const double figure = cosine(steps_[t], steps_[s]);
            report.cosine_max = std::max(report.cosine_max, figure);
            if (in_ppm(figure) > limits.cosine_ppm) {
                suspect(report, {t, s}, "have gradients of cosine", figure, limits.cosine_ppm);
            }
        }
    }
}

double Tripwire::coherence() const {
    double squares = 0;
    double square_of_sum = 0;
    for (size_t chunk = 0; !steps_.empty() && chunk < steps_.front().g.size(); ++chunk) {
        std::vector<double> sum(steps_.front().g[chunk].size());
        for (const Step& step : steps_) {
            if (step.g.size() <= chunk || step.g[chunk].size() != sum.size()) {
                return 0;
            }
            for (size_t i = 0; i < sum.size(); ++i) {
                sum[i] += static_cast<double>(step.g[chunk][i]);
            }
            squares += product(step.g[chunk], step.g[chunk]);
        }
        for (const double value : sum) {
            square_of_sum += value * value;
        }
    }
    return squares > 0 ? square_of_sum / (static_cast<double>(steps_.size()) * squares) : 0;
}

}  // namespace assay
