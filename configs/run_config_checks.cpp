// What must hold of settings, alone and between them.

#include <optional>
#include <utility>
#include <vector>

#include "configs/run_config.h"
#include "configs/transfers.h"
#include "core/check.h"

namespace assay {

namespace {

SettingsFault bounds_fault_of(RunConfig config) {
    SettingsFault fault;
    config.for_each_section([&](std::string_view section, std::string_view, auto& settings) {
        auto each = [&](const Field& field, const auto& value) {
            const std::string own = bounds_fault(field, value);
            if (fault.text.empty() && !own.empty()) {
                const std::string key = std::string(section) + "." + std::string(field.name);
                fault = {key + " " + own, {key}};
            }
        };
        settings.for_each(each);
    });
    return fault;
}

std::string pair_text(std::string_view name, int64_t value) {
    return std::string(name) + " (" + std::to_string(value) + ")";
}

// low_name <= high_name.
SettingsFault order_fault(std::string_view low_name,
                          int64_t low,
                          std::string_view high_name,
                          int64_t high) {
    if (low <= high) {
        return {};
    }
    return {pair_text(low_name, low) + " is larger than " + pair_text(high_name, high),
            {std::string(low_name), std::string(high_name)}};
}

SettingsFault batch_fault(const RunConfig& config) {
    const InnerSettings& inner = config.inner;
    ASSAY_CHECK(inner.grain_sequences > 0);  // the bounds of single settings are judged before
    if (inner.sequences_per_step % inner.grain_sequences != 0) {
        return {pair_text("inner.sequences_per_step", inner.sequences_per_step) +
                    " is no multiple of " +
                    pair_text("inner.grain_sequences", inner.grain_sequences),
                {"inner.sequences_per_step", "inner.grain_sequences"}};
    }
    const double tokens = static_cast<double>(inner.inner_steps) *
                          static_cast<double>(inner.sequences_per_step) *
                          static_cast<double>(config.rounds.speed_span) *
                          static_cast<double>(config.data.sequence_tokens);
    if (tokens > static_cast<double>(kRoundTokensMax)) {
        return {
            "inner.inner_steps * inner.sequences_per_step * rounds.speed_span * "
            "data.sequence_tokens is " +
                number_text(tokens) + " tokens a round; at most " +
                std::to_string(kRoundTokensMax) + " are allowed",
            {"inner.inner_steps",
             "inner.sequences_per_step",
             "rounds.speed_span",
             "data.sequence_tokens"}};
    }
    if (config.outer.strategy == "ddp" && inner.inner_steps != 1) {
        return {"outer.strategy ddp averages after each step: inner.inner_steps must be 1, not " +
                    std::to_string(inner.inner_steps),
                {"inner.inner_steps", "outer.strategy"}};
    }
    return {};
}

std::optional<NumericClass> class_named(const std::string& name) {
    for (const NumericClass one :
         {NumericClass::kExact, NumericClass::kFp32, NumericClass::kTf32, NumericClass::kBf16}) {
        if (name == class_name(one)) {
            return one;
        }
    }
    return std::nullopt;
}

// rounds.classes as words; "exact, fp32" has two.
std::vector<std::string> words_of(const std::string& list) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : list + ",") {
        if (c != ',' && c != ' ') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::exchange(word, {}));
        }
    }
    return words;
}

// Without its own class in the list, a run would refuse the peers that follow it.
SettingsFault classes_fault(const RunConfig& config) {
    bool own = config.rounds.classes.empty();
    for (const std::string& word : words_of(config.rounds.classes)) {
        if (!class_named(word)) {
            return {"rounds.classes names " + word + "; allowed are exact, fp32, tf32 and bf16",
                    {"rounds.classes"}};
        }
        own = own || word == config.inner.numeric_class;
    }
    if (own) {
        return {};
    }
    return {"rounds.classes (" + config.rounds.classes + ") leaves out inner.numeric_class (" +
                config.inner.numeric_class + ")",
            {"rounds.classes", "inner.numeric_class"}};
}

// Which sizes: the first that the file has names its section's place well enough.
SettingsFault shape_fault(const ModelShape& shape) {
    const Status checked = check_shape(shape);
    if (checked.ok()) {
        return {};
    }
    return {"model: " + checked.reason(),
            {"model.heads",
             "model.kv_heads",
             "model.head_width",
             "model.width",
             "model.layers",
             "model.ffn_width",
             "model.vocab_size"}};
}

SettingsFault first_cross_fault(const RunConfig& config) {
    const RoundSettings& rounds = config.rounds;
    const SettingsFault faults[] = {
        shape_fault(config.model),
        order_fault("data.sequence_tokens",
                    config.data.sequence_tokens,
                    "model.context",
                    config.model.context),
        order_fault("verify.audit_steps",
                    config.verify.audit_steps,
                    "inner.inner_steps",
                    config.inner.inner_steps),
        order_fault("verify.chain_chunks",
                    config.verify.chain_chunks,
                    "verify.compressor_chunks",
                    config.verify.compressor_chunks),
        order_fault("compression.keep",
                    config.compression.keep,
                    "compression.downlink_keep",
                    config.compression.downlink_keep),
        order_fault(
            "inner.warmup_rounds", config.inner.warmup_rounds, "rounds.rounds", rounds.rounds),
        order_fault("rounds.peers_min", rounds.peers_min, "rounds.peers_max", rounds.peers_max),
        order_fault("rounds.peers_start", rounds.peers_start, "rounds.peers_max", rounds.peers_max),
        order_fault("rounds.commit_floor_ms",
                    rounds.commit_floor_ms,
                    "rounds.commit_ceiling_ms",
                    rounds.commit_ceiling_ms),
        order_fault("rounds.transfer_floor_ms",
                    rounds.transfer_floor_ms,
                    "rounds.transfer_ceiling_ms",
                    rounds.transfer_ceiling_ms),
        batch_fault(config),
        classes_fault(config),
    };
    for (const SettingsFault& fault : faults) {
        if (!fault.text.empty()) {
            return fault;
        }
    }
    return {ceiling_fault(config),
            {"rounds.transfer_ceiling_ms", "rounds.least_uplink_bytes_per_second"}};
}

}  // namespace

SettingsFault find_fault(const RunConfig& config) {
    SettingsFault bounds = bounds_fault_of(config);
    return bounds.text.empty() ? first_cross_fault(config) : bounds;
}

Status check_config(const RunConfig& config) {
    const SettingsFault fault = find_fault(config);
    return fault.text.empty() ? Status() : Status(fail(fault.text));
}

std::set<NumericClass> admitted_classes(const RunConfig& config) {
    std::set<NumericClass> classes{numeric_class_of(config.inner)};
    for (const std::string& word : words_of(config.rounds.classes)) {
        ASSAY_CHECK(class_named(word).has_value());
        classes.insert(class_named(word).value());
    }
    return classes;
}

}  // namespace assay
