#include "protocol/signed_word.h"

#include <algorithm>

#include "core/bytes.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "protocol/signed_lines.h"

namespace assay {

namespace {

// Bytes that are equal where nothing that is signed differs: locations are hints.
Bytes essence(RoundSummary summary) {
    summary.aggregate.locations.clear();
    return encode_body(summary);
}

std::optional<RoundId> differs(const RoundPlan& first, const RoundPlan& second) {
    return first.round == second.round && first.manifest_digest == second.manifest_digest &&
                   plan_digest(first) != plan_digest(second)
               ? std::optional(first.round)
               : std::nullopt;
}

std::optional<RoundId> differs(const RoundSummary& first, const RoundSummary& second) {
    return first.round == second.round && essence(first) != essence(second)
               ? std::optional(first.round)
               : std::nullopt;
}

std::optional<RoundId> differs(const CloseNotice& first, const CloseNotice& second) {
    return first.close.round == second.close.round &&
                   first.close.manifest_digest == second.close.manifest_digest &&
                   encode_close(first.close) != encode_close(second.close)
               ? std::optional(first.close.round)
               : std::nullopt;
}

template <typename Word>
std::optional<std::string> two_of_a_round(const char* what,
                                          const Message& first,
                                          const Message& second) {
    const auto* one = std::get_if<Word>(&first);
    const auto* other = std::get_if<Word>(&second);
    const std::optional<RoundId> round =
        one != nullptr && other != nullptr ? differs(*one, *other) : std::nullopt;
    return round ? std::optional("two different " + std::string(what) + " of " + in_words(*round))
                 : std::nullopt;
}

ShownHead head_below(uint64_t records, const Digest& head) {
    return {records - 1, head};
}

}  // namespace

std::optional<ShownHead> head_shown(const Message& message) {
    const auto* plan = std::get_if<RoundPlan>(&message);
    const auto* summary = std::get_if<RoundSummary>(&message);
    if (plan != nullptr && plan->ledger_height > 0) {
        return head_below(plan->ledger_height, plan->ledger_head);
    }
    if (summary != nullptr && summary->ledger_height > 0) {
        return head_below(summary->ledger_height, summary->ledger_head);
    }
    const auto* receipt = std::get_if<Receipt>(&message);
    if (receipt != nullptr && receipt->height > 0) {
        return ShownHead{receipt->height, receipt->record_hash};
    }
    return std::nullopt;
}

std::optional<std::string> contradiction(const Message& first, const Message& second) {
    const std::optional<ShownHead> one = head_shown(first);
    const std::optional<ShownHead> other = head_shown(second);
    if (one && other && one->height == other->height && one->hash != other->hash) {
        return "two heads at height " + std::to_string(one->height) + ": " + one->hash.hex() +
               " and " + other->hash.hex();
    }
    std::optional<std::string> found = two_of_a_round<RoundPlan>("plans", first, second);
    found = found ? found : two_of_a_round<CloseNotice>("CLOSEs", first, second);
    return found ? found : two_of_a_round<RoundSummary>("summaries", first, second);
}

Result<std::vector<SignedWord>> parse_signed_words(std::string_view text) {
    std::vector<SignedWord> words;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::string where = "line " + std::to_string(words.size() + 1) + ": ";
        if (words.size() == kSignedWordsMost) {
            return fail(where + "more than " + std::to_string(kSignedWordsMost) + " messages");
        }
        const Result<Bytes> bytes = from_hex(line);
        if (!bytes) {
            return fail(where + "no message in hexadecimal: " + bytes.reason());
        }
        Result<CheckedEnvelope> envelope = unseal(*bytes);
        Result<Message> message = envelope ? decode_message((*envelope)->kind, (*envelope)->body)
                                           : Result<Message>(envelope.error());
        if (!message) {
            return fail(where + message.reason());
        }
        words.push_back({std::move(*envelope), std::move(*message)});
    }
    return words;
}

std::string signed_words_text(const std::vector<Envelope>& envelopes) {
    std::string text;
    for (const Envelope& envelope : envelopes) {
        text += signed_line(envelope);
    }
    return text;
}

}  // namespace assay
