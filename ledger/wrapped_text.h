// A long line for people, as lines of a bounded width.

#pragma once

#include <cstddef>
#include <string>

namespace assay {

// Breaks at spaces so that no line is wider than `columns`, and breaks a word that is; later lines
// start with `indent` spaces. Ends with a newline. REQUIRES: indent < columns.
std::string wrapped_text(const std::string& text, size_t indent, size_t columns);

}  // namespace assay
