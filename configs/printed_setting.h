// A setting's value as people write it in a run file.

#pragma once

#include <cstdint>
#include <string>

#include "configs/run_config.h"

namespace assay {

inline std::string printed(int64_t value) {
    return std::to_string(value);
}
inline std::string printed(double value) {
    return number_text(value);
}
inline std::string printed(bool value) {
    return value ? "true" : "false";
}
inline std::string printed(const std::string& value) {
    return "\"" + value + "\"";
}

}  // namespace assay
