#include "simulation/scaled_rules.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "rounds/run_rules.h"

namespace assay {

namespace {

constexpr int64_t kDebtSecondsLeast = 60;  // some rounds of the toy, transfers included
constexpr uint32_t kEntryBitsMost = 14;

// Tokens of a batch that a peer of default speed trains in a second, toy over real.
double time_scale(const RunConfig& config) {
    const double real =
        static_cast<double>(config.inner.sequences_per_step * config.data.sequence_tokens) /
        static_cast<double>(config.rounds.default_tokens_per_second);
    const double toy = static_cast<double>(kToyBaseSequences * kToySequenceTokens) /
                       static_cast<double>(kToyTokensPerSecond);
    ASSAY_CHECK(real > 0 && toy > 0);
    return toy / real;
}

}  // namespace

const char* const kScaledHelp =
    "With --config the run has that file's rules: all of [pay] and [rounds], outer.strategy, "
    "inner.inner_steps, .state and .numeric_class, verify.audit_steps and .share_nodes. The model "
    "is a toy of 3,660 values with batches of 4 x 16 tokens, and its data, learning rates, chunks "
    "and gates are the toy's: verdicts and money hang on none of them. pay.debt_seconds is scaled "
    "to as many rounds as it is where peers train at rounds.default_tokens_per_second, and of "
    "rounds.entry_work_bits no more than 14 are done: what all of them cost is reckoned.";

VerifySettings toy_checks(const VerifySettings& given) {
    VerifySettings verify = given;
    verify.compressor_chunks = 2;
    verify.chain_chunks = 2;
    verify.gate_groups = 8;
    verify.gate_group_sequences = 2;
    verify.share_sequences = 16;
    verify.gate_t = -2;           // near the optimum honest directions are noise
    verify.overlap_limit = 0.98;  // the toy's honest payloads are alike: few entries, few tokens
    verify.cosine_limit = 0.98;
    verify.tripwire_cosine = 0.999;
    return verify;
}

RoundRules scaled_rules(const RunConfig& config, uint64_t sample_count) {
    RoundRules rules = round_rules(config, {}, sample_count);
    rules.entry_work_bits = std::min(rules.entry_work_bits, kEntryBitsMost);
    rules.grain_sequences = 1;
    rules.sequence_tokens = kToySequenceTokens;
    rules.base_sequences = kToyBaseSequences;
    rules.deadlines.default_tokens_per_second = kToyTokensPerSecond;
    rules.verify = toy_checks(config.verify);
    const double scaled = static_cast<double>(config.pay.debt_seconds) * time_scale(config);
    rules.pay.debt_seconds = std::min(config.pay.debt_seconds,
                                      std::max<int64_t>(kDebtSecondsLeast, std::llround(scaled)));
    ASSAY_CHECK(rules.pay.debt_seconds > 0);
    return rules;
}

}  // namespace assay
