// What the machine orders is performed in order, and behind nothing that is not durable.

#include "rounds/action_queue.h"

#include <catch2/catch.hpp>

#include "tests/support/check_fires.h"

namespace assay {

namespace {

Persist records(size_t count) {
    Persist persist;
    persist.drafts.resize(count);
    return persist;
}

// What may be performed now, a letter each: R records, N a note, F the end.
std::string released(ActionQueue& queue) {
    std::string letters;
    while (const std::optional<ActionQueue::Released> one = queue.next()) {
        letters += std::holds_alternative<Persist>(one->action) ? 'R'
                   : std::holds_alternative<Note>(one->action)  ? 'N'
                                                                : 'F';
    }
    return letters;
}

}  // namespace

TEST_CASE("nothing is performed before the records in front of it are durable", "[coordinator]") {
    ActionQueue queue(7);
    queue.push({Note{}, records(2), Note{}, Note{}});
    CHECK(released(queue) == "N");
    CHECK(queue.take_records().size() == 2);
    CHECK(released(queue).empty());
    queue.durable(9);
    CHECK(released(queue) == "RNN");
    CHECK(queue.empty());
}

TEST_CASE("all records that wait become one batch, those that come later the next one",
          "[coordinator]") {
    ActionQueue queue(0);
    queue.push({records(1), Note{}, records(3), RunFinished{}});
    CHECK(queue.take_records().size() == 4);
    queue.push({records(2), Note{}});
    CHECK(released(queue).empty());
    queue.durable(4);
    CHECK(released(queue) == "RNRF");
    CHECK(queue.take_records().size() == 2);
    queue.durable(6);
    CHECK(released(queue) == "RN");
    CHECK(queue.take_records().empty());
}

TEST_CASE("an action knows how many records it stands behind", "[coordinator]") {
    ActionQueue queue(5);
    queue.push({Note{}, records(2), Note{}});
    (void)queue.take_records();
    queue.durable(7);
    CHECK(queue.next()->height == 5);
    CHECK(queue.next()->height == 7);
    CHECK(queue.next()->height == 7);
}

TEST_CASE("one batch at a time, and what is durable is what was taken", "[coordinator]") {
    ActionQueue queue(0);
    queue.push({records(1)});
    (void)queue.take_records();
    CHECK_THAT(fired_check([&] { (void)queue.take_records(); }), Catch::Contains("durable_"));
    CHECK_THAT(fired_check([&] { queue.durable(2); }), Catch::Contains("taken_"));
    CHECK_THAT(fired_check([&] { queue.durable(0); }), Catch::Contains("taken_"));
}

}  // namespace assay
