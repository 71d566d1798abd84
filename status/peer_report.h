// What a peer tells the people who watch it, and leaves in its folder after each change: values
// only. Nothing is decided from it.

#pragma once

#include <string>

#include "core/ids.h"

namespace assay {

struct PeerReport {
    std::string id;          // its public key, hexadecimal
    RoundId round;           // last applied
    std::string theta_root;  // after it, hexadecimal
    std::string state;
    std::string error;  // why it stopped; empty while all is well
};

}  // namespace assay
