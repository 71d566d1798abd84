#include "serving/jinja_template.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "core/check.h"
#include "serving/jinja_nodes.h"
#include "serving/jinja_values.h"

namespace assay {

struct JinjaTemplate::Nodes {
    std::vector<JinjaNode> nodes;
};

namespace {

using nlohmann::json;
using Kind = JinjaExpression::Kind;

constexpr size_t kStepsMax = 500000;
constexpr size_t kOutputBytesMax = 8U << 20;
class Renderer {
public:
    explicit Renderer(const json& variables) : scopes_{variables} {}

    std::string render(const std::vector<JinjaNode>& nodes) {
        run(nodes);
        ASSAY_CHECK_EQ(scopes_.size(), size_t{1});  // each loop took its own away
        ASSAY_CHECK_LE(output_.size(), kOutputBytesMax);
        return std::move(output_);
    }

private:
    void step() {
        if (++steps_ > kStepsMax) {
            throw JinjaError("the template takes too many steps");
        }
    }

    void print(const std::string& text) {
        if (output_.size() + text.size() > kOutputBytesMax) {
            throw JinjaError("the chat is too long");
        }
        output_ += text;
    }

    void run(const std::vector<JinjaNode>& nodes) {
        for (const JinjaNode& node : nodes) {
            step();
            switch (node.kind) {
                case JinjaNode::Kind::kText:
                    print(node.text);
                    break;
                case JinjaNode::Kind::kOutput:
                    print(jinja_text_of(value_of(*node.expression)));
                    break;
                case JinjaNode::Kind::kIf:
                    run(jinja_is_true(value_of(*node.expression)) ? node.body : node.otherwise);
                    break;
                case JinjaNode::Kind::kFor:
                    loop(node);
                    break;
                case JinjaNode::Kind::kSet:
                    assign(node);
                    break;
            }
        }
    }

    // A member may be set of what an outer scope holds: that is what namespace() is for.
    void assign(const JinjaNode& node) {
        json value = value_of(*node.expression);
        if (node.names.size() == 1) {
            scopes_.back()[node.names.front()] = std::move(value);
            return;
        }
        for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
            if (scope->contains(node.names.front())) {
                (*scope)[node.names.front()][node.names.back()] = std::move(value);
                return;
            }
        }
        throw JinjaError(node.names.front() + " is not set");
    }

    void bind(const JinjaNode& node, const json& item) {
        ASSAY_CHECK(node.names.size() == 1 || node.names.size() == 2);
        ASSAY_CHECK_LT(size_t{1}, scopes_.size());
        if (node.names.size() == 1) {
            scopes_.back()[node.names.front()] = item;
            return;
        }
        for (size_t i = 0; i < node.names.size(); ++i) {
            scopes_.back()[node.names[i]] =
                item.is_array() && i < item.size() ? item[i] : json(nullptr);
        }
    }

    std::vector<json> items_of(const JinjaNode& node) {
        const json all = value_of(*node.expression);
        std::vector<json> items;
        for (const auto& [key, value] : all.items()) {
            const json& item = all.is_object() ? json(key) : value;
            scopes_.emplace_back(json::object());
            bind(node, item);
            if (!node.filter || jinja_is_true(value_of(*node.filter))) {
                items.push_back(item);
            }
            scopes_.pop_back();
        }
        return items;
    }

    void loop(const JinjaNode& node) {
        const std::vector<json> items = items_of(node);
        if (items.empty()) {
            run(node.otherwise);
        }
        for (size_t i = 0; i < items.size(); ++i) {
            scopes_.emplace_back(json::object());
            bind(node, items[i]);
            scopes_.back()["loop"] = {{"index0", i},
                                      {"index", i + 1},
                                      {"first", i == 0},
                                      {"last", i + 1 == items.size()},
                                      {"length", items.size()},
                                      {"previtem", i == 0 ? json(nullptr) : items[i - 1]},
                                      {"nextitem", i + 1 < items.size() ? items[i + 1] : nullptr}};
            run(node.body);
            scopes_.pop_back();
        }
    }

    // Without a copy where the value stands somewhere; else in `hold`.
    const json& view_of(const JinjaExpression& expression, json& hold) {
        if (expression.kind == Kind::kName) {
            for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
                const auto found = scope->find(expression.name);
                if (found != scope->end()) {
                    return *found;
                }
            }
            return null_;
        }
        if (expression.kind != Kind::kItem) {
            hold = value_of(expression);
            return hold;
        }
        json held;
        const json& of = view_of(*expression.parts[0], held);
        const json& found = item_of(of, value_of(*expression.parts[1]));
        if (&of != &held) {
            return found;
        }
        json copy = found;  // what it is part of goes away
        hold = std::move(copy);
        return hold;
    }

    [[nodiscard]] const json& item_of(const json& of, const json& key) const {
        if (of.is_object() && key.is_string()) {
            const auto found = of.find(key.get_ref<const std::string&>());
            return found == of.end() ? null_ : *found;
        }
        if (of.is_array() && key.is_number_integer()) {
            const auto size = static_cast<int64_t>(of.size());
            const int64_t index = key.get<int64_t>() + (key.get<int64_t>() < 0 ? size : 0);
            return index >= 0 && index < size ? of[static_cast<size_t>(index)] : null_;
        }
        return null_;
    }

