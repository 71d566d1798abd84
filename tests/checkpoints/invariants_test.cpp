// What a programmer promises of a snapshot: each kind of promise is broken once, and is seen to
// stop the process. What lies in a file breaks none (damage_test.cpp).

#include <catch2/catch.hpp>

#include "checkpoints/snapshot_store.h"
#include "tests/checkpoints/made_snapshot.h"
#include "tests/support/check_fires.h"
#include "tests/support/scratch_folder.h"

namespace assay {

using Catch::Contains;

TEST_CASE("what would not load is not saved, and the newest stays", "[checkpoints]") {
    const ScratchFolder scratch;
    const Result<SnapshotStore> store = SnapshotStore::open(scratch.path());
    REQUIRE(store.ok());
    CHECK_THAT(fired_check([&] { (void)store->prune(0); }), Contains("keep > 0"));
    Snapshot snapshot = made_tiny_snapshot();
    snapshot.accumulator.pop_back();
    CHECK_THAT(fired_check([&] { (void)store->save(snapshot); }), Contains("accumulator"));
    snapshot = made_tiny_snapshot();
    snapshot.shape.heads = 3;
    CHECK_THAT(fired_check([&] { (void)store->save(snapshot); }), Contains("check_shape"));
    snapshot = made_tiny_snapshot();
    snapshot.theta.resize(kTileValues);
    CHECK_THAT(fired_check([&] { (void)describe_snapshot(snapshot); }), Contains("theta.size()"));
    CHECK(store->list().empty());
}

}  // namespace assay
