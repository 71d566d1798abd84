#include "configs/run_config.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <vector>

#include "configs/printed_setting.h"
#include "core/check.h"

namespace assay {

namespace {

// Field names of the visited section, as keys of the whole run.
std::string key_of(std::string_view section, const Field& field) {
    return std::string(section) + "." + std::string(field.name);
}

// Calls visit(section, field, value) for every setting of the run.
template <class F>
void for_each_setting(RunConfig& config, F&& visit) {
    config.for_each_section([&](std::string_view section, std::string_view, auto& settings) {
        auto each = [&](const Field& field, auto& value) { visit(section, field, value); };
        settings.for_each(each);
    });
}

std::string range_fault(const Field& field, const std::string& value) {
    return "is " + value + "; allowed is " + allowed_text(field);
}

std::string bound_text(double bound) {
    return bound == std::floor(bound) && std::abs(bound) < 1e15
               ? std::to_string(static_cast<int64_t>(bound))
               : number_text(bound);
}

// Reads canonical text from its front, one setting after the other.
class CanonicalReader {
public:
    explicit CanonicalReader(std::string_view text) : rest_(text) {}

    void read(const std::string& key, int64_t& value) {
        const std::string_view line = plain_line(key, 'i');
        number(key, line, value);
    }
    void read(const std::string& key, double& value) {
        uint64_t bits = 0;
        number(key, plain_line(key, 'd'), bits);
        value = std::bit_cast<double>(bits);
    }
    void read(const std::string& key, bool& value) {
        const std::string_view line = plain_line(key, 'b');
        if (line != "0" && line != "1") {
            refuse(key);
        }
        value = line == "1";
    }
    void read(const std::string& key, std::string& value) {
        expect(key, 's');
        const size_t colon = std::min(rest_.find(':'), rest_.size());
        uint64_t size = 0;
        number(key, rest_.substr(0, colon), size);
        if (!fault_.empty() || rest_.size() - colon < 2 || rest_.size() - colon - 2 < size) {
            refuse(key);
            return;
        }
        value = std::string(rest_.substr(colon + 1, size));
        rest_.remove_prefix(colon + 1 + size);
        if (rest_.front() != '\n') {
            refuse(key);
        }
        rest_.remove_prefix(1);
    }
    [[nodiscard]] const std::string& fault() const { return fault_; }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

private:
    void refuse(const std::string& key) {
        if (fault_.empty()) {
            fault_ = "the settings' canonical text is not well formed at " + key;
        }
    }
    void expect(const std::string& key, char type) {
        const std::string start = key + "=" + type;
        if (!fault_.empty() || rest_.substr(0, start.size()) != start) {
            refuse(key);
            return;
        }
        rest_.remove_prefix(start.size());
    }
    std::string_view plain_line(const std::string& key, char type) {
        expect(key, type);
        const size_t end = rest_.find('\n');
        if (!fault_.empty() || end == std::string_view::npos) {
            refuse(key);
            return {};
        }
        const std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return line;
    }
    template <typename T>
    void number(const std::string& key, std::string_view text, T& value) {
        const char* end = text.data() + text.size();
        const std::from_chars_result got = std::from_chars(text.data(), end, value);
        if (text.empty() || got.ec != std::errc() || got.ptr != end) {
            refuse(key);
        }
    }

    std::string_view rest_;
    std::string fault_;
};

template <typename T>
std::string parse_number(std::string_view text, T& value) {
    const char* end = text.data() + text.size();
    const std::from_chars_result got = std::from_chars(text.data(), end, value);
    return got.ec == std::errc() && got.ptr == end ? "" : "is no number: " + std::string(text);
}
std::string parse_setting(std::string_view text, int64_t& value) {
    return parse_number(text, value);
}
std::string parse_setting(std::string_view text, double& value) {
    return parse_number(text, value);
}
std::string parse_setting(std::string_view text, bool& value) {
    value = text == "true";
    return text == "true" || text == "false" ? "" : "is neither true nor false";
}
std::string parse_setting(std::string_view text, std::string& value) {
    value = std::string(text);
    return "";
}

}  // namespace

std::string number_text(double value) {
    char buffer[64];
    const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), value);
    return {buffer, end.ptr};
}

std::string allowed_text(const Field& field) {
    std::string text;
    for (size_t i = 0; i < field.choices.size(); ++i) {
        text += (i == 0 ? "" : i + 1 == field.choices.size() ? " or " : ", ");
        text += std::string(field.choices[i]);
    }
    if (!text.empty()) {
        return text;
    }
    text = bound_text(field.low) + " to " + bound_text(field.high);
    return field.unit.empty() ? text : text + " " + std::string(field.unit);
}

