// What a programmer promises of threads and queues: each kind of promise is broken once, and is
// seen to stop the process.

#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>

#include "core/job_thread.h"
#include "core/merkle.h"
#include "tests/support/check_fires.h"

namespace assay {

using Catch::Contains;

TEST_CASE("a job thread has room for a job, and a job has something to do", "[core]") {
    CHECK_THAT(fired_check([] { (void)JobThread(0); }), Contains("jobs_max > 0"));
    CHECK_THAT(fired_check([] { (void)JobThread(1).submit(nullptr); }), Contains("job != nullptr"));
    CHECK_THAT(fired_check([] {
                   auto thread = std::make_unique<JobThread>(1);
                   (void)thread->submit([&thread] { thread.reset(); });
                   for (;;) {
                       (void)::pause();
                   }
               }),
               Contains("get_id()"));
}

TEST_CASE("a path leads from a leaf that is there", "[core]") {
    CHECK_THAT(fired_check([] { (void)MerkleTree({Digest{}}).path(1); }), Contains("count_"));
}

}  // namespace assay
