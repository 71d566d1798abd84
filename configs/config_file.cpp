#include "configs/config_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <vector>

#include "core/files.h"

namespace assay {

namespace {

constexpr uint64_t kFileBytesMax = 1 << 20;

std::string value_text(const toml::node& node) {
    std::ostringstream out;
    out << toml::node_view<const toml::node>(node);
    return out.str();
}

std::string place_of(const std::string& file, const toml::node& node) {
    return file + ":" + std::to_string(node.source().begin.line) + ": ";
}

// Takes a value of the setting's own type; says what was expected otherwise.
std::string take(const toml::node& node, int64_t& value) {
    if (!node.is_integer()) {
        return "a whole number";
    }
    value = node.as_integer()->get();
    return "";
}

std::string take(const toml::node& node, double& value) {
    if (!node.is_number()) {
        return "a number";
    }
    value = node.is_integer() ? static_cast<double>(node.as_integer()->get())
                              : node.as_floating_point()->get();
    return "";
}

std::string take(const toml::node& node, bool& value) {
    if (!node.is_boolean()) {
        return "true or false";
    }
    value = node.as_boolean()->get();
    return "";
}

std::string take(const toml::node& node, std::string& value) {
    if (!node.is_string()) {
        return "text in quotes";
    }
    value = node.as_string()->get();
    return "";
}

std::string hint(std::string_view word, const std::vector<std::string>& names) {
    const std::string near = nearest_name(word, names);
    return near.empty() ? "" : "; did you mean " + near + "?";
}

// Reads one table into one settings struct.
class SectionReader {
public:
    SectionReader(const std::string& file, std::string_view section, const toml::table& table)
        : file_(file), section_(section), table_(table) {}

    template <typename T>
    void operator()(const Field& field, T& value) {
        names_.emplace_back(field.name);
        const toml::node* node = table_.get(field.name);
        if (node == nullptr || !fault_.empty()) {
            return;
        }
        const std::string key = section_ + "." + std::string(field.name);
        const std::string expected = take(*node, value);
        if (!expected.empty()) {
            fault_ = place_of(file_, *node) + key + " = " + value_text(*node) + " is not " +
                     expected +
                     (field.choices.empty() && field.low == field.high
                          ? ""
                          : "; allowed is " + allowed_text(field));
            return;
        }
        const std::string out_of_bounds = bounds_fault(field, value);
        if (!out_of_bounds.empty()) {
            fault_ = place_of(file_, *node) + key + " " + out_of_bounds;
        }
    }

