#include "serving/jinja_values.h"

#include <algorithm>
#include <cctype>

#include "core/check.h"
#include "serving/jinja_nodes.h"

namespace assay {

namespace {

using nlohmann::json;

constexpr const char* kBlanks = " \t\r\n";

std::string stripped(std::string text, bool front, bool back, const std::string& blanks) {
    if (back) {
        text.erase(text.find_last_not_of(blanks) + 1);
    }
    if (front) {
        text.erase(0, std::min(text.find_first_not_of(blanks), text.size()));
    }
    return text;
}

// ASCII alone: that of roles and of marks.
std::string cased(std::string text, bool upper) {
    std::transform(text.begin(), text.end(), text.begin(), [upper](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return static_cast<char>(byte >= 0x80 ? byte
                                 : upper      ? std::toupper(byte)
                                              : std::tolower(byte));
    });
    return text;
}

json split(const std::string& text, const std::string& by) {
    json parts = json::array();
    size_t from = 0;
    for (size_t at = text.find(by); !by.empty() && at != std::string::npos;
         at = text.find(by, from)) {
        parts.push_back(text.substr(from, at - from));
        from = at + by.size();
    }
    parts.push_back(text.substr(from));
    return parts;
}

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
    const json parts = split(text, from);
    std::string joined;
    for (size_t i = 0; i < parts.size(); ++i) {
        joined += (i > 0 ? to : "") + parts[i].get<std::string>();
    }
    return joined;
}

}  // namespace

bool jinja_is_true(const json& value) {
    if (value.is_boolean()) {
        return value.get<bool>();
    }
    if (value.is_number()) {
        return value != json(0);
    }
    return value.is_string() ? !value.get_ref<const std::string&>().empty() : !value.empty();
}

std::string jinja_text_of(const json& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (value.is_boolean()) {
        return value.get<bool>() ? "True" : "False";
    }
    return value.is_null() ? "" : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json jinja_size_of(const json& value) {
    return value.is_string() ? value.get_ref<const std::string&>().size() : value.size();
}

bool jinja_contains(const json& where, const json& what) {
    if (where.is_string()) {
        return what.is_string() && where.get_ref<const std::string&>().find(
                                       what.get_ref<const std::string&>()) != std::string::npos;
    }
    if (where.is_object()) {
        return what.is_string() && where.contains(what.get<std::string>());
    }
    return std::find(where.begin(), where.end(), what) != where.end();
}

bool jinja_compare(const std::string& sign, const json& left, const json& right) {
    return sign == "<"    ? left < right
           : sign == ">"  ? left > right
           : sign == "<=" ? left <= right
                          : left >= right;
}

json jinja_calculate(const std::string& sign, const json& left, const json& right) {
    if (!left.is_number_integer() || !right.is_number_integer()) {
        throw JinjaError("`" + sign + "` needs two whole numbers");
    }
    const auto a = static_cast<uint64_t>(left.get<int64_t>());
    const auto b = static_cast<uint64_t>(right.get<int64_t>());
    if (sign == "+" || sign == "-" || sign == "*") {
        return static_cast<int64_t>(sign == "+" ? a + b : sign == "-" ? a - b : a * b);
    }
    const int64_t by = right.get<int64_t>();
    if (by <= 0) {
        throw JinjaError("`" + sign + "` needs a positive divisor");
    }
    const int64_t towards_zero = left.get<int64_t>() % by;
    const int64_t rest = towards_zero + (towards_zero < 0 ? by : 0);
    ASSAY_CHECK(rest >= 0 && rest < by);
    return sign == "%" ? rest : left.get<int64_t>() / by - (towards_zero < 0 ? 1 : 0);
}

json jinja_method(const std::string& name, const json& of, const std::vector<json>& arguments) {
    const std::string first = arguments.empty() ? "" : jinja_text_of(arguments[0]);
    const std::string text = of.is_string() ? of.get<std::string>() : "";
    if (name == "strip" || name == "lstrip" || name == "rstrip") {
        return stripped(
            text, name != "rstrip", name != "lstrip", arguments.empty() ? kBlanks : first);
    }
    if (name == "startswith") {
        return text.compare(0, first.size(), first) == 0;
    }
    if (name == "endswith") {
        return text.size() >= first.size() &&
               text.compare(text.size() - first.size(), first.size(), first) == 0;
    }
    if (name == "upper" || name == "lower") {
        return cased(text, name == "upper");
    }
    if (name == "replace") {
        return replaced(text, first, arguments.size() > 1 ? jinja_text_of(arguments[1]) : "");
    }
    if (name == "split") {
        return split(text, arguments.empty() ? " " : first);
    }
    if (name == "get") {
        const json otherwise = arguments.size() > 1 ? arguments[1] : json(nullptr);
        return of.is_object() && of.contains(first) ? of[first] : otherwise;
    }
    json pairs = json::array();
    for (const auto& [key, value] : of.items()) {
        pairs.push_back(name == "keys" ? json(key) : json::array({key, value}));
    }
    return pairs;
}

json jinja_filter(const std::string& name, const json& of, const std::vector<json>& arguments) {
    if (name == "trim") {
        return stripped(jinja_text_of(of), true, true, kBlanks);
    }
    if (name == "length" || name == "count") {
        return jinja_size_of(of);
    }
    if (name == "upper" || name == "lower") {
        return cased(jinja_text_of(of), name == "upper");
    }
    if (name == "capitalize") {
        std::string text = cased(jinja_text_of(of), false);
        return cased(text.substr(0, 1), true) + (text.empty() ? "" : text.substr(1));
    }
    if (name == "tojson") {
        return of.dump(-1, ' ', false, json::error_handler_t::replace);
    }
    if (name == "default") {
        return of.is_null() && !arguments.empty() ? arguments[0] : of;
    }
    if (name == "string") {
        return jinja_text_of(of);
    }
    if (name == "first" || name == "last") {
        return of.is_array() && !of.empty() ? (name == "first" ? of.front() : of.back())
                                            : json(nullptr);
    }
    if (name == "join") {
        std::string joined;
        for (size_t i = 0; of.is_array() && i < of.size(); ++i) {
            joined += (i > 0 && !arguments.empty() ? jinja_text_of(arguments[0]) : "") +
                      jinja_text_of(of[i]);
        }
        return joined;
    }
    return of;
}

bool jinja_test(const std::string& name, const json& of) {
    if (name == "string") {
        return of.is_string();
    }
    if (name == "mapping") {
        return of.is_object();
    }
    if (name == "iterable" || name == "sequence") {
        return of.is_array() || of.is_string() || (name == "iterable" && of.is_object());
    }
    if (name == "number") {
        return of.is_number();
    }
    if (name == "boolean") {
        return of.is_boolean();
    }
    if (name == "true" || name == "false") {
        return of == json(name == "true");
    }
    return of.is_null() != (name == "defined");
}

}  // namespace assay
