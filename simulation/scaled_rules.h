// The rules of a simulated run that a run file gives: what is taken from it, and what is scaled to
// the toy model. Pure.

#pragma once

#include "configs/run_config.h"
#include "rounds/round_rules.h"

namespace assay {

// Shape of the toy's batches, and the speed that its peers are of the order of.
constexpr uint32_t kToySequenceTokens = 16;
constexpr uint32_t kToyBaseSequences = 4;
constexpr uint64_t kToyTokensPerSecond = 1000;

// Chunks, gates and limits that fit the toy, whose honest payloads are alike; q and the nodes of
// the shares are as given.
VerifySettings toy_checks(const VerifySettings& given);

// Taken: sections pay, outer.strategy, inner.inner_steps, .state and .numeric_class,
// verify.audit_steps and share_nodes, and rounds but for the speed of a newcomer. Scaled: model,
// data, batches, learning rates, chunks and gates; pay.debt_seconds, to as many rounds as it lasts
// where the run's peers train at rounds.default_tokens_per_second; entry work, to 16,384 hashes.
// The layout and what follows from it are left to the caller.
RoundRules scaled_rules(const RunConfig& config, uint64_t sample_count);

// What `assay simulate --help` says of it.
extern const char* const kScaledHelp;

}  // namespace assay
