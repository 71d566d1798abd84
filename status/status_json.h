// Status values as JSON text, written by the programs and read by the demo and the tests.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "status/peer_report.h"
#include "status/run_status.h"

namespace assay {

// One line each. Reading fails, with the reason, on a member that is missing or of another type.
std::string to_json(const CoordinatorStatus& status);
std::string to_json(const RoundStatus& round);
Result<CoordinatorStatus> coordinator_status_from_json(const std::string& text);
Result<RoundStatus> round_status_from_json(const std::string& text);

std::string to_json(const PeerReport& report);
Result<PeerReport> peer_report_from_json(const std::string& text);

// Files in a node's folder.
constexpr const char* kStatusFile = "status.json";
constexpr const char* kRoundsFile = "rounds.jsonl";

// Lines that are no round, such as one cut off by a crash, are left out.
Result<std::vector<RoundStatus>> read_rounds(const std::filesystem::path& folder);

}  // namespace assay
