// tests/golden/exact.txt: a name and its value a line.

#pragma once

#include <fstream>
#include <map>
#include <string>

namespace assay {

inline std::map<std::string, std::string> golden_values() {
    std::ifstream in(std::string(ASSAY_SOURCE_DIR) + "/tests/golden/exact.txt");
    std::map<std::string, std::string> all;
    std::string name;
    std::string hex;
    while (in >> name >> hex) {
        all[name] = hex;
    }
    return all;
}

}  // namespace assay
