// How a node's program ended, for whoever decides whether to start it again.

#pragma once

#include <cstdint>
#include <string>

namespace assay {

enum class Ending : uint8_t {
    kWell,        // the run is over, or somebody stopped it
    kFailed,      // for a person to look at
    kNeverAgain,  // another try ends the same way: not admitted, ejected, another run
    kTryAgain,    // another try may do: no room on the disk, an address in use
};

struct Ended {
    Ending how = Ending::kWell;
    std::string reason;  // "" where it ended well
};

}  // namespace assay
