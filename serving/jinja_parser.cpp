// Chat templates, from text to tree.

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "serving/jinja_nodes.h"

namespace assay {

namespace {

using Kind = JinjaExpression::Kind;
using Expression = std::shared_ptr<JinjaExpression>;

constexpr int kDepthMax = 60;

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

// A piece of the template: text, or what stands between the braces.
struct Piece {
    enum class Kind : uint8_t { kText, kOutput, kBlock };
    Kind kind = Kind::kText;
    std::string text;
    size_t line = 1;
};

[[noreturn]] void fail_at(size_t line, const std::string& message) {
    throw JinjaError("line " + std::to_string(line) + ": " + message);
}

bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

void strip_end(std::string& text, const char* blanks) {
    text.erase(text.find_last_not_of(blanks) + 1);
}

// Cuts the source into pieces and takes the blanks away that blocks swallow.
class Cutter {
public:
    explicit Cutter(std::string_view source) : rest_(source) {}

    std::vector<Piece> cut() {
        while (!rest_.empty()) {
            const size_t at = next_brace();
            add_text(std::string(rest_.substr(0, at)));
            rest_.remove_prefix(std::min(at, rest_.size()));
            if (!rest_.empty()) {
                add_braces();
            }
        }
        return std::move(pieces_);
    }

private:
    [[nodiscard]] size_t next_brace() const {
        size_t at = rest_.size();
        for (const char* open : {"{{", "{%", "{#"}) {
            at = std::min(at, rest_.find(open));
        }
        return at;
    }

    void add_text(std::string text) {
        if (strip_next_) {
            text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
        } else if (drop_newline_ && !text.empty() && text.front() == '\n') {
            text.erase(0, 1);
            ++line_;
        }
        strip_next_ = drop_newline_ = false;
        line_ += static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
        pieces_.push_back({Piece::Kind::kText, std::move(text), line_});
    }

    void add_braces() {
        const char kind = rest_[1];
        const std::string close = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
        const size_t end = end_of(close, kind == '#');
        std::string inside(rest_.substr(2, end - 2));
        rest_.remove_prefix(end + 2);
        std::string& before = pieces_.back().text;
        const bool strips_before = !inside.empty() && inside.front() == '-';
        const bool strips_behind = !inside.empty() && inside.back() == '-';
        if (strips_before) {
            strip_end(before, " \t\r\n");
        } else if (kind != '{') {
            strip_line_start(before);
        }
        if (!inside.empty() && (strips_before || inside.front() == '+')) {
            inside.erase(0, 1);
        }
        if (strips_behind && !inside.empty()) {
            inside.pop_back();
        }
        strip_next_ = strips_behind;
        drop_newline_ = kind != '{';
        if (kind != '#') {
            const auto as = kind == '{' ? Piece::Kind::kOutput : Piece::Kind::kBlock;
            pieces_.push_back({as, inside, line_});
        }
        line_ += static_cast<size_t>(std::count(inside.begin(), inside.end(), '\n'));
    }

    // Where the braces close; strings may hold what looks like it.
    [[nodiscard]] size_t end_of(const std::string& close, bool comment) const {
        char quote = 0;
        for (size_t i = 2; i + 1 < rest_.size(); ++i) {
            const char c = rest_[i];
            if (quote != 0) {
                i += c == '\\' ? 1 : 0;
                quote = c == quote ? '\0' : quote;
            } else if (!comment && (c == '\'' || c == '"')) {
                quote = c;
            } else if (rest_.compare(i, 2, close) == 0) {
                return i;
            }
        }
        fail_at(line_, "a brace is opened and never closed");
    }

    static void strip_line_start(std::string& text) {
        const size_t end = text.find_last_not_of(" \t");
        if (end == std::string::npos || text[end] == '\n') {
            text.erase(end == std::string::npos ? 0 : end + 1);
        }
    }

