// The text that benchmarks train on, as samples of T + 1 tokens: training and held-out.
//
// A file if one is given or known, else a made one: a seeded walk over made words. Plain value.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/bench.h"
#include "model/gradient_model.h"
#include "tokenizer/tokenizer.h"

namespace assay {

struct BenchText {
    std::string name;
    uint32_t sequence_tokens = 0;
    std::vector<int32_t> training;
    std::vector<int32_t> held_out;  // the last tenth

    [[nodiscard]] uint64_t training_count() const { return count(training); }
    [[nodiscard]] uint64_t held_out_count() const { return count(held_out); }
    // REQUIRES: samples below the count.
    [[nodiscard]] std::vector<int32_t> read(std::span<const uint64_t> samples) const {
        return read_from(training, samples);
    }
    [[nodiscard]] std::vector<int32_t> read_held_out(std::span<const uint64_t> samples) const {
        return read_from(held_out, samples);
    }

private:
    [[nodiscard]] uint64_t count(const std::vector<int32_t>& tokens) const {
        return tokens.empty() ? 0 : (tokens.size() - 1) / sequence_tokens;
    }
    [[nodiscard]] std::vector<int32_t> read_from(const std::vector<int32_t>& tokens,
                                                 std::span<const uint64_t> samples) const;
};

// options.text, else tinyshakespeare.txt of ASSAY_TEST_DATA or ../shared/data, else made text;
// tiny: made text unless a file is named. The tokenizer is trained on the same text. Fails if a
// named file cannot be read or is too short for 16 held-out samples.
Result<BenchText> read_bench_text(const BenchOptions& options,
                                  int32_t vocab,
                                  uint32_t sequence_tokens);

}  // namespace assay
