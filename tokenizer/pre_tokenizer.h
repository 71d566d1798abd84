// Splits text into the pieces inside which byte pairs are merged. The only user of PCRE2.
//
// A piece is a match of the pattern, or what lies between two matches. Immutable; any thread.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace assay {

// The pattern of GPT-2 (Radford et al. 2019), which Hugging Face's ByteLevel pre-tokeniser uses.
extern const std::string_view kGpt2Pattern;

class PreTokenizer {
public:
    // Fails on a pattern that PCRE2 does not take, or of more than 4096 bytes.
    static Result<PreTokenizer> compile(const std::string& pattern);
    static PreTokenizer gpt2();

    // Non-empty pieces that are the whole text in order; views into it. Where the pattern gives up
    // (match limit), the rest is one piece. REQUIRES: is_utf8(text).
    [[nodiscard]] std::vector<std::string_view> split(std::string_view text) const;

    // Whether the pattern is found anywhere. REQUIRES: is_utf8(text).
    [[nodiscard]] bool matches(std::string_view text) const;

    [[nodiscard]] const std::string& pattern() const { return pattern_; }

private:
    struct Code;
    PreTokenizer() = default;
    std::string pattern_;
    std::shared_ptr<const Code> code_;
};

}  // namespace assay
