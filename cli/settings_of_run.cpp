#include "cli/settings_of_run.h"

#include "configs/config_file.h"
#include "verify/survival.h"

namespace assay {

Result<SurvivalFigures> survival_figures(const std::filesystem::path& config) {
    Result<RunConfig> run = load_run_config(config);
    if (!run) {
        return run.error();
    }
    SurvivalFigures figures;
    figures.inner_steps = static_cast<uint32_t>(run->inner.inner_steps);
    figures.audit_steps = static_cast<uint32_t>(run->verify.audit_steps);
    // A reward of round r vests behind round r + vest_rounds, whose verdicts are then in.
    figures.audits = static_cast<uint32_t>(run->pay.vest_rounds) + 1;
    figures.probability = lazy_survival(
        figures.inner_steps, figures.inner_steps / 2, figures.audit_steps, figures.audits);
    return figures;
}

}  // namespace assay
