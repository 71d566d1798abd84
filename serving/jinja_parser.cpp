// Chat templates, from text to tree.

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "core/check.h"
#include "serving/jinja_nodes.h"
#include "serving/jinja_pieces.h"

namespace assay {

namespace {

using Kind = JinjaExpression::Kind;
using Expression = std::shared_ptr<JinjaExpression>;

constexpr int kDepthMax = 60;
constexpr int kHeightMax = 1000;  // of an expression's tree: a chain of operators nests too
static_assert(kHeightMax > kDepthMax);

const std::set<std::string, std::less<>> kFunctions = {"raise_exception", "namespace", "range"};
const std::set<std::string, std::less<>> kMethods = {"strip",
                                                     "lstrip",
                                                     "rstrip",
                                                     "startswith",
                                                     "endswith",
                                                     "upper",
                                                     "lower",
                                                     "replace",
                                                     "split",
                                                     "get",
                                                     "items",
                                                     "keys"};
const std::set<std::string, std::less<>> kFilters = {"trim",
                                                     "length",
                                                     "count",
                                                     "upper",
                                                     "lower",
                                                     "capitalize",
                                                     "tojson",
                                                     "default",
                                                     "string",
                                                     "first",
                                                     "last",
                                                     "join",
                                                     "list",
                                                     "safe"};
const std::set<std::string, std::less<>> kTests = {"defined",
                                                   "undefined",
                                                   "none",
                                                   "string",
                                                   "mapping",
                                                   "iterable",
                                                   "sequence",
                                                   "number",
                                                   "boolean",
                                                   "true",
                                                   "false"};

struct Word {
    enum class Kind : uint8_t { kName, kNumber, kString, kSign, kEnd };
    Kind kind = Kind::kEnd;
    std::string text;
};

bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The words of one expression or block.
class Words {
public:
    Words(std::string_view text, size_t line) : rest_(text), line_(line) { next(); }

    [[nodiscard]] const Word& peek() const { return word_; }
    [[nodiscard]] size_t line() const { return line_; }
    [[nodiscard]] bool at(std::string_view text) const {
        return (word_.kind == Word::Kind::kName || word_.kind == Word::Kind::kSign) &&
               word_.text == text;
    }
    Word take() {
        Word taken = word_;
        next();
        return taken;
    }
    bool take_if(std::string_view text) {
        const bool is = at(text);
        if (is) {
            next();
        }
        return is;
    }
    void expect(std::string_view text) {
        if (!take_if(text)) {
            fail_jinja(line_, "expected " + std::string(text) + " where " + shown() + " stands");
        }
    }
    std::string expect_name() {
        if (word_.kind != Word::Kind::kName) {
            fail_jinja(line_, "expected a name where " + shown() + " stands");
        }
        return take().text;
    }
    [[nodiscard]] std::string shown() const {
        return word_.kind == Word::Kind::kEnd ? "the end" : "`" + word_.text + "`";
    }

private:
    void next() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
        if (rest_.empty()) {
            word_ = {};
        } else if (rest_.front() == '\'' || rest_.front() == '"') {
            word_ = {Word::Kind::kString, take_string()};
        } else if (is_name(rest_.front())) {
            size_t end = 0;
            while (end < rest_.size() && is_name(rest_[end])) {
                ++end;
            }
            const bool number = std::isdigit(static_cast<unsigned char>(rest_.front())) != 0;
            word_ = {number ? Word::Kind::kNumber : Word::Kind::kName,
                     std::string(rest_.substr(0, end))};
            rest_.remove_prefix(end);
        } else {
            take_sign();
        }
    }

    void take_sign() {
        size_t size = 1;
        for (const std::string_view two : {"==", "!=", "<=", ">=", "//"}) {
            size = rest_.substr(0, 2) == two ? 2 : size;
        }
        word_ = {Word::Kind::kSign, std::string(rest_.substr(0, size))};
        rest_.remove_prefix(size);
    }

