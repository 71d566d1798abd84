#include "verify/settings.h"

#include "core/check.h"

namespace assay {

const ToleranceBounds& tolerance_of(const VerifySettings& settings, NumericClass numeric_class) {
    ASSAY_CHECK_MSG(numeric_class != NumericClass::kExact, "class exact has no tolerance");
    switch (numeric_class) {
        case NumericClass::kTf32:
            return settings.tf32;
        case NumericClass::kBf16:
            return settings.bf16;
        default:
            return settings.fp32;
    }
}

}  // namespace assay
