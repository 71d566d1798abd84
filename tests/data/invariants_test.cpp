// What a programmer promises of data and its deal: each kind of promise is broken once, and is seen
// to stop the process.

#include <catch2/catch.hpp>

#include "data/assignment.h"
#include "data/prepare.h"
#include "data/shard_writer.h"
#include "tests/support/check_fires.h"
#include "tests/support/scratch_folder.h"

namespace assay {

using Catch::Contains;

TEST_CASE("samples are dealt of a data set that has some", "[data]") {
    RoundPlan plan;
    plan.inner_steps = 1;
    plan.peers.resize(1);
    plan.peers[0].sequences_per_step = 1;
    CHECK(fired_check([&] { (void)assign({}, plan, 10); }).empty());
    CHECK_THAT(fired_check([&] { (void)assign({}, plan, 0); }), Contains("sample_count > 0"));
    CHECK_THAT(fired_check([&] { (void)assign({}, plan, uint64_t{1} << 62); }),
               Contains("sample_count"));
}

TEST_CASE("a range ends behind its beginning", "[data]") {
    const std::vector<SampleRange> ranges{{5, 4}};
    CHECK_THAT(fired_check([&] { (void)position_count(ranges); }), Contains("range.end"));
    CHECK_THAT(fired_check([&] { (void)pool_with_returns({}, ranges); }), Contains("range.end"));
}

TEST_CASE("a shard writer is finished once, and then takes nothing", "[data]") {
    const ScratchFolder scratch;
    ShardWriter writer(scratch.path(), "train", false, 10, 100);
    const std::vector<int32_t> tokens{1, 2};
    REQUIRE(writer.append(tokens).ok());
    REQUIRE(writer.finish().ok());
    CHECK_THAT(fired_check([&] { (void)writer.append(tokens); }), Contains("!finished_"));
    CHECK_THAT(fired_check([&] { (void)writer.finish(); }), Contains("!finished_"));
    CHECK_THAT(fired_check([&] { (void)ShardWriter(scratch.path(), "t", false, 0, 100); }),
               Contains("vocab_size > 0"));
    CHECK_THAT(fired_check([] { (void)is_held_out(3, 0); }), Contains("held_out_every"));
}

}  // namespace assay
