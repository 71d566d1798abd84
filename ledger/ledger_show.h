// A ledger in words: who earned what, and why. For people; `assay ledger verify` is for proofs.

#pragma once

#include <string>

#include "core/result.h"

namespace assay {

class Ledger;

constexpr size_t kShowColumns = 100;

// The run, a table of the peers, then round by round who was paid, and who was not for what reason.
// Lines of at most kShowColumns characters. Fails, naming the record that the books refuse.
Result<std::string> describe_ledger(const Ledger& ledger);

}  // namespace assay