    std::string take_string() {
        const char quote = rest_.front();
        std::string text;
        size_t i = 1;
        for (; i < rest_.size() && rest_[i] != quote; ++i) {
            const bool escaped = rest_[i] == '\\' && i + 1 < rest_.size();
            const char c = rest_[i += escaped ? 1 : 0];
            text += !escaped ? c : c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        if (i >= rest_.size()) {
            fail_jinja(line_, "a string is not closed");
        }
        rest_.remove_prefix(i + 1);
        return text;
    }

    std::string_view rest_;
    size_t line_;
    Word word_;
};

class ExpressionParser {
public:
    explicit ExpressionParser(Words& words) : words_(words) {}

    Expression whole() {
        if (++depth_ > kDepthMax) {
            fail_jinja(words_.line(), "an expression nests too deeply");
        }
        Expression value = either();
        if (words_.take_if("if")) {
            Expression condition = either();
            Expression otherwise = words_.take_if("else") ? whole() : nullptr;
            value = make(Kind::kChoice, "", {condition, value, otherwise});
        }
        ASSAY_CHECK(depth_ > 0 && depth_ <= kDepthMax);
        --depth_;
        return value;
    }
    Expression either() {
        Expression left = both();
        while (words_.take_if("or")) {
            left = make(Kind::kBinary, "or", {left, both()});
        }
        return left;
    }

private:
    Expression make(Kind kind, std::string name, const std::vector<Expression>& parts) {
        auto made = std::make_shared<JinjaExpression>();
        made->kind = kind;
        made->name = std::move(name);
        for (const Expression& part : parts) {
            add(*made, part);
        }
        return made;
    }
    static Expression literal(nlohmann::json value) {
        auto made = std::make_shared<JinjaExpression>();
        made->value = std::move(value);
        return made;
    }
    // A part that may be missing.
    void add(JinjaExpression& to, Expression part) {
        to.height = std::max(to.height, part ? part->height + 1 : 0);
        if (to.height > kHeightMax) {
            fail_jinja(words_.line(), "an expression is too long");
        }
        to.parts.push_back(std::move(part));
    }

    Expression both() {
        Expression left = negated();
        while (words_.take_if("and")) {
            left = make(Kind::kBinary, "and", {left, negated()});
        }
        return left;
    }

    Expression negated() {
        if (!words_.take_if("not")) {
            return compared();
        }
        if (++depth_ > kDepthMax) {
            fail_jinja(words_.line(), "an expression nests too deeply");
        }
        Expression value = make(Kind::kNot, "", {negated()});
        ASSAY_CHECK_LT(0, depth_);
        --depth_;
        return value;
    }

    Expression compared() {
        Expression left = sum();
        while (true) {
            bool found = false;
            for (const char* sign : {"==", "!=", "<=", ">=", "<", ">", "in"}) {
                if (!found && words_.take_if(sign)) {
                    left = make(Kind::kBinary, sign, {left, sum()});
                    found = true;
                }
            }
            if (!found && words_.take_if("not")) {
                words_.expect("in");
                left = make(Kind::kNot, "", {make(Kind::kBinary, "in", {left, sum()})});
                found = true;
            }
            if (!found && words_.take_if("is")) {
                left = test(left);
                found = true;
            }
            if (!found) {
                return left;
            }
        }
    }

    Expression test(Expression of) {
        const bool negated = words_.take_if("not");
        const std::string name = words_.expect_name();
        known(kTests, name, "test");
        Expression value = make(Kind::kTest, name, {std::move(of)});
        return negated ? make(Kind::kNot, "", {value}) : value;
    }

    Expression sum() {
        Expression left = product();
        while (words_.at("+") || words_.at("-") || words_.at("~")) {
            const std::string sign = words_.take().text;
            left = make(Kind::kBinary, sign, {left, product()});
        }
        return left;
    }

    Expression product() {
        Expression left = filtered();
        while (words_.at("*") || words_.at("//") || words_.at("%")) {
            const std::string sign = words_.take().text;
            left = make(Kind::kBinary, sign, {left, filtered()});
        }
        return left;
    }