std::string bounds_fault(const Field& field, int64_t value) {
    const double number = static_cast<double>(value);
    return number >= field.low && number <= field.high ? ""
                                                       : range_fault(field, std::to_string(value));
}

std::string bounds_fault(const Field& field, double value) {
    return value >= field.low && value <= field.high ? "" : range_fault(field, number_text(value));
}

std::string bounds_fault(const Field&, bool) {
    return "";
}

std::string bounds_fault(const Field& field, const std::string& value) {
    if (value.size() > 256) {
        return "is longer than 256 bytes";
    }
    bool allowed = field.choices.empty();
    for (const std::string_view choice : field.choices) {
        allowed = allowed || value == choice;
    }
    return allowed ? "" : range_fault(field, "\"" + value + "\"");
}

std::string canonical_text(const RunConfig& config) {
    RunConfig copy = config;
    CanonicalText text;
    for_each_setting(copy, [&](std::string_view section, const Field& field, auto& value) {
        const std::string key = key_of(section, field);
        Field whole = field;
        whole.name = key;
        text(whole, value);
    });
    return text.text();
}

Result<RunConfig> parse_canonical_text(std::string_view text) {
    RunConfig config;
    CanonicalReader reader(text);
    for_each_setting(config, [&](std::string_view section, const Field& field, auto& value) {
        if (reader.fault().empty()) {
            reader.read(key_of(section, field), value);
        }
    });
    if (!reader.fault().empty()) {
        return fail(reader.fault());
    }
    if (!reader.at_end() || canonical_text(config) != text) {
        return fail("the settings' text is not the canonical one");
    }
    if (Status checked = check_config(config); !checked.ok()) {
        return checked.error();
    }
    return config;
}

Status set_setting(RunConfig& config, std::string_view key, std::string_view text) {
    std::vector<std::string> keys;
    bool found = false;
    std::string fault;
    for_each_setting(config, [&](std::string_view section, const Field& field, auto& value) {
        keys.push_back(key_of(section, field));
        if (keys.back() != key) {
            return;
        }
        found = true;
        auto wanted = value;
        fault = parse_setting(text, wanted);
        fault = fault.empty() ? bounds_fault(field, wanted) : fault;
        if (fault.empty()) {
            value = wanted;
        }
    });
    if (!found) {
        const std::string near = nearest_name(key, keys);
        return fail("there is no setting " + std::string(key) +
                    (near.empty() ? "" : "; did you mean " + near + "?"));
    }
    return fault.empty() ? Status() : Status(fail(std::string(key) + " " + fault));
}

std::string settings_help() {
    RunConfig config;
    std::string help;
    config.for_each_section([&](std::string_view section, std::string_view about, auto& settings) {
        help += (help.empty() ? "[" : "\n[") + std::string(section) + "]  # " + std::string(about) +
                "\n";
        auto each = [&](const Field& field, const auto& value) {
            const bool free = field.choices.empty() && field.low == 0 && field.high == 0;
            const bool flag = printed(value) == "true" || printed(value) == "false";
            help += "  " + std::string(field.name) + " = " + printed(value) + "\n      " +
                    std::string(field.help) +
                    (free || flag ? "" : " (" + allowed_text(field) + ")") + "\n";
        };
        settings.for_each(each);
    });
    return help;
}

NumericClass numeric_class_of(const InnerSettings& settings) {
    const std::string& name = settings.numeric_class;
    ASSAY_CHECK(name == "exact" || name == "fp32" || name == "tf32" || name == "bf16");
    if (settings.numeric_class == "exact") {
        return NumericClass::kExact;
    }
    if (settings.numeric_class == "tf32") {
        return NumericClass::kTf32;
    }
    return settings.numeric_class == "bf16" ? NumericClass::kBf16 : NumericClass::kFp32;
}

AdamSettings adam_settings(const InnerSettings& settings) {
    AdamSettings adam;
    adam.beta1 = static_cast<float>(settings.beta1);
    adam.beta2 = static_cast<float>(settings.beta2);
    adam.epsilon = static_cast<float>(settings.epsilon);
    adam.weight_decay = static_cast<float>(settings.weight_decay);
    adam.clip = static_cast<float>(settings.clip);
    return adam;
}

}  // namespace assay
