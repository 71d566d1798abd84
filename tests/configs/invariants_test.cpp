// What a programmer promises of settings that were checked: broken once, and seen to stop the
// process. What stands in a run file breaks none: it is refused in words (run_config_test.cpp).

#include <catch2/catch.hpp>

#include "configs/run_config.h"
#include "configs/schedule.h"
#include "tests/support/check_fires.h"

namespace assay {

TEST_CASE("settings that were not checked are not used", "[configs]") {
    RunConfig config;
    config.rounds.classes = "fp64";
    CHECK_FALSE(check_config(config).ok());
    CHECK_THAT(fired_check([&] { (void)admitted_classes(config); }),
               Catch::Contains("class_named"));
    config.inner.numeric_class = "fp64";
    CHECK_THAT(fired_check([&] { (void)numeric_class_of(config.inner); }), Catch::Contains("bf16"));
    config.inner.inner_steps = 0;
    CHECK_THAT(fired_check([&] { (void)learning_rates(config.inner, 3, {}); }),
               Catch::Contains("inner_steps > 0"));
}

}  // namespace assay
