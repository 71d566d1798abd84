// Settings: bounds, canonical text, TOML files, faults in words, schedules.

#include "configs/run_config.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <set>
#include <type_traits>

#include "configs/config_file.h"
#include "configs/schedule.h"

namespace assay {
namespace {

// Calls visit(key, field, value) for every setting.
template <class F>
void each_setting(RunConfig& config, F&& visit) {
    config.for_each_section([&](std::string_view section, std::string_view, auto& settings) {
        auto each = [&](const Field& field, auto& value) {
            visit(std::string(section) + "." + std::string(field.name), field, value);
        };
        settings.for_each(each);
    });
}

std::string other_value(const Field& field, const std::string& value) {
    for (const std::string_view choice : field.choices) {
        if (choice != value) {
            return std::string(choice);
        }
    }
    return value + " \"quoted\"\\ and = more";
}
bool other_value(const Field&, bool value) {
    return !value;
}
int64_t other_value(const Field& field, int64_t value) {
    return static_cast<double>(value) < field.high ? value + 1 : value - 1;
}
double other_value(const Field& field, double value) {
    return value < field.high ? std::nextafter(value, field.high)
                              : std::nextafter(value, field.low);
}

std::string fault_of(const std::string& toml) {
    const Result<RunConfig> config = parse_run_config(toml, "run.toml");
    REQUIRE_FALSE(config.ok());
    return config.reason();
}

}  // namespace

TEST_CASE("the defaults pass their own checks", "[configs]") {
    REQUIRE(check_config(RunConfig{}).ok());
}

TEST_CASE("every setting round-trips through canonical text, TOML and digest", "[configs]") {
    std::vector<std::string> keys;
    RunConfig defaults;
    each_setting(defaults,
                 [&](const std::string& key, const Field&, auto&) { keys.push_back(key); });
    REQUIRE(std::set<std::string>(keys.begin(), keys.end()).size() == keys.size());
    const std::string base = canonical_text(defaults);
    for (const std::string& wanted : keys) {
        RunConfig config;
        each_setting(config, [&](const std::string& key, const Field& field, auto& value) {
            if (key == wanted) {
                value = other_value(field, value);
            }
        });
        INFO(wanted);
        const std::string text = canonical_text(config);
        REQUIRE(text != base);
        const Result<RunConfig> from_text = parse_canonical_text(text);
        const Result<RunConfig> from_toml = parse_run_config(run_config_toml(config), "all.toml");
        const Status checked = check_config(config);
        REQUIRE(from_text.ok() == checked.ok());
        REQUIRE(from_toml.ok() == checked.ok());
        if (checked.ok()) {
            REQUIRE(canonical_text(*from_text) == text);
            REQUIRE(canonical_text(*from_toml) == text);
        } else {
            REQUIRE(from_text.reason() == checked.reason());  // a fault between two settings
        }
    }
}

TEST_CASE("every bounded setting refuses what lies outside", "[configs]") {
    RunConfig defaults;
    each_setting(defaults, [&](const std::string& key, const Field& field, auto& value) {
        using T = std::decay_t<decltype(value)>;
        INFO(key);
        REQUIRE_FALSE(std::string(field.help).empty());
        if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
            REQUIRE(field.low < field.high);
            REQUIRE_THAT(bounds_fault(field, static_cast<T>(field.high * 1.001 + 1)),
                         Catch::Contains(allowed_text(field)));
            REQUIRE_FALSE(bounds_fault(field, static_cast<T>(field.low - 1)).empty());
            REQUIRE(bounds_fault(field, static_cast<T>(field.low)).empty());
            REQUIRE(bounds_fault(field, value).empty());
        }
        if constexpr (std::is_same_v<T, std::string>) {
            REQUIRE(bounds_fault(field, std::string("nonsense")).empty() == field.choices.empty());
            REQUIRE_FALSE(bounds_fault(field, std::string(300, 'x')).empty());
        }
    });
    REQUIRE_FALSE(bounds_fault(Field{"x", "", 0, 1, ""}, std::nan("")).empty());
}

