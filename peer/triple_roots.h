// (m, v, e) as a peer holds them, by their roots.

#pragma once

#include "core/digest.h"

namespace assay {

struct TripleRoots {
    Digest m;
    Digest v;
    Digest e;
    auto operator<=>(const TripleRoots&) const = default;
};

}  // namespace assay
