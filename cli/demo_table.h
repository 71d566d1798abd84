// The demo's live table: status values in, lines of at most 100 columns out.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "status/run_status.h"

namespace assay {

struct TableStyle {
    bool colour = false;
    std::map<PeerId, std::string> names;  // what the demo calls a peer: "peer-1", "lazy"
};

// One heading, one line a peer. `rounds` are the finished ones.
std::vector<std::string> live_table(const CoordinatorStatus& status,
                                    const std::vector<RoundStatus>& rounds,
                                    const TableStyle& style);

// One line for one finished round, for output that is not a terminal.
std::string round_line(const RoundStatus& round, const TableStyle& style);

// Of the counted peers together, from plan to summary.
double tokens_per_second(const RoundStatus& round);
// "3.1 MB", "812 B".
std::string human_bytes(uint64_t bytes);
// Cuts to `width` columns, with a mark where something is missing, and pads.
std::string cell(const std::string& text, size_t width);

// White space becomes single blanks (a young model writes many empty lines), broken between words
// so that no line is wider than 94 columns unless a word is; further lines begin with `indent`.
std::string wrapped(const std::string& text, const std::string& indent);

}  // namespace assay
