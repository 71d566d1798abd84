// Waiting for a job of the thread, and not waiting any longer.

#include "core/job_thread.h"

#include <catch2/catch.hpp>
#include <future>

namespace assay {
namespace {

TEST_CASE("a job is waited for, and its results are there") {
    JobThread thread(4);
    int made = 0;
    CHECK(run_unless_stopped(
        thread, [&made] { made = 7; }, [] { return false; }));
    CHECK(made == 7);
}

TEST_CASE("who is to stop does not wait for the job that runs") {
    std::promise<void> begun;
    std::promise<void> release;
    std::promise<void> ended;
    JobThread thread(4);
    bool asked = false;
    CHECK_FALSE(run_unless_stopped(
        thread,
        [&] {
            begun.set_value();
            release.get_future().wait();
            ended.set_value();
        },
        [&asked] { return std::exchange(asked, true); }));
    begun.get_future().wait();  // it runs still: nobody has released it
    release.set_value();
    ended.get_future().wait();
}

}  // namespace
}  // namespace assay
