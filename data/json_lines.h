// The documents of a JSON Lines file: an object a line, of which one field is the text.
//
// Blank lines hold nothing. A line that is no object, or whose field is not there or no string, is
// refused with its number, or left out and counted where that was asked for. Bounded memory: a line
// is at most kLineBytesMax long. One owner thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "unpack/unpacked_file.h"

namespace assay {

// The string in that field of the object that `line` is; fails where there is none, and says what
// there is.
Result<std::string> text_field(std::string_view line, const std::string& field);

class JsonLines {
public:
    static constexpr size_t kLineBytesMax = size_t{1} << 26;

    // `name` is for reasons. drop_bad: leaves bad lines out.
    JsonLines(std::string name, UnpackedFile file, std::string field, bool drop_bad);

    // The next document's text, which may be empty; nothing at the end.
    Result<std::optional<std::string>> next();

    // Of the unpacked file.
    [[nodiscard]] uint64_t bytes_read() const { return bytes_; }
    [[nodiscard]] uint64_t dropped() const { return dropped_; }
    [[nodiscard]] double progress() const { return file_.progress(); }

private:
    Result<bool> next_line();

    std::string name_;
    UnpackedFile file_;
    std::string field_;
    bool drop_bad_;
    std::string buffer_;  // read, from `at_` on not used
    size_t at_ = 0;
    std::string_view line_;  // of `buffer_`
    uint64_t lines_ = 0;
    uint64_t bytes_ = 0;
    uint64_t dropped_ = 0;
    bool at_end_ = false;
};

}  // namespace assay
