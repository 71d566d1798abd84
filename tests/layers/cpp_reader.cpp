#include "tests/layers/cpp_reader.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace assay {

namespace {

bool is_name_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool is_name(const std::string& word) {
    return !word.empty() && is_name_char(word[0]) &&
           std::isdigit(static_cast<unsigned char>(word[0])) == 0;
}

/// Text to words.
class Lexer {
public:
    Lexer(std::string_view text, CppFile* file) : text_(text), file_(file) {}

    void run() {
        while (at_ < text_.size()) {
            step();
        }
    }

private:
    void step() {
        const char c = text_[at_];
        if (c == '\n') {
            directive_ = directive_ && at_ > 0 && text_[at_ - 1] == '\\';
            ++line_;
            ++at_;
            fresh_ = true;
        } else if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == '\\') {
            ++at_;
        } else if (starts("//")) {
            file_->comment_lines.insert(line_);
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (starts("/*")) {
            block_comment();
        } else if (c == '#' && fresh_) {
            directive_ = true;
            add(1);
        } else if (starts("R\"")) {
            raw_string();
        } else if (c == '"' || c == '\'') {
            quoted(c);
        } else if (is_name_char(c)) {
            name_or_number();
        } else {
            add(starts("::") || starts("->") ? 2 : 1);
        }
    }

    [[nodiscard]] bool starts(std::string_view what) const {
        return text_.substr(at_, what.size()) == what;
    }

    void add(std::size_t size) { add_as(std::string(text_.substr(at_, size)), size); }

    void add_as(const std::string& word, std::size_t size) {
        file_->words.push_back({word, line_, directive_});
        file_->code_lines.insert(line_);
        pass(size);
        fresh_ = false;
    }

    void pass(std::size_t size) {
        const std::string_view passed = text_.substr(at_, size);
        line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
        at_ = std::min(at_ + size, text_.size());
    }

    void block_comment() {
        const std::size_t end = std::min(text_.find("*/", at_ + 2), text_.size() - 2) + 2;
        const int first = line_;
        pass(end - at_);
        for (int line = first; line <= line_; ++line) {
            file_->comment_lines.insert(line);
        }
    }

    void raw_string() {
        const std::size_t open = std::min(text_.find('(', at_), text_.size() - 1);
        const std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
        const std::size_t end = std::min(text_.find(close, open), text_.size() - close.size());
        add_as("\"", end + close.size() - at_);
    }

    void quoted(char quote) {
        std::size_t end = at_ + 1;
        while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
            end += text_[end] == '\\' ? 2 : 1;
        }
        add_as("\"", end + 1 - at_);
    }

    void name_or_number() {
        const bool number = std::isdigit(static_cast<unsigned char>(text_[at_])) != 0;
        std::size_t end = at_;
        while (end < text_.size() && (is_name_char(text_[end]) ||
                                      (number && (text_[end] == '\'' || text_[end] == '.')))) {
            ++end;
        }
        add(end - at_);
    }

    std::string_view text_;
    CppFile* file_;
    std::size_t at_ = 0;
    int line_ = 1;
    bool directive_ = false;
    bool fresh_ = true;
};

/// Words to functions.
class Parser {
public:
    explicit Parser(CppFile* file) : file_(file) {
        scopes_.push_back({Kind::kSpace, "", true, -1});
    }

    void run() {
        for (std::size_t i = 0; i < file_->words.size(); ++i) {
            file_->words[i].function = scopes_.back().function;
            if (!file_->words[i].directive) {
                take(static_cast<int>(i));
            }
        }
    }

private:
    enum class Kind { kSpace, kClass, kBody, kOther };
    struct Scope {
        Kind kind = Kind::kSpace;
        std::string name;
        bool is_public = true;
        int function = -1;
        bool is_seen = true;  // not inside a private part of another class
    };

    [[nodiscard]] const std::string& word(int index) const {
        return file_->words[static_cast<std::size_t>(index)].text;
    }
    [[nodiscard]] bool says(const std::string& what) const {
        return std::any_of(
            statement_.begin(), statement_.end(), [&](int at) { return word(at) == what; });
    }

    void take(int index) {
        const std::string& text = word(index);
        const bool declares =
            scopes_.back().kind != Kind::kBody && scopes_.back().kind != Kind::kOther;
        if (!declares) {
            if (text == "{") {
                scopes_.push_back({Kind::kOther, "", false, scopes_.back().function});
            } else if (text == "}") {
                close();
            }
            return;
        }
        round_ += text == "(" ? 1 : text == ")" ? -1 : 0;
        if (round_ == 0 && text == "{") {
            open();
        } else if (text == "}" && round_ == 0) {
            close();
        } else if (round_ == 0 && text == ";") {
            declare(false);
            statement_.clear();
        } else if (round_ == 0 && text == ":" && statement_.size() == 1 &&
                   is_access(statement_[0])) {
            scopes_.back().is_public = word(statement_[0]) == "public";
            statement_.clear();
        } else if (round_ > 0 && (text == "{" || text == "}")) {
            // An initialiser among the arguments: no scope.
        } else {
            statement_.push_back(index);
        }
    }

    [[nodiscard]] bool is_access(int index) const {
        return word(index) == "public" || word(index) == "private" || word(index) == "protected";
    }

    void open() {
        const std::size_t start = after_template();
        const bool names_class = class_keyword(start) < statement_.size();
        if (says("namespace") || says("extern")) {
            scopes_.push_back({Kind::kSpace, "", true, -1});
            statement_.clear();
        } else if (names_class) {
            open_class(class_keyword(start));
        } else if (goes_on() || declare(true)) {
            const int function = static_cast<int>(file_->functions.size()) - 1;
            scopes_.push_back({Kind::kBody, "", false, function});
            statement_.clear();
        } else {
            scopes_.push_back({Kind::kOther, "", false, -1});
        }
    }