    std::string_view rest_;
    size_t line_ = 1;
    bool strip_next_ = false;
    bool drop_newline_ = false;
    std::vector<Piece> pieces_;
};

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
            fail_at(line_, "expected " + std::string(text) + " where " + shown() + " stands");
        }
    }
    std::string expect_name() {
        if (word_.kind != Word::Kind::kName) {
            fail_at(line_, "expected a name where " + shown() + " stands");
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
            fail_at(line_, "a string is not closed");
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
            fail_at(words_.line(), "an expression nests too deeply");
        }
        Expression value = either();
        if (words_.take_if("if")) {
            Expression condition = either();
            Expression otherwise = words_.take_if("else") ? whole() : nullptr;
            value = make(Kind::kChoice, "", {condition, value, otherwise});
        }
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
    static Expression make(Kind kind, std::string name, std::vector<Expression> parts) {
        return std::make_shared<JinjaExpression>(
            JinjaExpression{kind, std::move(name), nullptr, std::move(parts), {}});
    }
    static Expression literal(nlohmann::json value) {
        return std::make_shared<JinjaExpression>(
            JinjaExpression{Kind::kLiteral, "", std::move(value), {}, {}});
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
            fail_at(words_.line(), "an expression nests too deeply");
        }
        Expression value = make(Kind::kNot, "", {negated()});
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
                list->parts.push_back(whole());
                if (!words_.at("]")) {
                    words_.expect(",");
                }
            }
            return list;
        }
        fail_at(words_.line(), "`" + word.text + "` is not understood here");
    }

    Expression number(const std::string& digits) {
        if (digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos) {
            fail_at(words_.line(), "`" + digits + "` is no number that is understood");
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
            call.parts.push_back(value);
            if (!words_.at(")")) {
                words_.expect(",");
            }
        }
    }

    void known(const std::set<std::string, std::less<>>& names,
               const std::string& name,
               const char* what) {
        if (names.count(name) == 0) {
            fail_at(words_.line(), std::string("the ") + what + " `" + name + "` is not known");
        }
    }

    Words& words_;
    int depth_ = 0;
};

class TemplateParser {
public:
    explicit TemplateParser(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

    std::vector<JinjaNode> whole() {
        std::vector<JinjaNode> nodes = body({});
        return nodes;
    }

private:
    // Up to a block whose first word is one of `ends`; that one is left.
    std::vector<JinjaNode> body(const std::vector<std::string>& ends) {
        if (++depth_ > kDepthMax) {
            fail_at(line(), "blocks nest too deeply");
        }
        std::vector<JinjaNode> nodes;
        for (; at_ < pieces_.size(); ++at_) {
            const Piece& piece = pieces_[at_];
            if (piece.kind == Piece::Kind::kText) {
                nodes.push_back({JinjaNode::Kind::kText, piece.text, {}, {}, {}, {}, {}});
                continue;
            }
            Words words(piece.text, piece.line);
            if (piece.kind == Piece::Kind::kOutput) {
                nodes.push_back({JinjaNode::Kind::kOutput, "", {}, only(words), {}, {}, {}});
                continue;
            }
            if (std::count(ends.begin(), ends.end(), words.peek().text) != 0) {
                --depth_;
                return nodes;
            }
            block(words, nodes);
        }
        if (!ends.empty()) {
            fail_at(line(), "the template ends before " + ends.back());
        }
        --depth_;
        return nodes;
    }

    [[nodiscard]] size_t line() const { return pieces_.empty() ? 1 : pieces_.back().line; }

    static void ended(const Words& words) {
        if (words.peek().kind != Word::Kind::kEnd) {
            fail_at(words.line(), words.shown() + " is not understood here");
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
            fail_at(words.line(), "the block " + words.shown() + " is not understood");
        }
    }

    JinjaNode condition(Words& words) {
        JinjaNode node{JinjaNode::Kind::kIf, "", {}, only(words), {}, {}, {}};
        ++at_;
        node.body = body({"elif", "else", "endif"});
        Words end(pieces_[at_].text, pieces_[at_].line);
        if (end.take_if("elif")) {
            node.otherwise.push_back(condition(end));  // which takes the endif
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
        Words end(pieces_[at_].text, pieces_[at_].line);
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

    std::vector<Piece> pieces_;
    size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace

std::vector<JinjaNode> parse_jinja(std::string_view source) {
    return TemplateParser(Cutter(source).cut()).whole();
}

}  // namespace assay