    // After all fields: a key of the table that is none of them.
    [[nodiscard]] std::string fault() const {
        if (!fault_.empty()) {
            return fault_;
        }
        for (auto&& [key, node] : table_) {
            const std::string name(key.str());
            bool known = false;
            for (const std::string& candidate : names_) {
                known = known || candidate == name;
            }
            if (!known) {
                return place_of(file_, node) + "there is no setting " + section_ + "." + name +
                       hint(name, names_);
            }
        }
        return "";
    }

private:
    const std::string& file_;
    std::string section_;
    const toml::table& table_;
    std::vector<std::string> names_;
    std::string fault_;
};

// The first fault in the file's order of sections, or "".
std::string read_sections(const toml::table& root, const std::string& file, RunConfig& config) {
    std::string fault;
    std::vector<std::string> sections;
    config.for_each_section([&](std::string_view section, std::string_view, auto& settings) {
        sections.emplace_back(section);
        const toml::node* node = root.get(section);
        if (node == nullptr || !fault.empty()) {
            return;
        }
        if (!node->is_table()) {
            fault = place_of(file, *node) + std::string(section) + " is a section: write [" +
                    std::string(section) + "] above its settings";
            return;
        }
        SectionReader reader(file, section, *node->as_table());
        settings.for_each(reader);
        fault = reader.fault();
    });
    for (auto&& [key, node] : root) {
        const std::string name(key.str());
        bool known = false;
        for (const std::string& candidate : sections) {
            known = known || candidate == name;
        }
        if (!known && fault.empty()) {
            fault =
                place_of(file, node) + "there is no section [" + name + "]" + hint(name, sections);
        }
    }
    return fault;
}

// Where the first of the settings stands that the file has: what is left out has its default and is
// not the one to change.
std::string place_of_first(const std::string& file,
                           const toml::table& root,
                           const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
        const size_t dot = key.find('.');
        const toml::table* section = root[key.substr(0, dot)].as_table();
        const toml::node* node = section == nullptr ? nullptr : section->get(key.substr(dot + 1));
        if (node != nullptr) {
            return place_of(file, *node);
        }
    }
    return file + ": ";
}

// toml++ 3.3 takes for granted that a key begins behind a line's first bracket: `[&` would bring
// the program down. A section that is not named so is refused here, with its line; "" if there is
// none.
std::string header_fault(std::string_view text, const std::string& name) {
    constexpr std::string_view kBlank = " \t";
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    text.remove_prefix(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
    for (int line = 1; !text.empty(); ++line) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view rest = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
        if (!rest.starts_with('[')) {
            continue;
        }
        rest.remove_prefix(rest.starts_with("[[") ? 2 : 1);
        rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
        const char first = rest.empty() ? '\n' : rest.front();
        if (std::isalnum(static_cast<unsigned char>(first)) == 0 &&
            std::string_view("_-\"'").find(first) == std::string_view::npos) {
            return name + ":" + std::to_string(line) + ": a section is written [name]";
        }
    }
    return "";
}

std::string toml_value(int64_t value) {
    return std::to_string(value);
}
std::string toml_value(bool value) {
    return value ? "true" : "false";
}
std::string toml_value(double value) {
    const std::string text = number_text(value);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}
std::string toml_value(const std::string& value) {
    std::ostringstream out;
    out << toml::value<std::string>(value);
    return out.str();
}

// The text's n-th line, from 1, as a quotation: what cannot be parsed has no key to be named by.
std::string shown_line(std::string_view text, uint32_t n) {
    constexpr size_t kShown = 60;
    for (; n > 1 && !text.empty(); --n) {
        text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
    }
    text = text.substr(0, std::min(text.find_first_of("\r\n"), kShown));
    return "`" + std::string(text) + "`";
}

}  // namespace

Result<RunConfig> parse_run_config(std::string_view text, const std::string& name) {
    RunConfig config;
    if (const std::string fault = header_fault(text, name); !fault.empty()) {
        return fail(fault);
    }
    try {
        const toml::table root = toml::parse(text, name);
        const std::string fault = read_sections(root, name, config);
        if (!fault.empty()) {
            return fail(fault);
        }
        const SettingsFault between = find_fault(config);
        if (!between.text.empty()) {
            return fail(place_of_first(name, root, between.keys) + between.text);
        }
    } catch (const toml::parse_error& error) {
        const auto line = error.source().begin.line;
        return fail(name + ":" + std::to_string(line) + ": " + shown_line(text, line) + ": " +
                    std::string(error.description()));
    }
    return config;
}

Result<RunConfig> load_run_config(const std::filesystem::path& file) {
    Result<std::string> text = read_text_file(file, kFileBytesMax);
    if (!text) {
        return text.error();
    }
    return parse_run_config(*text, file.string());
}

std::string run_config_toml(const RunConfig& config) {
    RunConfig copy = config;
    std::string text;
    copy.for_each_section([&](std::string_view section, std::string_view, auto& settings) {
        text += (text.empty() ? "[" : "\n[") + std::string(section) + "]\n";
        auto each = [&](const Field& field, const auto& value) {
            text += std::string(field.name) + " = " + toml_value(value) + "\n";
        };
        settings.for_each(each);
    });
    return text;
}

}  // namespace assay