    Expression filtered() {
        Expression value = postfixed();
        while (words_.take_if("|")) {
            const std::string name = words_.expect_name();
            known(kFilters, name, "filter");
            value = make(Kind::kFilter, name, {value});
            if (words_.take_if("(")) {
                arguments(*value);
            }
        }
        return value;
    }

    Expression postfixed() {
        Expression value = primary();
        while (true) {
            if (words_.take_if(".")) {
                const std::string name = words_.expect_name();
                if (words_.take_if("(")) {
                    known(kMethods, name, "method");
                    value = make(Kind::kCall, name, {value});
                    arguments(*value);
                } else {
                    value = make(Kind::kItem, "", {value, literal(name)});
                }
            } else if (words_.take_if("[")) {
                value = subscript(value);
            } else {
                return value;
            }
        }
    }

    Expression subscript(const Expression& of) {
        Expression from = words_.at(":") ? nullptr : whole();
        if (!words_.take_if(":")) {
            words_.expect("]");
            return make(Kind::kItem, "", {of, from});
        }
        Expression to = words_.at("]") ? nullptr : whole();
        words_.expect("]");
        return make(Kind::kSlice, "", {of, from, to});
    }

    Expression primary() {
        const Word word = words_.take();
        if (word.kind == Word::Kind::kString) {
            return literal(word.text);
        }
        if (word.kind == Word::Kind::kNumber) {
            return number(word.text);
        }
        if (word.kind == Word::Kind::kName) {
            return named(word.text);
        }
        if (word.text == "(") {
            Expression inner = whole();
            words_.expect(")");
            return inner;
        }
        if (word.text == "-" && words_.peek().kind == Word::Kind::kNumber) {
            Expression value = number(words_.take().text);
            value->value = -value->value.get<int64_t>();
            return value;
        }
        if (word.text == "[") {
            Expression list = make(Kind::kList, "", {});
            while (!words_.take_if("]")) {
                add(*list, whole());
                if (!words_.at("]")) {
                    words_.expect(",");
                }
            }
            return list;
        }
        fail_jinja(words_.line(), "`" + word.text + "` is not understood here");
    }

    Expression number(const std::string& digits) {
        if (digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos) {
            fail_jinja(words_.line(), "`" + digits + "` is no number that is understood");
        }
        return literal(std::stoll(digits));
    }

    Expression named(const std::string& name) {
        if (name == "true" || name == "True" || name == "false" || name == "False") {
            return literal(name == "true" || name == "True");
        }
        if (name == "none" || name == "None") {
            return literal(nullptr);
        }
        if (words_.take_if("(")) {
            known(kFunctions, name, "function");
            Expression call = make(Kind::kCall, name, {nullptr});
            arguments(*call);
            return call;
        }
        return make(Kind::kName, name, {});
    }

    // Behind the opening bracket.
    void arguments(JinjaExpression& call) {
        while (!words_.take_if(")")) {
            Expression value = whole();
            if (words_.take_if("=")) {
                call.keywords.push_back(value->name);
                value = whole();
            }
            add(call, value);
            if (!words_.at(")")) {
                words_.expect(",");
            }
        }
    }

    void known(const std::set<std::string, std::less<>>& names,
               const std::string& name,
               const char* what) {
        if (names.count(name) == 0) {
            fail_jinja(words_.line(), std::string("the ") + what + " `" + name + "` is not known");
        }
    }

    Words& words_;
    int depth_ = 0;
};

class TemplateParser {
public:
    explicit TemplateParser(std::vector<JinjaPiece> pieces) : pieces_(std::move(pieces)) {}

