// What a programmer promises of the coordinator: each kind of promise is broken once, and is seen
// to stop the process. What lies in a folder breaks none: it is refused in words.

#include <catch2/catch.hpp>

#include "coordinator/judge_jobs.h"
#include "coordinator/run_folder.h"
#include "coordinator/status_book.h"
#include "core/files.h"
#include "tests/coordinator/run_sources.h"
#include "tests/support/check_fires.h"

namespace assay {

using Catch::Contains;

TEST_CASE("a run starts only with the tokenizer that its data was made with", "[coordinator]") {
    const RunSourceFiles sources;
    const std::filesystem::path file = sources.tokenizer();
    const std::string right = *read_text_file(file, 1U << 20);
    REQUIRE(write_file_atomically(file, as_bytes(right + "\n")).ok());
    const Result<OpenedRun> refused = sources.open();
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.reason(),
               Contains("tokenizer.json") && Contains("is not the tokenizer that the data in"));
    CHECK_FALSE(std::filesystem::exists(sources.paths.manifest()));
    REQUIRE(write_file_atomically(file, as_bytes(right)).ok());
    CHECK(sources.open().ok());
}

TEST_CASE("the judge's answer belongs to its order", "[coordinator]") {
    JudgeRound order;
    order.submissions.resize(2);
    order.submissions[1].expected.id.key[0] = 1;
    RoundJudged judged;
    judged.peers.resize(2);
    judged.peers[1].verdict.peer.key[0] = 1;
    judged.voided = true;
    const auto fired = [&order](RoundJudged answer, auto spoil) {
        spoil(answer);
        return fired_check([&] { check_answer(order, answer); });
    };
    CHECK(fired(judged, [](RoundJudged&) {}).empty());
    CHECK_THAT(fired(judged, [](RoundJudged& answer) { answer.peers.pop_back(); }),
               Contains("submissions.size()"));
    CHECK_THAT(
        fired(judged, [](RoundJudged& answer) { std::swap(answer.peers[0], answer.peers[1]); }),
        Contains("expected.id"));
    CHECK_THAT(fired(judged, [](RoundJudged& answer) { answer.round.value = 1; }),
               Contains("plan.round"));
    CHECK_THAT(fired(judged, [](RoundJudged& answer) { answer.taken_back.resize(1); }),
               Contains("take_backs"));
    CHECK_THAT(fired(judged, [](RoundJudged& answer) { answer.voided = false; }),
               Contains("voided"));
}

TEST_CASE("a folder with another key or beacon secret than its run's is refused", "[coordinator]") {
    const RunSourceFiles sources;
    const RunFolderPaths& paths = sources.paths;
    {
        const Result<OpenedRun> made = sources.open();
        REQUIRE(made.ok());
        CHECK(made->manifest.beacon_tail == made->beacons.tail());
    }
    CHECK(sources.open().ok());
    const Result<std::string> secret = read_text_file(paths.beacon(), 256);
    REQUIRE(std::filesystem::remove(paths.beacon()));
    CHECK_THAT(sources.open().reason(), Contains("beacon.secret is not the secret"));
    REQUIRE(write_file_atomically(paths.beacon(), as_bytes(*secret)).ok());
    CHECK(sources.open().ok());
    REQUIRE(std::filesystem::remove(paths.key()));
    CHECK_THAT(sources.open().reason(), Contains("coordinator.key is not the key"));
}

}  // namespace assay
