// L6t: signs of faked steps on gradients that were opened anyway. Costs nothing, proves nothing.
//
// Three signs: a step whose mean g^2 over the second moment is too large (a fake spread over quiet
// coordinates), a step that is zero or bit-equal to another, two steps that point the same way.
// Raises the audit rate to 1 and names steps to audit; never refuses anybody.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/messages.h"
#include "verify/settings.h"

namespace assay {

struct TripwireReport {
    bool suspicious = false;
    std::string reason;                   // "" if not suspicious
    std::vector<uint32_t> suspect_steps;  // increasing
    double energy_max = 0;                // largest mean of g^2 / v_hat over a step's opened values
    double cosine_max = 0;                // largest cosine of two steps' opened gradients
    double coherence = 0;  // |sum g|^2 / (H sum |g|^2): 1 / H where steps are incoherent
};

class Tripwire {
public:
    // Of one peer in one round.
    explicit Tripwire(uint32_t inner_steps) : steps_(inner_steps) {}

    // One opened tile of step t: the gradient, and v after the update with its bias correction
    // 1 / (1 - beta2^k). Values with v = 0 were never touched and do not count.
    void add(uint32_t step, std::span<const float> g, std::span<const float> v_after, float bias2);
    // The roots that the leaves hold: equal g roots are equal steps, opened or not.
    void add_states(std::span<const StateLeaf> states);

    // Pure: may be asked at any time, of what was added so far.
    [[nodiscard]] TripwireReport report(const VerifySettings& settings) const;

private:
    struct Step {
        std::vector<float> g;  // of all opened tiles, in order of chunk
        double energy_sum = 0;
        uint64_t energy_count = 0;
        Digest g_root;
    };
    void report_energy(TripwireReport& report, const VerifySettings& settings) const;
    void report_zero(TripwireReport& report) const;
    void report_repeated(TripwireReport& report) const;
    void report_cosine(TripwireReport& report, const VerifySettings& settings) const;
    [[nodiscard]] double coherence() const;

    std::vector<Step> steps_;
};

}  // namespace assay
