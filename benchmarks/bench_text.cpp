#include "benchmarks/bench_text.h"

#include <cstdlib>
#include <filesystem>

#include "core/rng.h"
#include "tokenizer/text_source.h"

namespace assay {

namespace {

constexpr uint64_t kHeldOutLeast = 16;
constexpr uint64_t kTextBytesMax = 64 << 20;

std::string made_word(CounterRng& rng) {
    std::string word;
    for (uint64_t left = 2 + rng.below(6); left > 0; --left) {
        word.push_back(static_cast<char>('a' + rng.below(26)));
    }
    return word;
}

// Each word of 300 is followed by one of four, now and then by any.
std::string made_text(uint64_t words) {
    CounterRng rng(derive_seed(Digest{}, "bench text"));
    std::vector<std::string> known(300);
    for (std::string& word : known) {
        word = made_word(rng);
    }
    std::string text;
    uint64_t at = 0;
    for (uint64_t i = 0; i < words; ++i) {
        text += known[at];
        text += i % 12 == 11 ? ".\n" : " ";
        at = rng.below(10) == 0 ? rng.below(known.size())
                                : (at * 7 + rng.below(4) * 31 + 5) % known.size();
    }
    return text;
}

std::filesystem::path known_file() {
    const char* given = std::getenv("ASSAY_TEST_DATA");
    const std::filesystem::path folder = given != nullptr ? given : "../shared/data";
    return folder / "tinyshakespeare.txt";
}

Result<std::string> read_file_text(const std::filesystem::path& file) {
    Result<TextSource> source = TextSource::open(file, kTextBytesMax);
    if (!source) {
        return source.error();
    }
    std::string text;
    while (true) {
        const Result<std::string> block = source->next();
        if (!block) {
            return block.error();
        }
        if (block->empty()) {
            return text;
        }
        text += *block;
    }
}

}  // namespace

std::vector<int32_t> BenchText::read_from(const std::vector<int32_t>& tokens,
                                          std::span<const uint64_t> samples) const {
    std::vector<int32_t> result;
    result.reserve(samples.size() * (sequence_tokens + 1));
    for (const uint64_t sample : samples) {
        ASSAY_CHECK(sample < count(tokens));
        const auto first =
            tokens.begin() + static_cast<std::ptrdiff_t>(sample * uint64_t{sequence_tokens});
        result.insert(result.end(), first, first + sequence_tokens + 1);
    }
    return result;
}

Result<BenchText> read_bench_text(const BenchOptions& options,
                                  int32_t vocab,
                                  uint32_t sequence_tokens) {
    std::error_code ignored;
    const bool known = !options.tiny && std::filesystem::exists(known_file(), ignored);
    const std::filesystem::path file = !options.text.empty()
                                           ? std::filesystem::path(options.text)
                                           : (known ? known_file() : std::filesystem::path());
    BenchText result;
    result.name = file.empty() ? "made text" : file.filename().string();
    result.sequence_tokens = sequence_tokens;
    Result<std::string> text = file.empty()
                                   ? Result<std::string>(made_text(options.tiny ? 8000 : 200000))
                                   : read_file_text(file);
    if (!text) {
        return text.error();
    }
    TextSource source = TextSource::from_text(*text);
    const Result<Tokenizer> tokenizer = Tokenizer::train(source, vocab);
    if (!tokenizer) {
        return tokenizer.error();
    }
    const std::vector<int32_t> tokens = tokenizer->encode(*text);
    const auto split = tokens.begin() + static_cast<std::ptrdiff_t>(tokens.size() / 10 * 9);
    result.training.assign(tokens.begin(), split);
    result.held_out.assign(split, tokens.end());
    if (result.held_out_count() < kHeldOutLeast) {
        return fail(result.name + " is too short: " + std::to_string(tokens.size()) +
                    " tokens leave no " + std::to_string(kHeldOutLeast) + " held-out samples of " +
                    std::to_string(sequence_tokens));
    }
    return result;
}

}  // namespace assay
