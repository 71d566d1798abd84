// Signed messages as text that people can pass on: one envelope a line, in hexadecimal.
//
// Lines that begin with '#' are for people, as empty ones are. Accepts bytes from strangers.

#pragma once

#include <string>
#include <vector>

#include "protocol/messages.h"

namespace assay {

// With its line's end.
std::string signed_line(const Envelope& envelope);

// Checks form and bounds, neither signatures nor bodies; the reason names the line.
Result<std::vector<Envelope>> read_signed_lines(const std::string& text);

}  // namespace assay
