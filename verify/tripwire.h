// L6t: signs of faked steps on gradients that were opened anyway. Costs nothing, proves nothing.
//
// Three signs: a step whose mean g^2 over the second moment is too large (a fake spread over quiet
// coordinates), a step that is zero or bit-equal to another, two steps that point the same way.
// How large and how alike is usual is the run's own to say (ledger/tripwire_history.h): the limits
// come from outside. Raises later audit rates to 1; never refuses anybody, and no pay waits for it.

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
    // Over the steps, the largest mean of g^2 / v_hat, and over their pairs the largest cosine;
    // each of the middle opened chunk (the lower one of two): a fake shows in all of them, a row of
    // an embedding that is touched for the first time in one.
    double energy_max = 0;
    double cosine_max = 0;
    double coherence = 0;  // |sum g|^2 / (H sum |g|^2): 1 / H where steps are incoherent
};

// As a verdict tells it: rounded down to parts per million, at most what the field holds.
TripwireFigures figures_of(const TripwireReport& report);
// Limits that a run never goes below, whatever it has shown.
TripwireFigures tripwire_floor(const VerifySettings& settings);

class Tripwire {
public:
    // Of one peer in one round.
    explicit Tripwire(uint32_t inner_steps) : steps_(inner_steps) {}

    // Opened values of one chunk in step t, chunks in the same order in each step: the gradient,
    // and v after the update with its bias correction 1 / (1 - beta2^k); 0 where v is too young to
    // measure an energy by. Values with v = 0 were never touched and do not count.
    void add(uint32_t step, std::span<const float> g, std::span<const float> v_after, float bias2);
    // The roots that the leaves hold: equal g roots are equal steps, opened or not.
    void add_states(std::span<const StateLeaf> states);

    // Pure: may be asked at any time, of what was added so far.
    [[nodiscard]] TripwireReport report(const TripwireFigures& limits) const;

private:
    struct Step {
        std::vector<std::vector<float>> g;  // by chunk
        std::vector<double> energies;       // of the chunks whose v says something
        Digest g_root;
    };
    [[nodiscard]] static double cosine(const Step& a, const Step& b);
    void report_energy(TripwireReport& report, const TripwireFigures& limits) const;
    void report_zero(TripwireReport& report) const;
    void report_repeated(TripwireReport& report) const;
    void report_cosine(TripwireReport& report, const TripwireFigures& limits) const;
    [[nodiscard]] double coherence() const;

    std::vector<Step> steps_;
};

}  // namespace assay
