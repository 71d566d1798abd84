#include "rounds/run_rules.h"

#include <algorithm>

#include "configs/schedule.h"
#include "configs/transfers.h"
#include "core/check.h"
#include "kernels/adamw.h"
#include "protocol/codec.h"

namespace assay {

DeadlineRules::DeadlineRules(const RoundSettings& settings)
    : commit_floor{settings.commit_floor_ms},
      commit_ceiling{settings.commit_ceiling_ms},
      transfer_floor{settings.transfer_floor_ms},
      transfer_ceiling{settings.transfer_ceiling_ms},
      grace{settings.grace_ms},
      slack_percent(static_cast<uint32_t>(settings.slack_percent)),
      default_tokens_per_second(static_cast<uint64_t>(settings.default_tokens_per_second)),
      default_uplink_bytes_per_second(
          static_cast<uint64_t>(settings.default_uplink_bytes_per_second)),
      least_uplink_bytes_per_second(static_cast<uint64_t>(settings.least_uplink_bytes_per_second)) {
}

RoundRules round_rules(const RunConfig& config, const KnownStates& states, uint64_t sample_count) {
    // REQUIRES settings that check_config() passed: none wraps around in a narrower type below.
    ASSAY_CHECK(config.rounds.rounds > 0 && config.rounds.peers_min > 0);
    ASSAY_CHECK(config.inner.inner_steps > 0 && config.inner.sequences_per_step > 0);
    RoundRules rules;
    rules.rounds = static_cast<uint64_t>(config.rounds.rounds);
    rules.peers_min = static_cast<uint32_t>(config.rounds.peers_min);
    rules.peers_start = static_cast<uint32_t>(config.rounds.peers_start);
    rules.peers_max = static_cast<uint32_t>(config.rounds.peers_max);
    if (config.rounds.admit == "any") {
        rules.newcomers_max = static_cast<uint32_t>(config.rounds.newcomers_max);
        rules.newcomers_per_minute = static_cast<uint32_t>(config.rounds.newcomers_per_minute);
    }
    rules.entry_work_bits = static_cast<uint32_t>(config.rounds.entry_work_bits);
    rules.quorum_percent = static_cast<uint32_t>(config.rounds.quorum_percent);
    rules.inner_steps = static_cast<uint32_t>(config.inner.inner_steps);
    rules.grain_sequences = static_cast<uint32_t>(config.inner.grain_sequences);
    rules.sequence_tokens = static_cast<uint32_t>(config.data.sequence_tokens);
    rules.base_sequences = static_cast<uint32_t>(config.inner.sequences_per_step);
    rules.speed_span = static_cast<uint32_t>(config.rounds.speed_span);
    rules.reset_moments = config.inner.state == "reset";
    rules.classes = admitted_classes(config);
    rules.deadlines = DeadlineRules(config.rounds);
    rules.verify = config.verify;
    rules.pay = config.pay;
    rules.layout = llama_layout(config.model);
    rules.initial_theta = states.initial_theta;
    rules.fresh_moments = states.fresh_moments;
    rules.sample_count = sample_count;
    rules.payload_bytes_max = payload_bytes_max(config, rules.layout);
    rules.opening_bytes_max = opening_bytes_max(config, rules.layout);
    ASSAY_CHECK(rules.payload_bytes_max > 0 && rules.opening_bytes_max > 0);
    const BiasTable table = bias_table(config.inner.beta1, config.inner.beta2);
    ASSAY_CHECK_EQ(table.bias1_bits.size(), table.bias2_bits.size());
    rules.bias1_bits = table.bias1_bits;
    rules.bias2_bits = table.bias2_bits;
    rules.learning_rates = [inner = config.inner, rounds = config.rounds.rounds](RoundId round) {
        return learning_rates(inner, rounds, round);
    };
    return rules;
}

JudgeSettings judge_settings(const RunConfig& config,
                             const RunManifest& manifest,
                             uint64_t sample_count,
                             uint64_t held_out_count) {
    ASSAY_CHECK(config.inner.grain_sequences > 0 && config.rounds.loss_sequences >= 0);
    JudgeSettings settings;
    settings.run_seed = manifest.run_seed;
    settings.manifest_digest = manifest_digest(manifest);
    settings.sample_count = sample_count;
    settings.held_out_count = held_out_count;
    settings.adam = adam_settings(config.inner);
    settings.compression = config.compression;
    settings.outer = config.outer;
    settings.verify = config.verify;
    settings.loss_sequences = static_cast<uint32_t>(config.rounds.loss_sequences);
    settings.grain_sequences = static_cast<uint32_t>(config.inner.grain_sequences);
    settings.bias2_bits = bias_table(config.inner.beta1, config.inner.beta2).bias2_bits;
    settings.payload_bytes_max = payload_bytes_max(config, llama_layout(config.model));
    return settings;
}

}  // namespace assay
