// What `assay doctor` says of one thing that it looked at.

#pragma once

#include <string>

namespace assay {

enum class Health { kGood, kNote, kBad };

struct Finding {
    Health health = Health::kGood;
    std::string what;
    std::string details;
};

}  // namespace assay