    /// Behind a member that a constructor sets up with curly brackets.
    [[nodiscard]] bool goes_on() const {
        return !file_->functions.empty() && (statement_.empty() || word(statement_[0]) == ",");
    }

    void close() {
        const Kind kind = scopes_.back().kind;
        if (scopes_.size() > 1) {
            scopes_.pop_back();
        }
        if (kind != Kind::kOther) {
            statement_.clear();
        }
    }

    /// Where the statement goes on behind "template <...>".
    [[nodiscard]] std::size_t after_template() const {
        std::size_t at = 0;
        while (at + 1 < statement_.size() && word(statement_[at]) == "template") {
            int angle = 0;
            do {
                ++at;
                angle += word(statement_[at]) == "<" ? 1 : word(statement_[at]) == ">" ? -1 : 0;
            } while (at + 1 < statement_.size() && angle > 0);
            ++at;
        }
        return at;
    }

    /// Index into the statement of the word that makes it a class; its size if it is none.
    [[nodiscard]] std::size_t class_keyword(std::size_t start) const {
        if (says("enum")) {
            return statement_.size();
        }
        for (std::size_t i = start; i < statement_.size(); ++i) {
            const std::string& text = word(statement_[i]);
            if (text == "class" || text == "struct" || text == "union") {
                return i;
            }
            if (text == "(" || text == "=") {
                break;
            }
        }
        return statement_.size();
    }

    void open_class(std::size_t keyword) {
        std::string name;
        const bool is_public = word(statement_[keyword]) != "class";
        for (std::size_t i = keyword + 1; i < statement_.size(); ++i) {
            const std::string& text = word(statement_[i]);
            if (text == ":" || text == "<") {
                break;
            }
            if (is_name(text) && text != "final") {
                name = text;
            }
        }
        file_->classes.push_back(name);
        const bool is_seen = scopes_.back().is_public && scopes_.back().is_seen;
        scopes_.push_back({Kind::kClass, name, is_public, -1, is_seen});
        statement_.clear();
    }

    /// Index into the statement of the name of the function that it declares; its size if none.
    [[nodiscard]] std::size_t name_at(std::size_t start) const {
        int angle = 0;
        for (std::size_t i = start; i < statement_.size(); ++i) {
            const std::string& text = word(statement_[i]);
            if (text == "<" && i > start && is_name(word(statement_[i - 1]))) {
                ++angle;
            } else if (text == ">" && angle > 0) {
                --angle;
            } else if (angle == 0 && text == "=") {
                return statement_.size();
            } else if (angle == 0 && text == "(") {
                const bool pointer = i + 1 < statement_.size() && word(statement_[i + 1]) == "*";
                const bool named = i > start && is_name(word(statement_[i - 1])) && !pointer;
                return named ? i - 1 : statement_.size();
            }
        }
        return statement_.size();
    }

    /// Adds the function that the statement declares. False: it declares none.
    bool declare(bool has_body) {
        static const std::set<std::string> kNoFunctions = {
            "using", "typedef", "static_assert", "friend", ","};
        static const std::set<std::string> kNoNames = {
            "alignas", "decltype", "noexcept", "requires"};
        const std::size_t start = after_template();
        if (start >= statement_.size() || kNoFunctions.count(word(statement_[start])) != 0) {
            return false;
        }
        const bool is_operator = says("operator");
        const std::size_t at = is_operator ? operator_at() : name_at(start);
        if (at >= statement_.size() || kNoNames.count(word(statement_[at])) != 0) {
            return false;
        }
        CodeFunction made;
        made.word = statement_[at];
        made.name = is_operator ? "operator" : word(made.word);
        made.owner = owner_of(start, at);
        const bool returns = at > start && word(statement_[at - 1]) != "~";
        if (!is_operator && made.owner.empty() && !returns) {
            return false;  // a macro
        }
        made.first_line = file_->words[static_cast<std::size_t>(statement_.front())].line;
        made.last_line = file_->words[static_cast<std::size_t>(statement_.back())].line;
        made.is_public = scopes_.back().is_public && scopes_.back().is_seen;
        made.is_override = says("override");
        const std::string& last = word(statement_.back());
        made.is_special = is_operator || made.name == made.owner || last == "default" ||
                          last == "delete" || (at > start && word(statement_[at - 1]) == "~");
        made.has_body = has_body;
        file_->functions.push_back(made);
        return true;
    }

    [[nodiscard]] std::size_t operator_at() const {
        std::size_t at = 0;
        while (word(statement_[at]) != "operator") {
            ++at;
        }
        return at;
    }

    [[nodiscard]] std::string owner_of(std::size_t start, std::size_t at) const {
        std::size_t before = at;
        if (before > start && word(statement_[before - 1]) == "~") {
            --before;
        }
        if (before > start + 1 && word(statement_[before - 1]) == "::" &&
            is_name(word(statement_[before - 2]))) {
            return word(statement_[before - 2]);
        }
        return scopes_.back().kind == Kind::kClass ? scopes_.back().name : "";
    }

    CppFile* file_;
    std::vector<Scope> scopes_;
    std::vector<int> statement_;
    int round_ = 0;
};

}  // namespace

CppFile read_cpp(const std::string& text) {
    CppFile file;
    Lexer(text, &file).run();
    Parser(&file).run();
    return file;
}

}  // namespace assay
