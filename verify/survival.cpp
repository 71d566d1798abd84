#include "verify/survival.h"

#include "core/check.h"

namespace assay {

double lazy_survival(uint32_t inner_steps,
                     uint32_t bad_steps,
                     uint32_t audited_steps,
                     uint32_t audits) {
    ASSAY_CHECK_LE(bad_steps, inner_steps);
    ASSAY_CHECK_LE(audited_steps, inner_steps);
    double missed = 1;
    for (uint32_t i = 0; i < audited_steps; ++i) {
        const uint32_t good_left = inner_steps - bad_steps > i ? inner_steps - bad_steps - i : 0;
        missed *= static_cast<double>(good_left) / static_cast<double>(inner_steps - i);
    }
    double survived = 1;
    for (uint32_t i = 0; i < audits; ++i) {
        survived *= missed;
    }
    return survived;
}

}  // namespace assay
