// The words of --vary become cases, or an error that says what may stand there.

#include "studies/loss_sweep.h"

#include <catch2/catch.hpp>

namespace assay {
namespace {

std::string refusal_of(const std::string& words) {
    const Result<std::vector<SweepCase>> cases = sweep_cases(words, strategy_sizes(false));
    return cases.ok() ? "" : cases.reason();
}

TEST_CASE("a sweep is the product of its words, the last varying fastest", "[studies]") {
    const auto cases = sweep_cases("keep=64,96 beta=0.5,0.75", strategy_sizes(false));
    REQUIRE(cases.ok());
    REQUIRE(cases->size() == 4);
    CHECK((*cases)[0].one.name == "keep=64 beta=0.5");
    CHECK((*cases)[1].one.name == "keep=64 beta=0.75");
    CHECK((*cases)[2].one.compression.keep == 96);
    CHECK((*cases)[3].one.compression.beta == 0.75);
    const auto none = sweep_cases("", strategy_sizes(false));
    REQUIRE(none.ok());
    REQUIRE(none->size() == 1);
    CHECK(none->front().one.name == "default");
    CHECK(none->front().one.strategy == "sparseloco");
}

TEST_CASE("each key sets what it names", "[studies]") {
    const auto cases = sweep_cases(
        "strategy=diloco rate=0.01 alpha=0.5 mu=0.25 mean=per_peer clip=off downlink=8bits "
        "downlink_keep=256 peers=8 inner_steps=20",
        strategy_sizes(false));
    REQUIRE(cases.ok());
    const SweepCase& one = cases->front();
    CHECK(one.one.strategy == "diloco");
    CHECK(one.one.learning_rate == 0.01);
    CHECK(one.one.aggregate.alpha == 0.5);
    CHECK(one.one.momentum == 0.25);
    CHECK(one.one.aggregate.mean == "per_peer");
    CHECK_FALSE(one.one.aggregate.clip_to_median);
    CHECK(one.one.downlink == Downlink::kBits8);
    CHECK(one.one.compression.downlink_keep == 256);
    CHECK(one.sizes.peers == 8);
    CHECK(one.sizes.inner_steps == 20);
    CHECK(one.sizes.steps() == strategy_sizes(false).steps());
}

TEST_CASE("words of a coder for study ask for one, others do not", "[studies]") {
    const auto cases = sweep_cases(
        "select=energy bits=3 split=lloyd magnitudes=tensor scales=log8 vectors=dense keep=80",
        strategy_sizes(false));
    REQUIRE(cases.ok());
    REQUIRE(cases->front().one.study.has_value());
    const StudyCoding& study = *cases->front().one.study;
    CHECK(study.selection == Selection::kByEnergy);
    CHECK(study.values.bits == 3);
    CHECK(study.values.split == Split::kLloyd);
    CHECK(study.values.per_tensor);
    CHECK(study.scales == ScaleFormat::kLog8);
    CHECK(study.dense_vectors);
    CHECK_FALSE(sweep_cases("keep=80", strategy_sizes(false))->front().one.study.has_value());
    CHECK(refusal_of("bits=3").find("mean, median or lloyd") != std::string::npos);
    CHECK(refusal_of("strategy=average bits=1").find("only sparseloco") != std::string::npos);
    CHECK(refusal_of("bits=1 keep=257").find("at most 256") != std::string::npos);
    CHECK(sweep_keys().find("for study alone") < sweep_keys().find("select: rows, blocks"));
}

TEST_CASE("what a sweep cannot mean is refused with what it could", "[studies]") {
    CHECK(refusal_of("keep").find("KEY=VALUE") != std::string::npos);
    CHECK(refusal_of("kepe=64").find("Did you mean `keep`?") != std::string::npos);
    CHECK(refusal_of("keep=0").find("from 1 to 4096") != std::string::npos);
    CHECK(refusal_of("keep=1.5").find("whole number") != std::string::npos);
    CHECK(refusal_of("beta=0.5,").find("beta=") != std::string::npos);
    CHECK(refusal_of("beta=nan").find("from 0 to 1") != std::string::npos);
    CHECK(refusal_of("downlink=3bits").find("topk, dense, 4bits, 8bits") != std::string::npos);
}

}  // namespace
}  // namespace assay
