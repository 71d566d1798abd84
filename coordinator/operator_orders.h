// The operator's orders to a coordinator that runs: files in its folder, one an order.
//
// A command writes them, the coordinator takes the oldest, and removes it once it is in the ledger:
// an order that a crash interrupts is taken again, and then changes nothing. Whoever may write in
// the folder may order: it holds the coordinator's key too.

#pragma once

#include <filesystem>
#include <optional>

#include "core/clock.h"
#include "rounds/round_events.h"

namespace assay {

struct OrderFile {
    std::filesystem::path file;
    Result<OperatorOrder> order;  // or why it is none
};

// The oldest one in this folder; none if there is no folder.
std::optional<OrderFile> oldest_order(const std::filesystem::path& folder);
// Makes the folder too. The file is complete or absent.
Status write_order(const std::filesystem::path& folder, const OperatorOrder& order, Instant now);

}  // namespace assay
