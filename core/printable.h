// What others wrote, for people: one short line of printable characters.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace assay {

constexpr size_t kPrintableMost = 300;

// At most `most` bytes of UTF-8 in one line. Control characters, line ends of any kind and marks
// that turn the direction of writing become spaces, what is no UTF-8 becomes question marks, and
// what is cut off shows as "...". REQUIRES: room for those three.
std::string printable(std::string_view text, size_t most = kPrintableMost);

}  // namespace assay
