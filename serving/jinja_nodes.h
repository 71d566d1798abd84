// The tree that a chat template is read into: jinja_parser makes it, jinja_template walks it.

#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

struct JinjaError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct JinjaExpression {  // NOLINT(bugprone-exception-escape): json moves without a throw
    enum class Kind : uint8_t {
        kLiteral,  // value
        kName,
        kItem,    // parts: of, key
        kSlice,   // parts: of, from, to; the last two may be null
        kCall,    // name; parts: of (null: a function), arguments; keywords: names of the last ones
        kFilter,  // name; parts: of, arguments
        kTest,    // name; parts: of
        kNot,
        kBinary,  // name: the operator
        kChoice,  // parts: condition, then, otherwise (may be null)
        kList,
    };
    Kind kind = Kind::kLiteral;
    std::string name;
    nlohmann::json value;
    std::vector<std::shared_ptr<JinjaExpression>> parts;
    std::vector<std::string> keywords;
    int height = 1;  // one more than that of the highest part: walks and deletions go so deep
};

struct JinjaNode {
    enum class Kind : uint8_t {
        kText,    // text
        kOutput,  // expression
        kIf,      // expression, body, otherwise
        kFor,     // names, expression, body, otherwise; condition in `filter`
        kSet,     // names: one, or an object and its member; expression
    };
    Kind kind = Kind::kText;
    std::string text;
    std::vector<std::string> names;
    std::shared_ptr<JinjaExpression> expression;
    std::shared_ptr<JinjaExpression> filter;
    std::vector<JinjaNode> body;
    std::vector<JinjaNode> otherwise;
};

// Throws JinjaError with the line of what it does not understand.
std::vector<JinjaNode> parse_jinja(std::string_view source);

}  // namespace assay
