// What a coordinator has put its name to, and when two of its words cannot both belong to one
// history.
//
// A plan, a summary and a receipt show a head of the ledger, by hash and height. Two heads of one
// height, or two plans, CLOSEs or summaries of one round that differ, prove that it has written two
// histories, to whoever holds both envelopes.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/checked_envelope.h"
#include "protocol/messages.h"

namespace assay {

// The newest record when it was said. `height` is that record's.
struct ShownHead {
    uint64_t height = 0;
    Digest hash;
};
// None if the message shows none.
std::optional<ShownHead> head_shown(const Message& message);

// Why an honest coordinator does not say both; none if it may. REQUIRES: of one signer and run.
std::optional<std::string> contradiction(const Message& first, const Message& second);

struct SignedWord {
    CheckedEnvelope envelope;
    Message message;
};
// A file of them: one envelope a line, in hexadecimal. From a stranger; at most kSignedWordsMost.
constexpr size_t kSignedWordsMost = 64;
constexpr uint64_t kSignedWordsBytesMax = uint64_t{1} << 25;
Result<std::vector<SignedWord>> parse_signed_words(std::string_view text);
std::string signed_words_text(const std::vector<Envelope>& envelopes);

}  // namespace assay
