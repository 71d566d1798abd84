// Settings of a run as a command line gives them: a run file, and single settings in their place.

#pragma once

#include <string>

#include "configs/run_config.h"
#include "core/result.h"

namespace assay {

// `--config FILE --set a.b=1,c.d=2`, checked as a whole. An empty `set` changes nothing.
Result<RunConfig> read_run_settings(const std::string& file, const std::string& set);

// The same without a file: every setting's own default, and then `set`.
Result<RunConfig> changed_defaults(const std::string& set);

// Of --set, for help.
constexpr const char* kSetHelp = "other settings instead of the file's: section.key=value,...";

// Of --hash-rate: about what a core with SHA instructions makes of 82 bytes.
constexpr int64_t kHashRate = 10'000'000;
constexpr const char* kHashRateHelp =
    "hashes a second of whoever pays for new keys (rounds.entry_work_bits)";

}  // namespace assay
