#include "cli/demo_table.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "protocol/plan.h"

namespace assay {

namespace {

constexpr const char* kBold = "\033[1m";
constexpr const char* kRed = "\033[31m";
constexpr const char* kGreen = "\033[32m";
constexpr const char* kYellow = "\033[33m";
constexpr const char* kPlain = "\033[0m";

std::string painted(const std::string& text, const char* colour, const TableStyle& style) {
    return style.colour ? colour + text + kPlain : text;
}

std::string number(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof(text), "%.*f", decimals, value);
    return text;
}

std::string right(const std::string& text, size_t width) {
    return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}

std::string name_of(const PeerId& id, const TableStyle& style) {
    const auto named = style.names.find(id);
    return named == style.names.end() ? id.brief() : named->second;
}

const char* verdict_colour(const std::string& verdict) {
    if (verdict == "counted") {
        return kGreen;
    }
    return verdict == "rejected" || verdict == "refused" ? kRed : kYellow;
}

std::string peer_line(const PeerStatus& peer, const TableStyle& style) {
    const std::string what = peer.reason.empty() ? peer.verdict : peer.reason;
    std::string line = cell(name_of(peer.id, style), 11) + " " + cell(peer.doing, 14) + " ";
    line += painted(cell(what, 32), verdict_colour(peer.verdict), style);
    line += " " + right(std::to_string(peer.unvested), 9) + " ";
    line += right(std::to_string(peer.vested), 10);
    line += right(std::to_string(peer.tokens_per_second), 7);
    return line + right(human_bytes(peer.uploaded_bytes), 10);
}

std::string heading(const CoordinatorStatus& status, const std::vector<RoundStatus>& rounds) {
    std::string line = in_words(status.round) + " (0 to " +
                       std::to_string(status.rounds_total - 1) + ")  " + status.phase;
    if (!rounds.empty()) {
        const RoundStatus& last = rounds.back();
        line += "  held-out loss " + number(last.loss_after, 3) + " nats/token";
        line += "  (unigram entropy " + number(status.unigram_entropy, 3) + ")";
    }
    return line;
}

}  // namespace

double tokens_per_second(const RoundStatus& round) {
    return static_cast<double>(round.tokens) / std::max(round.seconds, 1e-3);
}

std::string human_bytes(uint64_t bytes) {
    if (bytes < 10000) {
        return std::to_string(bytes) + " B";
    }
    const auto value = static_cast<double>(bytes);
    return bytes < 1000000 ? number(value / 1e3, 1) + " kB" : number(value / 1e6, 1) + " MB";
}

std::string cell(const std::string& text, size_t width) {
    if (text.size() <= width) {
        return text + std::string(width - text.size(), ' ');
    }
    return text.substr(0, width - 2) + "..";
}

std::vector<std::string> live_table(const CoordinatorStatus& status,
                                    const std::vector<RoundStatus>& rounds,
                                    const TableStyle& style) {
    std::vector<std::string> lines = {painted(cell(heading(status, rounds), 98), kBold, style)};
    lines.push_back(cell("peer", 11) + " " + cell("doing", 14) + " " + cell("last verdict", 32) +
                    " " + right("unvested", 9) + " " + right("vested", 10) + right("tok/s", 7) +
                    right("sent", 10));
    for (const PeerStatus& peer : status.peers) {
        lines.push_back(peer_line(peer, style));
    }
    return lines;
}

std::string round_line(const RoundStatus& round, const TableStyle& style) {
    std::string line = in_words(round.round) + ": ";
    if (round.voided) {
        return line + "voided";
    }
    line += "loss " + number(round.loss_before, 3) + " -> " + number(round.loss_after, 3) + ", " +
            number(tokens_per_second(round), 0) + " tokens/s";
    for (const PeerStatus& peer : round.peers) {
        if (peer.verdict != "counted") {
            line += "; " + name_of(peer.id, style) + " " + peer.verdict;
        }
    }
    return line.substr(0, 100);
}

std::string wrapped(const std::string& text, const std::string& indent) {
    constexpr size_t kColumns = 94;
    std::istringstream words(text);
    std::string all;
    size_t column = 0;
    for (std::string word; words >> word;) {
        if (column > 0 && column + 1 + word.size() > kColumns) {
            all += "\n" + indent;
            column = indent.size();
        } else if (column > 0) {
            all += " ";
            ++column;
        }
        all += word;
        column += word.size();
    }
    return all;
}

}  // namespace assay
