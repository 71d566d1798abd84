// What chat templates do with values: Python's ideas of truth and text, methods, filters, tests.
//
// Bad operands throw JinjaError. Pure.

#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace assay {

// Empty texts, lists and objects are false; null has no text; a text's size is in bytes.
bool jinja_is_true(const nlohmann::json& value);
std::string jinja_text_of(const nlohmann::json& value);
nlohmann::json jinja_size_of(const nlohmann::json& value);

// The operators: `in`; those that order; arithmetic, in whole numbers alone.
bool jinja_contains(const nlohmann::json& where, const nlohmann::json& what);
bool jinja_compare(const std::string& sign,
                   const nlohmann::json& left,
                   const nlohmann::json& right);
nlohmann::json jinja_calculate(const std::string& sign,
                               const nlohmann::json& left,
                               const nlohmann::json& right);

// What `of.name(arguments)`, `of | name(arguments)` and `of is name` give. REQUIRES: the parser
// knows the name.
nlohmann::json jinja_method(const std::string& name,
                            const nlohmann::json& of,
                            const std::vector<nlohmann::json>& arguments);
nlohmann::json jinja_filter(const std::string& name,
                            const nlohmann::json& of,
                            const std::vector<nlohmann::json>& arguments);
bool jinja_test(const std::string& name, const nlohmann::json& of);

}  // namespace assay
