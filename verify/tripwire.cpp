#include "verify/tripwire.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>

#include "core/check.h"

namespace assay {

namespace {

// Pairs of steps further apart than this are compared by their roots alone.
constexpr size_t kCosineWindow = 64;

double product(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return sum;
}

void suspect(TripwireReport& report,
             std::initializer_list<size_t> steps,
             const char* words,
             double figure,
             double limit) {
    char figures[96] = "";
    if (limit > 0) {
        std::snprintf(figures, sizeof(figures), " %.3f over the limit %.3f", figure, limit);
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

void Tripwire::add(uint32_t step,
                   std::span<const float> g,
                   std::span<const float> v_after,
                   float bias2) {
    ASSAY_CHECK_LT(step, steps_.size());
    ASSAY_CHECK_EQ(g.size(), v_after.size());
    Step& into = steps_[step];
    into.g.insert(into.g.end(), g.begin(), g.end());
    for (size_t i = 0; i < g.size(); ++i) {
        const double v_hat = static_cast<double>(v_after[i]) * static_cast<double>(bias2);
        if (v_hat > 0) {
            into.energy_sum += static_cast<double>(g[i]) * static_cast<double>(g[i]) / v_hat;
            ++into.energy_count;
        }
    }
}

void Tripwire::add_states(std::span<const StateLeaf> states) {
    ASSAY_CHECK_EQ(states.size(), steps_.size());
    for (size_t t = 0; t < states.size(); ++t) {
        steps_[t].g_root = states[t].g_root;
    }
}

TripwireReport Tripwire::report(const VerifySettings& settings) const {
    TripwireReport report;
    report_repeated(report);
    report_zero(report);
    report_energy(report, settings);
    report_cosine(report, settings);
    report.coherence = coherence();
    std::sort(report.suspect_steps.begin(), report.suspect_steps.end());
    const auto end = std::unique(report.suspect_steps.begin(), report.suspect_steps.end());
    report.suspect_steps.erase(end, report.suspect_steps.end());
    ASSAY_CHECK_EQ(report.suspicious, !report.reason.empty());
    return report;
}

void Tripwire::report_energy(TripwireReport& report, const VerifySettings& settings) const {
    for (size_t t = 0; t < steps_.size(); ++t) {
        const Step& step = steps_[t];
        const double energy =
            step.energy_count > 0 ? step.energy_sum / static_cast<double>(step.energy_count) : 0;
        report.energy_max = std::max(report.energy_max, energy);
        if (energy > settings.tripwire_energy) {
            suspect(report, {t}, "has a mean g^2/v of", energy, settings.tripwire_energy);
        }
    }
}

void Tripwire::report_zero(TripwireReport& report) const {
    for (size_t t = 0; t < steps_.size(); ++t) {
        const std::vector<float>& g = steps_[t].g;
        const bool zero = std::all_of(g.begin(), g.end(), [](float x) { return x == 0; });
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

void Tripwire::report_cosine(TripwireReport& report, const VerifySettings& settings) const {
    std::vector<double> squares;
    for (const Step& step : steps_) {
        squares.push_back(product(step.g, step.g));
    }
    for (size_t t = 0; t < steps_.size(); ++t) {
        for (size_t s = t + 1; s < std::min(steps_.size(), t + kCosineWindow); ++s) {
            const double lengths = std::sqrt(squares[t] * squares[s]);
            if (!(lengths > 0) || steps_[s].g.size() != steps_[t].g.size()) {
                continue;
            }
            const double cosine = product(steps_[t].g, steps_[s].g) / lengths;
            report.cosine_max = std::max(report.cosine_max, cosine);
            if (cosine > settings.tripwire_cosine) {
                suspect(
                    report, {t, s}, "have gradients of cosine", cosine, settings.tripwire_cosine);
            }
        }
    }
}

double Tripwire::coherence() const {
    std::vector<double> sum(steps_.empty() ? 0 : steps_.front().g.size());
    double squares = 0;
    for (const Step& step : steps_) {
        if (step.g.size() != sum.size()) {
            return 0;
        }
        for (size_t i = 0; i < sum.size(); ++i) {
            sum[i] += static_cast<double>(step.g[i]);
        }
        squares += product(step.g, step.g);
    }
    double square_of_sum = 0;
    for (const double value : sum) {
        square_of_sum += value * value;
    }
    return squares > 0 ? square_of_sum / (static_cast<double>(steps_.size()) * squares) : 0;
}

}  // namespace assay
