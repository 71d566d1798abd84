// All settings of one run, in sections: what every node of the run shares, fixed by its manifest.
//
// Names, defaults, bounds and help stand in the settings structs themselves; everything here walks
// over them. Not the command line, and not what belongs to one node (folders, ports, threads).
// configs/config_file.h reads and writes TOML. A plain value, owned by nobody.

#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compression/settings.h"
#include "core/fields.h"
#include "core/result.h"
#include "kernels/adamw.h"
#include "ledger/pay.h"
#include "model/outer_step.h"
#include "model/shape.h"
#include "protocol/messages.h"
#include "verify/settings.h"

namespace assay {

struct NameSettings {
    std::string name = "assay";
    int64_t seed = 1;

    // All settings, in the order of the digest (core/fields.h).
    template <class V>
    void for_each(V& visitor);
};

struct DataSettings {
    int64_t sequence_tokens = 128;  // T

    template <class V>
    void for_each(V& visitor);
};

struct InnerSettings {
    std::string numeric_class = "exact";
    int64_t inner_steps = 12;        // H
    int64_t sequences_per_step = 4;  // B of a peer of median speed
    int64_t grain_sequences = 1;
    double learning_rate = 3e-3;
    int64_t warmup_rounds = 1;
    double final_rate = 0.1;
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0.1;
    double clip = 1.0;
    std::string state = "carry";

    template <class V>
    void for_each(V& visitor);
};

struct RoundSettings {
    int64_t rounds = 24;
    int64_t peers_min = 1;
    int64_t peers_start = 0;
    int64_t peers_max = 64;
    int64_t quorum_percent = 67;
    int64_t speed_span = 4;
    int64_t grace_ms = 5000;
    int64_t slack_percent = 50;
    int64_t commit_floor_ms = 2000;
    int64_t commit_ceiling_ms = 3600000;
    int64_t transfer_floor_ms = 2000;
    int64_t transfer_ceiling_ms = 3600000;
    int64_t default_tokens_per_second = 1000;
    int64_t default_uplink_bytes_per_second = 1 << 20;
    int64_t least_uplink_bytes_per_second = 1 << 16;
    int64_t loss_sequences = 64;
    std::string admit = "list";
    int64_t newcomers_max = 16;
    int64_t newcomers_per_minute = 16;
    int64_t entry_work_bits = 0;
    std::string classes;

    template <class V>
    void for_each(V& visitor);
};

struct RunConfig {
    NameSettings run;
    ModelShape model;
    DataSettings data;
    InnerSettings inner;
    OuterSettings outer;
    CompressionSettings compression;
    VerifySettings verify;
    PaySettings pay;
    RoundSettings rounds;

    // visit(section name, help, settings struct), in the order of the canonical text.
    template <class F>
    void for_each_section(F&& visit);
};

// Bounds of every setting, then what must hold between settings. Names the setting and the range.
Status check_config(const RunConfig& config);

// What is wrong, and the settings that are to blame, as section.name; no text: nothing.
struct SettingsFault {
    std::string text;
    std::vector<std::string> keys;
};
// The first fault of check_config.
SettingsFault find_fault(const RunConfig& config);

// One line a setting, `section.name=value`, floating-point numbers as bit patterns: the text in the
// manifest, from which its digest is made.
std::string canonical_text(const RunConfig& config);
// From a stranger: accepts only what canonical_text prints, and only settings that check_config
// passes.
Result<RunConfig> parse_canonical_text(std::string_view text);

// Sets one setting from text, e.g. ("inner.learning_rate", "1e-3"); checks its own bounds.
Status set_setting(RunConfig& config, std::string_view key, std::string_view value);

// Every key with default, unit, bounds and help, by section.
std::string settings_help();

// Why `field` does not allow this value; "" if it does. "" too for text without choices.
std::string bounds_fault(const Field& field, int64_t value);
std::string bounds_fault(const Field& field, double value);
std::string bounds_fault(const Field& field, bool value);
std::string bounds_fault(const Field& field, const std::string& value);

// The allowed values in words: "1 to 64 heads", "carry or reset".
std::string allowed_text(const Field& field);
// Shortest text that reads back as the same number.
std::string number_text(double value);

// REQUIRES: check_config passed.
NumericClass numeric_class_of(const InnerSettings& settings);
// Which classes peers may declare: those of rounds.classes, or the run's own alone.
std::set<NumericClass> admitted_classes(const RunConfig& config);
AdamSettings adam_settings(const InnerSettings& settings);

}  // namespace assay

#include "configs/run_config_fields.h"  // IWYU pragma: export
