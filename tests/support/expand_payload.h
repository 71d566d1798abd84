// A payload as the dense vector that it stands for.

#pragma once

#include <algorithm>
#include <span>

#include "compression/payload.h"
#include "core/check.h"

namespace assay {

/// All values, zeros where nothing was sent. REQUIRES: out has layout.value_count() values.
inline void expand_payload(const PeerPayload& payload, std::span<float> out) {
    if (payload.dense.empty()) {
        expand_update(payload.sparse, out);
        return;
    }
    ASSAY_CHECK_EQ(payload.dense.size(), out.size());
    std::copy(payload.dense.begin(), payload.dense.end(), out.begin());
}

}  // namespace assay
