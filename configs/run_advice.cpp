#include "configs/run_advice.h"

#include "configs/printed_setting.h"
#include "core/check.h"

namespace assay {

namespace {

// Milliseconds that somebody took for seconds are far below the first, and what is copied from
// another optimiser's recipe far above the second.
constexpr int64_t kGraceMsUsual = 1000;
constexpr double kLearningRateUsual = 0.1;

struct PrintedSetting {
    std::string key;
    std::string value;
};

std::vector<PrintedSetting> print_all(RunConfig config) {
    std::vector<PrintedSetting> all;
    config.for_each_section([&](std::string_view section, std::string_view, auto& settings) {
        auto each = [&](const Field& field, const auto& value) {
            all.push_back({std::string(section) + "." + std::string(field.name), printed(value)});
        };
        settings.for_each(each);
    });
    return all;
}

}  // namespace

std::string changed_settings(const RunConfig& was, const RunConfig& is) {
    const std::vector<PrintedSetting> before = print_all(was);
    const std::vector<PrintedSetting> now = print_all(is);
    ASSAY_CHECK_EQ(before.size(), now.size());
    std::string text;
    for (size_t i = 0; i < now.size(); ++i) {
        if (before[i].value != now[i].value) {
            text += (text.empty() ? "" : "; ") + now[i].key + " is " + now[i].value + ", was " +
                    before[i].value;
        }
    }
    return text;
}

std::vector<std::string> likely_slips(const RunConfig& config, uint64_t data_tokens) {
    std::vector<std::string> slips;
    if (config.rounds.grace_ms < kGraceMsUsual) {
        slips.push_back("rounds.grace_ms is " + std::to_string(config.rounds.grace_ms) +
                        " milliseconds: whoever is a moment behind the quorum loses the round; " +
                        std::to_string(RoundSettings{}.grace_ms) + " is usual");
    }
    if (config.inner.learning_rate > kLearningRateUsual) {
        slips.push_back("inner.learning_rate is " + number_text(config.inner.learning_rate) +
                        ": AdamW diverges at such rates; 0.0001 to 0.01 is usual");
    }
    const auto vocabulary = static_cast<uint64_t>(config.model.vocab);
    if (data_tokens > 0 && data_tokens < vocabulary) {
        slips.push_back("model.vocab_size is " + std::to_string(vocabulary) +
                        ", but the data's tokenizer has " + std::to_string(data_tokens) +
                        " tokens: the rest is computed, sent and stored for nothing");
    }
    return slips;
}

}  // namespace assay
