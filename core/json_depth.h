// How deep JSON from outside may nest. A library copies, prints and frees values by recursion: what
// nests deeply must not get that far.
//
// Not a parser: it counts brackets, and what is malformed is left to the parser behind it. Any
// thread.

#pragma once

#include <string_view>

#include "core/result.h"

namespace assay {

constexpr int kJsonDepthMax = 32;

// Fails where `text` opens more than kJsonDepthMax lists and objects inside one another.
Status check_json_depth(std::string_view text);

}  // namespace assay
