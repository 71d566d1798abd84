// What an operator hears of settings that are allowed.

#include "configs/run_advice.h"

#include <catch2/catch.hpp>

#include "configs/config_file.h"

namespace assay {

using Catch::Contains;

TEST_CASE("a change of the settings is told by name, with both values", "[configs]") {
    const RunConfig was;
    CHECK(changed_settings(was, was).empty());
    RunConfig is = was;
    is.rounds.rounds = was.rounds.rounds + 1;
    CHECK(changed_settings(was, is) == "rounds.rounds is " + std::to_string(is.rounds.rounds) +
                                           ", was " + std::to_string(was.rounds.rounds));
    is.inner.learning_rate = 0.25;
    is.model.tied = !was.model.tied;
    is.run.name = "another";
    CHECK_THAT(changed_settings(was, is),
               Contains("inner.learning_rate is 0.25, was 0.003") && Contains("model.tied is ") &&
                   Contains("run.name is \"another\", was \""));
}

TEST_CASE("what is most likely a slip of the hand is warned of", "[configs]") {
    RunConfig config;
    const auto tokens = static_cast<uint64_t>(config.model.vocab);
    CHECK(likely_slips(config, tokens).empty());
    CHECK(likely_slips(config, 0).empty());
    CHECK(likely_slips(config, tokens + 1).empty());  // an error, and not this one's to tell
    CHECK_THAT(likely_slips(config, tokens - 1).at(0),
               Contains("model.vocab_size is " + std::to_string(tokens)) &&
                   Contains("has " + std::to_string(tokens - 1) + " tokens"));
    config.rounds.grace_ms = 30;
    config.inner.learning_rate = 2;
    const std::vector<std::string> slips = likely_slips(config, tokens);
    REQUIRE(slips.size() == 2);
    CHECK_THAT(slips[0], Contains("rounds.grace_ms is 30 milliseconds"));
    CHECK_THAT(slips[1], Contains("inner.learning_rate is 2:"));
}

TEST_CASE("the shipped run files have no slips", "[configs]") {
    for (const char* const name : {"demo", "small", "124m", "1b"}) {
        const auto config =
            load_run_config(std::string(ASSAY_SOURCE_DIR) + "/configs/" + name + ".toml");
        REQUIRE(config.ok());
        CHECK(likely_slips(*config, 0).empty());
    }
}

}  // namespace assay
