#include "serving/jinja_pieces.h"

#include <algorithm>

#include "core/check.h"
#include "serving/jinja_nodes.h"

namespace assay {

namespace {

void strip_end(std::string& text, const char* blanks) {
    text.erase(text.find_last_not_of(blanks) + 1);
}

// Cuts the source into pieces and takes the blanks away that blocks swallow.
class Cutter {
public:
    explicit Cutter(std::string_view source) : rest_(source) {}

    std::vector<JinjaPiece> cut() {
        while (!rest_.empty()) {
            const size_t at = next_brace();
            ASSAY_CHECK_LE(at, rest_.size());
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
        pieces_.push_back({JinjaPiece::Kind::kText, std::move(text), line_});
    }

    void add_braces() {
        ASSAY_CHECK(rest_.size() >= 2 && rest_.front() == '{');
        ASSAY_CHECK(!pieces_.empty() && pieces_.back().kind == JinjaPiece::Kind::kText);
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
            const auto as = kind == '{' ? JinjaPiece::Kind::kOutput : JinjaPiece::Kind::kBlock;
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
        fail_jinja(line_, "a brace is opened and never closed");
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
    std::vector<JinjaPiece> pieces_;
};

}  // namespace

void fail_jinja(size_t line, const std::string& message) {
    throw JinjaError("line " + std::to_string(line) + ": " + message);
}

std::vector<JinjaPiece> cut_jinja(std::string_view source) {
    return Cutter(source).cut();
}

}  // namespace assay