    std::vector<JinjaNode> whole() {
        std::vector<JinjaNode> nodes = body({});
        ASSAY_CHECK(at_ == pieces_.size() && depth_ == 0);
        return nodes;
    }

private:
    // Up to a block whose first word is one of `ends`; that one is left.
    std::vector<JinjaNode> body(const std::vector<std::string>& ends) {
        deepen();
        std::vector<JinjaNode> nodes;
        for (; at_ < pieces_.size(); ++at_) {
            const JinjaPiece& piece = pieces_[at_];
            if (piece.kind == JinjaPiece::Kind::kText) {
                nodes.push_back({JinjaNode::Kind::kText, piece.text, {}, {}, {}, {}, {}});
                continue;
            }
            Words words(piece.text, piece.line);
            if (piece.kind == JinjaPiece::Kind::kOutput) {
                nodes.push_back({JinjaNode::Kind::kOutput, "", {}, only(words), {}, {}, {}});
                continue;
            }
            if (std::count(ends.begin(), ends.end(), words.peek().text) != 0) {
                rise();
                return nodes;
            }
            block(words, nodes);
        }
        if (!ends.empty()) {
            fail_jinja(line(), "the template ends before " + ends.back());
        }
        rise();
        return nodes;
    }

    void deepen() {
        if (++depth_ > kDepthMax) {
            fail_jinja(line(), "blocks nest too deeply");
        }
    }
    void rise() {
        ASSAY_CHECK(depth_ > 0 && depth_ <= kDepthMax);
        --depth_;
    }
    // The block that a body ended at.
    Words words_here() {
        ASSAY_CHECK_LT(at_, pieces_.size());
        ASSAY_CHECK(pieces_[at_].kind == JinjaPiece::Kind::kBlock);
        return {pieces_[at_].text, pieces_[at_].line};
    }

    [[nodiscard]] size_t line() const { return pieces_.empty() ? 1 : pieces_.back().line; }

    static void ended(const Words& words) {
        if (words.peek().kind != Word::Kind::kEnd) {
            fail_jinja(words.line(), words.shown() + " is not understood here");
        }
    }
    static Expression only(Words& words) {
        Expression value = ExpressionParser(words).whole();
        ended(words);
        return value;
    }

    void block(Words& words, std::vector<JinjaNode>& nodes) {
        if (words.take_if("if")) {
            nodes.push_back(condition(words));
        } else if (words.take_if("for")) {
            nodes.push_back(loop(words));
        } else if (words.take_if("set")) {
            nodes.push_back(assignment(words));
        } else if (!words.at("generation") && !words.at("endgeneration")) {  // marks for training
            fail_jinja(words.line(), "the block " + words.shown() + " is not understood");
        }
    }

    JinjaNode condition(Words& words) {
        JinjaNode node{JinjaNode::Kind::kIf, "", {}, only(words), {}, {}, {}};
        ++at_;
        node.body = body({"elif", "else", "endif"});
        Words end = words_here();
        if (end.take_if("elif")) {
            deepen();                                  // a chain of them nests
            node.otherwise.push_back(condition(end));  // which takes the endif
            rise();
        } else if (end.take_if("else")) {
            ++at_;
            node.otherwise = body({"endif"});
        }
        return node;
    }

    JinjaNode loop(Words& words) {
        JinjaNode node{JinjaNode::Kind::kFor, "", {words.expect_name()}, {}, {}, {}, {}};
        if (words.take_if(",")) {
            node.names.push_back(words.expect_name());
        }
        words.expect("in");
        node.expression = ExpressionParser(words).either();
        if (words.take_if("if")) {
            node.filter = ExpressionParser(words).whole();
        }
        ended(words);
        ++at_;
        node.body = body({"else", "endfor"});
        Words end = words_here();
        if (end.take_if("else")) {
            ++at_;
            node.otherwise = body({"endfor"});
        }
        return node;
    }

    static JinjaNode assignment(Words& words) {
        JinjaNode node{JinjaNode::Kind::kSet, "", {words.expect_name()}, {}, {}, {}, {}};
        if (words.take_if(".")) {
            node.names.push_back(words.expect_name());
        }
        words.expect("=");
        node.expression = only(words);
        return node;
    }

    std::vector<JinjaPiece> pieces_;
    size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace

std::vector<JinjaNode> parse_jinja(std::string_view source) {
    return TemplateParser(cut_jinja(source)).whole();
}

}  // namespace assay
