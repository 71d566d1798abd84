#include "configs/survival_figures.h"

#include "verify/survival.h"

namespace assay {

SurvivalFigures survival_figures(const RunConfig& run) {
    SurvivalFigures figures;
    figures.inner_steps = static_cast<uint32_t>(run.inner.inner_steps);
    figures.audit_steps = static_cast<uint32_t>(run.verify.audit_steps);
    figures.audit_ppm = static_cast<uint32_t>(run.pay.audit_min_ppm);
    figures.vest_rounds = static_cast<uint32_t>(run.pay.vest_rounds);
    // A reward of round r vests behind round r + vest_rounds, whose verdicts are then in.
    figures.audits = figures.vest_rounds + 1;
    const double audited = static_cast<double>(figures.audit_ppm) / 1e6;
    const double missed =
        lazy_survival(figures.inner_steps, figures.inner_steps / 2, figures.audit_steps, 1);
    for (uint32_t i = 0; i < figures.audits; ++i) {
        figures.probability *= (1 - audited) + audited * missed;
    }
    return figures;
}

}  // namespace assay