TEST_CASE("faults name file, line, key, value and range", "[configs]") {
    REQUIRE(fault_of("[model]\nwidth = 128\nheads = 0\n") ==
            "run.toml:3: model.heads is 0; allowed is 1 to 1024 heads");
    REQUIRE(fault_of("[inner]\nstate = \"drop\"\n") ==
            "run.toml:2: inner.state is \"drop\"; allowed is carry or reset");
    REQUIRE_THAT(fault_of("[inner]\n\ninner_steps = 2.5\n"),
                 Catch::StartsWith("run.toml:3: inner.inner_steps = 2.5 is not a whole number; "
                                   "allowed is 1 to 1024 steps"));
    REQUIRE_THAT(fault_of("[model]\ntied = 1\n"), Catch::Contains("true or false"));
    REQUIRE_THAT(fault_of("[run]\nname = 4\n"), Catch::EndsWith("is not text in quotes"));
    REQUIRE_THAT(fault_of("[run]\nname = \n"), Catch::StartsWith("run.toml:2: "));
    // toml++ ends the program over these.
    for (const std::string header :
         {"[&uter]", "[", " [ &x]", "[[&]]", "[\xc3\xa9]", "[\r", "[]"}) {
        INFO(header);
        REQUIRE(fault_of("\xef\xbb\xbf" + header + "\n") ==
                "run.toml:1: a section is written [name]");
        REQUIRE(fault_of("[run]\n" + header) == "run.toml:2: a section is written [name]");
    }
    REQUIRE(parse_run_config(" [ \"run\" ]\nname = \"a\"\n", "run.toml").ok());
}

TEST_CASE("what is no TOML is quoted with its line", "[configs]") {
    for (const std::string line : {"inner_steps = abc", "learning_rate = 1e4e"}) {
        const Result<RunConfig> fault = parse_run_config("[inner]\n" + line + "\n", "run.toml");
        REQUIRE_FALSE(fault.ok());
        CHECK(fault.reason().find("run.toml:2: `" + line + "`: ") == 0);
    }
    const Result<RunConfig> last = parse_run_config("[inner", "run.toml");
    REQUIRE_FALSE(last.ok());
    CHECK(last.reason().find("run.toml:1: `[inner`: ") == 0);
}

TEST_CASE("an unknown key or section is a fault with the nearest known one", "[configs]") {
    REQUIRE(fault_of("[model]\nlayer = 3\n") ==
            "run.toml:2: there is no setting model.layer; did you mean layers?");
    REQUIRE(fault_of("[modle]\nlayers = 3\n") ==
            "run.toml:1: there is no section [modle]; did you mean model?");
    REQUIRE(fault_of("[model]\nqqqqqqqqqqqq = 3\n") ==
            "run.toml:2: there is no setting model.qqqqqqqqqqqq");
    REQUIRE_THAT(fault_of("model = 3\n"), Catch::Contains("write [model]"));
}

TEST_CASE("settings that contradict one another are refused", "[configs]") {
    REQUIRE_THAT(fault_of("[model]\nkv_heads = 3\n"),
                 Catch::StartsWith("run.toml:2: ") && Catch::Contains("multiple of kv_heads"));
    REQUIRE_THAT(fault_of("[model]\nwidth = 130\n"), Catch::Contains("heads * head_width"));
    REQUIRE(fault_of("[verify]\naudit_steps = 13\n") ==
            "run.toml:2: verify.audit_steps (13) is larger than inner.inner_steps (12)");
    // The line is that of a setting which the file has.
    REQUIRE(fault_of("[model]\nlayers = 2\ncontext = 64\n") ==
            "run.toml:3: data.sequence_tokens (128) is larger than model.context (64)");
    REQUIRE_THAT(fault_of("[outer]\n\nstrategy = \"ddp\"\n"), Catch::StartsWith("run.toml:3: "));
    REQUIRE_THAT(fault_of("[data]\nsequence_tokens = 129\n"),
                 Catch::Contains("model.context (128)"));
    REQUIRE_THAT(fault_of("[inner]\ngrain_sequences = 3\n"), Catch::Contains("no multiple"));
    REQUIRE_THAT(fault_of("[outer]\nstrategy = \"ddp\"\n"), Catch::Contains("must be 1, not 12"));
    REQUIRE_THAT(fault_of("[rounds]\npeers_min = 65\n"), Catch::Contains("peers_max (64)"));
    REQUIRE_THAT(fault_of("[rounds]\npeers_start = 65\n"), Catch::Contains("peers_max (64)"));
    REQUIRE_THAT(fault_of("[verify]\nchain_chunks = 17\n"), Catch::Contains("compressor_chunks"));
    REQUIRE_THAT(fault_of("[model]\ncontext = 1048576\n[data]\nsequence_tokens = 1048576\n[inner]\n"
                          "inner_steps = 1024\nsequences_per_step = 65536\n"),
                 Catch::Contains("tokens a round"));
}

