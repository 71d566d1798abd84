#include "simulation/sim_run.h"

#include <algorithm>
#include <bit>

#include "compression/payload.h"
#include "core/check.h"
#include "core/merkle.h"
#include "core/rng.h"
#include "protocol/codec.h"
#include "simulation/scaled_rules.h"
#include "simulation/toy_model.h"

namespace assay {

namespace {

constexpr uint32_t kInnerSteps = 4;
constexpr float kLearningRate = 0.01F;

Digest seed_digest(uint64_t seed) {
    ByteWriter writer;
    writer.u64(seed);
    return sha256("simulation", writer.bytes());
}

// The toy's own, where no run file says others.
RoundRules toy_rules(const SimulationOptions& options) {
    RoundRules rules;
    rules.peers_min = 2;
    rules.inner_steps = kInnerSteps;
    rules.sequence_tokens = kToySequenceTokens;
    rules.base_sequences = kToyBaseSequences;
    rules.classes = {options.numeric_class};
    rules.deadlines.commit_floor = DurationMs{1000};
    rules.deadlines.transfer_floor = DurationMs{1000};
    rules.deadlines.grace = DurationMs{3000};  // a lost message is said again after 700 ms
    if (options.slow_uplink > 0) {
        rules.deadlines.least_uplink_bytes_per_second = options.slow_uplink / 2;
    }
    VerifySettings verify;
    verify.audit_steps = 2;
    rules.verify = toy_checks(verify);
    rules.pay.vest_rounds = options.vest_rounds;
    rules.pay.verdict_window = 3;
    rules.pay.max_absence = 2;
    rules.pay.audit_min_ppm = options.audit_min_ppm;
    rules.pay.debt_seconds = options.debt_seconds;
    return rules;
}

RoundRules make_rules(const SimulationOptions& options, const ParameterLayout& layout) {
    RoundRules rules =
        options.config ? scaled_rules(*options.config, kSampleCount) : toy_rules(options);
    rules.rounds = options.rounds;
    rules.peers_min = std::min(rules.peers_min, options.peers);
    rules.peers_start = options.peers - (options.late_joiner ? 1 : 0) +
                        (options.late_leak ? 0 : static_cast<uint32_t>(options.attacks.size()));
    rules.layout = layout;
    rules.opening_bytes_max = uint64_t{1} << 20;
    rules.learning_rates = [steps = rules.inner_steps](RoundId round) {
        const float rate = kLearningRate / (1.0F + 0.1F * static_cast<float>(round.value));
        return std::vector<uint32_t>(steps, std::bit_cast<uint32_t>(rate));
    };
    return rules;
}

// Those that a run file decides; the others are as they are.
SimulationOptions with_config(SimulationOptions options) {
    if (options.config) {
        options.numeric_class = numeric_class_of(options.config->inner);
        options.strategy = options.config->outer.strategy;
    }
    return options;
}

}  // namespace

int64_t drawn_ms(CounterRng& rng, int64_t most) {
    ASSAY_CHECK_LT(int64_t{0}, most);
    const auto powers = static_cast<uint64_t>(std::bit_width(static_cast<uint64_t>(most)));
    const uint64_t longest = uint64_t{1} << rng.below(powers);
    return 1 + static_cast<int64_t>(rng.below(longest));
}

SimRun::SimRun(const SimulationOptions& given)
    : options(with_config(given)),
      seed(seed_digest(given.seed)),
      coordinator(Identity::from_seed(derive_seed(seed, "coordinator"))),
      beacons(derive_seed(seed, "beacons"), given.rounds + 8),
      layout(ToyModel().layout()),
      initial_theta(toy_parameters(layout, seed)),
      rules(make_rules(options, layout)) {
    outer.strategy = options.strategy;
    compression.downlink_keep = 512;
    adam.clip = 0;
    adam.epsilon = 1e-2F;  // rare tokens give small gradients: those shall stay small
    adam.weight_decay = 0;
    adam.beta1 = 0.5F;
    const BiasTable table = bias_table(0.5, 0.95);
    rules.bias1_bits = table.bias1_bits;
    rules.bias2_bits = table.bias2_bits;
    rules.sample_count = sample_count;
    rules.payload_bytes_max = payload_bytes_max(strategy_of(outer), layout, compression);
    manifest.run_name = "simulation";
    manifest.coordinator = coordinator.id();
    manifest.run_seed = seed;
    manifest.beacon_tail = beacons.tail();
    manifest.beacon_length = beacons.length();
    manifest.layout_digest = layout.digest();
    manifest.parameter_tiles = layout.tile_count();
    manifest.initial_root = tiles_root(initial_theta);
    const ByteSpan raw = float_bytes(initial_theta);
    rules.initial_theta = {sha256_plain(raw), raw.size(), {}};
    ASSAY_CHECK_EQ(initial_theta.size(), layout.value_count());
    ASSAY_CHECK_LT(options.rounds, beacons.length());  // an element a round, and the tail
}

Identity SimRun::peer_identity(uint64_t number) const {
    return Identity::from_seed(derive_seed(seed, "peer", {number}));
}

TrainerSettings SimRun::trainer_settings(const PeerId& self) const {
    TrainerSettings settings;
    settings.self = self;
    settings.numeric_class = options.numeric_class;
    settings.manifest_digest = manifest_digest(manifest);
    settings.run_seed = seed;
    settings.sample_count = sample_count;
    settings.adam = adam;
    settings.compression = compression;
    settings.outer = outer;
    settings.verify = rules.verify;
    return settings;
}

JudgeSettings SimRun::judge_settings() const {
    JudgeSettings settings;
    settings.run_seed = seed;
    settings.manifest_digest = manifest_digest(manifest);
    settings.sample_count = sample_count;
    settings.held_out_count = held_out_count;
    settings.adam = adam;
    settings.compression = compression;
    settings.outer = outer;
    settings.verify = rules.verify;
    settings.grain_sequences = rules.grain_sequences;
    settings.bias2_bits = rules.bias2_bits;
    settings.loss_sequences = 16;
    settings.payload_bytes_max = rules.payload_bytes_max;
    return settings;
}

std::vector<int32_t> SimRun::read(std::string_view stream,
                                  std::span<const uint64_t> samples) const {
    return toy_tokens(seed, stream, samples, rules.sequence_tokens);
}

}  // namespace assay
