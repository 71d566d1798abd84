#include "peer/coordinator_words.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/signed_word.h"

namespace assay {

namespace {

constexpr size_t kWordsKept = 18;  // plan, CLOSE, summary and three receipts of three rounds

bool is_kept(const Message& message) {
    return std::holds_alternative<RoundPlan>(message) ||
           std::holds_alternative<CloseNotice>(message) ||
           std::holds_alternative<RoundSummary>(message) ||
           std::holds_alternative<Receipt>(message);
}

}  // namespace

std::optional<Contradiction> CoordinatorWords::take(const Message& message,
                                                    const Envelope& envelope) {
    if (!is_kept(message)) {
        return std::nullopt;
    }
    for (Word& word : words_) {
        if (word.envelope.body == envelope.body && word.envelope.kind == envelope.kind) {
            return std::nullopt;  // said again
        }
        const std::optional<std::string> what = contradiction(word.message, message);
        if (what && !word.told) {
            word.told = true;
            return Contradiction{word.envelope, envelope, *what};
        }
        if (what) {
            return std::nullopt;
        }
    }
    words_.push_back({message, envelope});
    if (words_.size() > kWordsKept) {
        words_.pop_front();
    }
    ASSAY_CHECK_LE(words_.size(), kWordsKept);
    return std::nullopt;
}

}  // namespace assay