    json value_of(const JinjaExpression& expression) {
        step();
        switch (expression.kind) {
            case Kind::kLiteral:
                return expression.value;
            case Kind::kName:
            case Kind::kItem: {
                json hold;
                return view_of(expression, hold);
            }
            case Kind::kSlice:
                return slice(expression);
            case Kind::kCall:
                return call(expression);
            case Kind::kFilter:
                return jinja_filter(
                    expression.name, value_of(*expression.parts[0]), arguments_of(expression));
            case Kind::kTest:
                return jinja_test(expression.name, value_of(*expression.parts[0]));
            case Kind::kNot:
                return !jinja_is_true(value_of(*expression.parts[0]));
            case Kind::kBinary:
                return binary(expression);
            case Kind::kChoice:
                return choice(expression);
            case Kind::kList:
                break;
        }
        json list = json::array();
        for (const auto& part : expression.parts) {
            list.push_back(value_of(*part));
        }
        return list;
    }

    json choice(const JinjaExpression& expression) {
        ASSAY_CHECK_EQ(expression.parts.size(), size_t{3});
        if (jinja_is_true(value_of(*expression.parts[0]))) {
            return value_of(*expression.parts[1]);
        }
        return expression.parts[2] ? value_of(*expression.parts[2]) : json(nullptr);
    }

    json slice(const JinjaExpression& expression) {
        ASSAY_CHECK_EQ(expression.parts.size(), size_t{3});
        const json of = value_of(*expression.parts[0]);
        const auto size = jinja_size_of(of).get<int64_t>();
        const auto bound = [&](size_t part, int64_t otherwise) {
            if (!expression.parts[part]) {
                return otherwise;
            }
            const json value = value_of(*expression.parts[part]);
            const int64_t at = value.is_number_integer() ? value.get<int64_t>() : otherwise;
            return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
        };
        const int64_t from = bound(1, 0);
        const int64_t to = std::max(from, bound(2, size));
        if (of.is_string()) {
            return of.get<std::string>().substr(static_cast<size_t>(from),
                                                static_cast<size_t>(to - from));
        }
        return of.is_array() ? json(std::vector<json>(of.begin() + from, of.begin() + to))
                             : json(nullptr);
    }

    json binary(const JinjaExpression& expression) {
        ASSAY_CHECK_EQ(expression.parts.size(), size_t{2});
        const std::string& sign = expression.name;
        json left = value_of(*expression.parts[0]);
        if (sign == "and" || sign == "or") {
            return jinja_is_true(left) == (sign == "or") ? left : value_of(*expression.parts[1]);
        }
        const json right = value_of(*expression.parts[1]);
        if (sign == "==" || sign == "!=") {
            return (left == right) == (sign == "==");
        }
        if (sign == "in") {
            return jinja_contains(right, left);
        }
        if (sign == "~" || (sign == "+" && (left.is_string() || right.is_string()))) {
            return jinja_text_of(left) + jinja_text_of(right);
        }
        if (sign == "+" && left.is_array() && right.is_array()) {
            left.insert(left.end(), right.begin(), right.end());
            return left;
        }
        if (sign.front() == '<' || sign.front() == '>') {
            return jinja_compare(sign, left, right);
        }
        return jinja_calculate(sign, left, right);
    }

    std::vector<json> arguments_of(const JinjaExpression& expression) {
        std::vector<json> values;
        for (size_t i = 1; i < expression.parts.size(); ++i) {
            values.push_back(value_of(*expression.parts[i]));
        }
        return values;
    }

    json call(const JinjaExpression& expression) {
        const std::vector<json> arguments = arguments_of(expression);
        const std::string first = arguments.empty() ? "" : jinja_text_of(arguments[0]);
        if (expression.parts[0]) {
            return jinja_method(expression.name, value_of(*expression.parts[0]), arguments);
        }
        if (expression.name == "raise_exception") {
            throw JinjaError(first);
        }
        if (expression.name == "namespace") {
            json made = json::object();
            ASSAY_CHECK_LE(expression.keywords.size(), arguments.size());
            const size_t unnamed = arguments.size() - expression.keywords.size();
            for (size_t i = 0; i < expression.keywords.size(); ++i) {
                made[expression.keywords[i]] = arguments[unnamed + i];
            }
            return made;
        }
        json numbers = json::array();
        const int64_t count = !arguments.empty() && arguments[0].is_number_integer()
                                  ? arguments[0].get<int64_t>()
                                  : 0;
        for (int64_t i = 0; i < count; ++i) {
            step();
            numbers.push_back(i);
        }
        return numbers;
    }

    std::vector<json> scopes_;
    const json null_;
    std::string output_;
    size_t steps_ = 0;
};

}  // namespace

Result<JinjaTemplate> JinjaTemplate::parse(std::string_view source) {
    try {
        JinjaTemplate made;
        made.nodes_ = std::make_shared<const Nodes>(Nodes{parse_jinja(source)});
        return made;
    } catch (const JinjaError& error) {
        return fail(error.what());
    }
}

Result<std::string> JinjaTemplate::render(const json& variables) const {
    ASSAY_CHECK(nodes_ != nullptr && variables.is_object());
    try {
        return Renderer(variables).render(nodes_->nodes);
    } catch (const JinjaError& error) {
        return fail(error.what());
    } catch (const json::exception& error) {
        return fail(error.what());
    }
}

}  // namespace assay
