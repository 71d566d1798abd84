// Whose connection key this may be: back from the X25519 image to the Ed25519 keys.

#pragma once

#include <vector>

#include "core/identity.h"

namespace assay {

// The image keeps all of a key but its sign: two public keys, one of which is the owner's; none for
// bytes that are the image of no key.
std::vector<PeerId> curve_owners(const CurveKey& key);

}  // namespace assay
