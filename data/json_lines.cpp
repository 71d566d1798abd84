#include "data/json_lines.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/printable.h"
#include "tokenizer/utf8.h"

namespace assay {

namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kFieldsNamed = 8;  // at most, of those that a line has
constexpr size_t kNameShown = 40;
constexpr const char* kBlanks = " \t\r";

// Looks for one field of the outermost object and keeps nothing of the rest, however deep it is.
class FieldReader : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit FieldReader(const std::string& field) : field_(field) {}

    [[nodiscard]] Result<std::string> result() && {
        if (!fault_.empty()) {
            return fail("is no JSON: " + fault_);
        }
        if (!is_object_) {
            return fail("is no JSON object");
        }
        if (wrong_kind_) {
            return fail("has a field \"" + field_ + "\" that is no string");
        }
        if (!text_) {
            return fail("has no field \"" + field_ + "\", but " + names_in_words() +
                        "; --field says which is the text");
        }
        return std::move(*text_);
    }

    bool null() override { return other(); }
    bool boolean(bool) override { return other(); }
    bool number_integer(number_integer_t) override { return other(); }
    bool number_unsigned(number_unsigned_t) override { return other(); }
    bool number_float(number_float_t, const string_t&) override { return other(); }
    bool binary(binary_t&) override { return other(); }
    bool string(string_t& value) override {
        if (depth_ == 1 && std::exchange(wanted_, false)) {
            text_ = std::move(value);
            wrong_kind_ = false;
        }
        return true;
    }
    bool key(string_t& name) override {
        if (depth_ == 1) {
            wanted_ = name == field_;
            if (names_.size() <= kFieldsNamed) {
                names_.push_back(printable(name, kNameShown));
            }
        }
        return true;
    }
    bool start_object(std::size_t) override {
        is_object_ = is_object_ || depth_ == 0;
        return open();
    }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t position,
                     const std::string&,
                     const nlohmann::detail::exception& error) override {
        const std::string_view words = error.what();
        const size_t detail = words.rfind(": ");
        fault_ = "at byte " + std::to_string(position) + " " +
                 std::string(detail == std::string_view::npos ? words : words.substr(detail + 2));
        return false;
    }

private:
    bool other() {
        wrong_kind_ = wrong_kind_ || (depth_ == 1 && wanted_);
        wanted_ = wanted_ && depth_ != 1;
        return true;
    }
    bool open() {
        (void)other();
        ++depth_;
        return true;
    }
    bool close() {
        ASSAY_CHECK(depth_ > 0);
        --depth_;
        return true;
    }
    [[nodiscard]] std::string names_in_words() const {
        std::string words;
        for (size_t i = 0; i < std::min(names_.size(), kFieldsNamed); ++i) {
            words += (i > 0 ? ", \"" : "\"") + names_[i] + '"';
        }
        return names_.empty() ? "none at all"
                              : words + (names_.size() > kFieldsNamed ? " and more" : "");
    }

    const std::string& field_;
    std::optional<std::string> text_;
    std::vector<std::string> names_;
    std::string fault_;
    uint64_t depth_ = 0;
    bool wanted_ = false;
    bool wrong_kind_ = false;
    bool is_object_ = false;
};

}  // namespace

Result<std::string> text_field(std::string_view line, const std::string& field) {
    FieldReader reader(field);
    (void)nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
    return std::move(reader).result();
}

JsonLines::JsonLines(std::string name, UnpackedFile file, std::string field, bool drop_bad)
    : name_(std::move(name)),
      file_(std::move(file)),
      field_(std::move(field)),
      drop_bad_(drop_bad) {}

// Whether there is one: line_, without its end.
Result<bool> JsonLines::next_line() {
    size_t searched = at_;
    for (;;) {
        const size_t end = buffer_.find('\n', searched);
        if (end != std::string::npos || (at_end_ && at_ < buffer_.size())) {
            const size_t stop = std::min(end, buffer_.size());
            line_ = std::string_view(buffer_).substr(at_, stop - at_);
            bytes_ += std::min(stop + 1, buffer_.size()) - at_;
            at_ = std::min(stop + 1, buffer_.size());
            ++lines_;
            return true;
        }
        if (at_end_) {
            return false;
        }
        if (buffer_.size() - at_ > kLineBytesMax) {
            return fail(name_ + ": line " + std::to_string(lines_ + 1) + " is longer than " +
                        std::to_string(kLineBytesMax >> 20) + " MiB; is it JSON Lines?");
        }
        buffer_.erase(0, std::exchange(at_, 0));
        searched = buffer_.size();
        buffer_.resize(searched + kReadBytes);
        const Result<size_t> got = file_.read({buffer_.data() + searched, kReadBytes});
        buffer_.resize(searched + (got ? *got : 0));
        if (!got) {
            return got.error();
        }
        at_end_ = *got < kReadBytes;
    }
}

Result<std::optional<std::string>> JsonLines::next() {
    for (;;) {
        const Result<bool> more = next_line();
        if (!more) {
            return more.error();
        }
        if (!*more) {
            return std::optional<std::string>();
        }
        if (lines_ == 1 && line_.starts_with(kByteOrderMark)) {
            line_.remove_prefix(kByteOrderMark.size());
        }
        if (line_.find_first_not_of(kBlanks) == std::string_view::npos) {
            continue;
        }
        Result<std::string> text = text_field(line_, field_);
        if (text) {
            return std::optional(std::move(*text));
        }
        if (!drop_bad_) {
            return fail(name_ + ": line " + std::to_string(lines_) + " " + text.reason());
        }
        ++dropped_;
    }
}

}  // namespace assay
