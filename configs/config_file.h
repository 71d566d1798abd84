// Run files in TOML: one file a run, sections and keys as configs/run_config.h lists them.
//
// The only user of toml++. A missing key keeps its default; an unknown one is an error. A fault
// names file, line, key, value and the allowed range.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "configs/run_config.h"

namespace assay {

// The reason names the file and, where there is one, the line.
Result<RunConfig> load_run_config(const std::filesystem::path& file);
// `name` stands for the file in faults.
Result<RunConfig> parse_run_config(std::string_view toml, const std::string& name);

// A run file with every setting, which reads back as the same config.
std::string run_config_toml(const RunConfig& config);

}  // namespace assay
