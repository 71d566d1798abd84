#include "core/version.h"

namespace assay {

const char* assay_version() {
    return ASSAY_VERSION;
}

}  // namespace assay