TEST_CASE("a run admits its own numeric class alone, unless it names more", "[configs]") {
    RunConfig config;
    CHECK(admitted_classes(config) == std::set<NumericClass>{NumericClass::kExact});
    config.inner.numeric_class = "bf16";
    CHECK(admitted_classes(config) == std::set<NumericClass>{NumericClass::kBf16});
    config.rounds.classes = "bf16, fp32";
    REQUIRE(check_config(config).ok());
    CHECK(admitted_classes(config) ==
          std::set<NumericClass>{NumericClass::kFp32, NumericClass::kBf16});
    CHECK(fault_of("[rounds]\nclasses = \"exact,fp16\"\n") ==
          "run.toml:2: rounds.classes names fp16; allowed are exact, fp32, tf32 and bf16");
    CHECK(fault_of("[rounds]\nclasses = \"fp32\"\n") ==
          "run.toml:2: rounds.classes (fp32) leaves out inner.numeric_class (exact)");
}

TEST_CASE("a ceiling that the model's openings cannot meet on the least link is refused",
          "[configs]") {
    RunConfig config;
    config.rounds.least_uplink_bytes_per_second = 1000;
    const Status checked = check_config(config);
    REQUIRE_FALSE(checked.ok());
    CHECK_THAT(checked.reason(),
               Catch::StartsWith("rounds.transfer_ceiling_ms (3600000) is less than the ") &&
                   Catch::Contains("at rounds.least_uplink_bytes_per_second (1000)"));
    config.rounds.transfer_ceiling_ms = 86400000;
    CHECK(check_config(config).ok());
    // Classes with tolerances open three states a step instead of one.
    RunConfig one;
    while (check_config(one).ok()) {
        one.rounds.transfer_ceiling_ms = one.rounds.transfer_ceiling_ms * 2 / 3;
    }
    one.rounds.transfer_ceiling_ms = one.rounds.transfer_ceiling_ms * 3 / 2 + 1;
    REQUIRE(check_config(one).ok());
    one.rounds.classes = "exact,fp32";
    CHECK_FALSE(check_config(one).ok());
}

TEST_CASE("canonical text from a stranger is accepted whole or refused", "[configs]") {
    const std::string text = canonical_text(RunConfig{});
    REQUIRE(parse_canonical_text(text).ok());
    for (size_t cut = 0; cut < text.size(); ++cut) {
        REQUIRE_FALSE(parse_canonical_text(text.substr(0, cut)).ok());
    }
    REQUIRE_FALSE(parse_canonical_text(text + "x").ok());
    REQUIRE_FALSE(parse_canonical_text("run.name=s99999999999999999999:a\n").ok());
    REQUIRE_FALSE(parse_canonical_text("run.name=s18446744073709551615:a\n").ok());
    std::string padded = text;
    padded.replace(padded.find("run.seed=i1"), 11, "run.seed=i01");
    REQUIRE_THAT(parse_canonical_text(padded).reason(), Catch::Contains("canonical"));
    std::string outside = text;
    outside.replace(outside.find("model.layers=i4"), 15, "model.layers=i0");
    REQUIRE_THAT(parse_canonical_text(outside).reason(), Catch::Contains("model.layers is 0"));
    outside = text;
    outside.replace(outside.find("pay.vest_rounds=i40"), 19, "pay.vest_rounds=i0");
    REQUIRE_THAT(parse_canonical_text(outside).reason(), Catch::Contains("pay.vest_rounds is 0"));
    for (size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        const Result<RunConfig> config = parse_canonical_text(changed);
        REQUIRE((!config.ok() || canonical_text(*config) == changed));
    }
}

