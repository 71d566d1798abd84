#include "peer/proof_book.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "core/check.h"
#include "core/files.h"
#include "protocol/plan.h"
#include "protocol/signed_lines.h"

namespace assay {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kName = "round-";

}  // namespace

fs::path ProofBook::file_of(RoundId round) const {
    char name[40];
    std::snprintf(
        name, sizeof(name), "round-%08llu.txt", static_cast<unsigned long long>(round.value));
    return folder_ / name;
}

// The oldest first.
std::vector<RoundId> ProofBook::rounds() const {
    std::vector<RoundId> found;
    std::error_code code;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_, code)) {
        const std::string name = entry.path().stem().string();
        RoundId round;
        if (name.rfind(kName, 0) == 0 && entry.path().extension() == ".txt" &&
            std::from_chars(name.data() + kName.size(), name.data() + name.size(), round.value)
                    .ec == std::errc()) {
            found.push_back(round);
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::optional<RoundId> ProofBook::newest() const {
    const std::vector<RoundId> kept = rounds();
    return kept.empty() ? std::nullopt : std::optional(kept.back());
}

Status ProofBook::keep(RoundId round, const Envelope& envelope) const {
    const std::string line = signed_line(envelope);
    std::string text;
    if (fs::exists(file_of(round))) {
        const Result<std::string> read = read_text_file(file_of(round), kRoundBytesMax);
        if (!read) {
            return read.error();
        }
        text = *read;
    } else {
        if (Status made = make_folder(folder_); !made) {
            return made;
        }
        std::vector<RoundId> kept = rounds();
        std::error_code code;
        for (size_t i = 0; i + kRoundsMost <= kept.size(); ++i) {
            fs::remove(file_of(kept[i]), code);
        }
    }
    if (text.find(line) != std::string::npos || text.size() + line.size() > kRoundBytesMax) {
        return {};
    }
    ASSAY_CHECK(text.empty() || text.back() == '\n');
    return write_file_atomically(file_of(round), as_bytes(text + line));
}

Result<std::string> ProofBook::load(RoundId round) const {
    const std::vector<RoundId> kept = rounds();
    if (std::find(kept.begin(), kept.end(), round) == kept.end()) {
        return fail("nothing that the coordinator signed of " + in_words(round) + " is in " +
                    folder_.string() +
                    (kept.empty() ? ""
                                  : "; it has rounds " + std::to_string(kept.front().value) +
                                        " to " + std::to_string(kept.back().value)));
    }
    return read_text_file(file_of(round), kRoundBytesMax);
}

}  // namespace assay
