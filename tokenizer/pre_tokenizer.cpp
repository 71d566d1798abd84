#include "tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/check.h"

namespace assay {

const std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

constexpr size_t kPatternBytesMax = 4096;
constexpr uint32_t kMatchLimit = 10'000'000;

struct FreeMatch {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};

PCRE2_SPTR units(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR>(text.data());
}

}  // namespace

struct PreTokenizer::Code {
    std::unique_ptr<pcre2_code, FreeMatch> code;
    std::unique_ptr<pcre2_match_context, FreeMatch> context;
};

Result<PreTokenizer> PreTokenizer::compile(const std::string& pattern) {
    if (pattern.size() > kPatternBytesMax) {
        return fail("a pre-tokeniser pattern of " + std::to_string(pattern.size()) +
                    " bytes; at most " + std::to_string(kPatternBytesMax) + " are allowed");
    }
    int error = 0;
    PCRE2_SIZE offset = 0;
    auto code = std::make_shared<Code>();
    code->code.reset(pcre2_compile(units(pattern),
                                   pattern.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                                   &error,
                                   &offset,
                                   nullptr));
    if (!code->code) {
        PCRE2_UCHAR words[256] = {};
        pcre2_get_error_message(error, words, sizeof(words));
        return fail("pre-tokeniser pattern, position " + std::to_string(offset) + ": " +
                    reinterpret_cast<const char*>(words));
    }
    pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE);  // without it, matching is only slower
    code->context.reset(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(code->context.get(), kMatchLimit);
    PreTokenizer out;
    out.pattern_ = pattern;
    out.code_ = std::move(code);
    return out;
}

PreTokenizer PreTokenizer::gpt2() {
    return *compile(std::string(kGpt2Pattern));
}

bool PreTokenizer::matches(std::string_view text) const {
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(
        pcre2_match_data_create_from_pattern(code_->code.get(), nullptr));
    ASSAY_CHECK(match != nullptr);
    return pcre2_match(code_->code.get(),
                       units(text),
                       text.size(),
                       0,
                       PCRE2_NO_UTF_CHECK,
                       match.get(),
                       code_->context.get()) > 0;
}

std::vector<std::string_view> PreTokenizer::split(std::string_view text) const {
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(
        pcre2_match_data_create_from_pattern(code_->code.get(), nullptr));
    ASSAY_CHECK(match != nullptr);
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
    std::vector<std::string_view> pieces;
    size_t done = 0;
    ASSAY_CHECK(code_ != nullptr);
    while (done < text.size()) {
        const int found = pcre2_match(code_->code.get(),
                                      units(text),
                                      text.size(),
                                      done,
                                      PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY,
                                      match.get(),
                                      code_->context.get());
        const bool usable = found > 0 && bounds[0] >= done && bounds[1] > bounds[0];
        if (!usable) {
            pieces.push_back(text.substr(done));
            break;
        }
        if (bounds[0] > done) {
            pieces.push_back(text.substr(done, bounds[0] - done));
        }
        ASSAY_CHECK_LE(bounds[1], text.size());  // the pieces are the text, none longer
        pieces.push_back(text.substr(bounds[0], bounds[1] - bounds[0]));
        done = bounds[1];
    }
    return pieces;
}

}  // namespace assay