TEST_CASE("every shipped run file loads", "[configs]") {
    size_t files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(ASSAY_SOURCE_DIR) + "/configs")) {
        if (entry.path().extension() != ".toml") {
            continue;
        }
        ++files;
        const Result<RunConfig> config = load_run_config(entry.path());
        INFO(entry.path() << (config.ok() ? "" : config.reason()));
        REQUIRE(config.ok());
        REQUIRE(config->run.name == entry.path().stem());
        REQUIRE(parse_canonical_text(canonical_text(*config)).ok());
    }
    REQUIRE(files >= 4);
    const Result<RunConfig> demo =
        load_run_config(std::string(ASSAY_SOURCE_DIR) + "/configs/demo.toml");
    REQUIRE(llama_layout(demo->model).live_count() == 1066112);
    REQUIRE(demo->pay.audit_min_ppm == kPpm);
    const Result<RunConfig> small =
        load_run_config(std::string(ASSAY_SOURCE_DIR) + "/configs/small.toml");
    REQUIRE(llama_layout(small->model).live_count() == 10409280);
    REQUIRE_FALSE(load_run_config("/nowhere/none.toml").ok());
}

TEST_CASE("single settings can be set by key", "[configs]") {
    RunConfig config;
    REQUIRE(set_setting(config, "inner.learning_rate", "1e-3").ok());
    REQUIRE(config.inner.learning_rate == 1e-3);
    REQUIRE(set_setting(config, "rounds.rounds", "7").ok());
    REQUIRE(config.rounds.rounds == 7);
    REQUIRE(set_setting(config, "model.tied", "false").ok());
    REQUIRE(set_setting(config, "run.name", "any thing").ok());
    REQUIRE_THAT(set_setting(config, "rounds.rounds", "0").reason(),
                 Catch::Equals("rounds.rounds is 0; allowed is 1 to 10000000 rounds"));
    REQUIRE_FALSE(set_setting(config, "rounds.rounds", "7x").ok());
    REQUIRE_FALSE(set_setting(config, "model.tied", "yes").ok());
    REQUIRE_THAT(set_setting(config, "rounds.round", "7").reason(),
                 Catch::Contains("did you mean rounds.rounds?"));
    REQUIRE(config.rounds.rounds == 7);
}

TEST_CASE("the help names every key with default and range", "[configs]") {
    const std::string help = settings_help();
    RunConfig defaults;
    each_setting(defaults, [&](const std::string& key, const Field& field, auto&) {
        INFO(key);
        REQUIRE(help.find("\n  " + std::string(field.name) + " = ") != std::string::npos);
    });
    REQUIRE_THAT(help,
                 Catch::Contains("[inner]") && Catch::Contains("inner_steps = 12") &&
                     Catch::Contains("(1 to 1024 steps)") && Catch::Contains("(carry or reset)"));
}

TEST_CASE("learning rates warm up, then follow a cosine to the end", "[configs]") {
    InnerSettings inner;
    inner.inner_steps = 10;
    inner.warmup_rounds = 2;
    inner.learning_rate = 1.0;
    inner.final_rate = 0.1;
    const auto rate = [&](uint64_t round, size_t step) {
        const std::vector<uint32_t> bits = learning_rates(inner, 12, RoundId{round});
        REQUIRE(bits.size() == 10);
        return static_cast<double>(std::bit_cast<float>(bits[step]));
    };
    REQUIRE(rate(0, 0) == Approx(0.05));
    REQUIRE(rate(1, 9) == Approx(1.0));
    REQUIRE(rate(2, 0) == Approx(1.0));
    REQUIRE(rate(7, 0) == Approx(0.55));
    REQUIRE(rate(11, 9) == Approx(0.1).margin(0.001));
    REQUIRE(rate(500, 0) == Approx(0.1));
    inner.warmup_rounds = 0;
    REQUIRE(rate(0, 0) == Approx(1.0));
}

TEST_CASE("settings become the kernels' and the protocol's values", "[configs]") {
    InnerSettings inner;
    REQUIRE(numeric_class_of(inner) == NumericClass::kExact);
    inner.numeric_class = "fp32";
    REQUIRE(numeric_class_of(inner) == NumericClass::kFp32);
    inner.numeric_class = "exact";
    REQUIRE(numeric_class_of(inner) == NumericClass::kExact);
    inner.numeric_class = "bf16";
    REQUIRE(numeric_class_of(inner) == NumericClass::kBf16);
    REQUIRE(adam_settings(inner).beta2 == 0.95F);
    REQUIRE(adam_settings(inner).epsilon == 1e-8F);
}

}  // namespace assay
