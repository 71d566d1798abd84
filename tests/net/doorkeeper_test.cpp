// How many connections stand at the door, and that who floods it keeps out nobody else.

#include "net/doorkeeper.h"

#include <catch2/catch.hpp>

#include "net/inbox.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

constexpr Instant kNow{5000};

DoorRules small_door() {
    DoorRules rules;
    rules.strangers_max = 4;
    rules.strangers_per_site = 2;
    rules.connections_max = 6;
    return rules;
}

}  // namespace

TEST_CASE("one site fills its own places alone, and who stood there longest goes") {
    Doorkeeper door(small_door());
    CHECK(door.came(14, "b", kNow).empty());
    CHECK(door.came(10, "a", kNow).empty());
    CHECK(door.came(11, "a", kNow).empty());
    CHECK(door.came(12, "a", kNow) == std::vector<int>{10});
    CHECK(door.came(13, "a", kNow) == std::vector<int>{11});
    door.knows(12);  // no stranger any more
    CHECK(door.came(15, "a", kNow).empty());
    door.left(13);
    CHECK(door.came(16, "a", kNow).empty());
    CHECK(door.connections() == 4);
}

TEST_CASE("many sites push out the strangers that have stood there longest, nobody who is known") {
    Doorkeeper door(small_door());
    CHECK(door.came(1, "known", kNow).empty());
    door.knows(1);
    for (int fd = 10; fd < 14; ++fd) {
        CHECK(door.came(fd, "site " + std::to_string(fd), kNow).empty());
    }
    CHECK(door.came(14, "one more", kNow) == std::vector<int>{10});
    CHECK(door.came(15, "another", kNow) == std::vector<int>{11});
    CHECK(door.connections() == 5);
    CHECK(door.overdue(kNow + DurationMs{60000}).size() == 4);
    CHECK(door.connections() == 1);
}

TEST_CASE("there are only so many connections, known or not") {
    Doorkeeper door(small_door());
    for (int fd = 0; fd < 6; ++fd) {
        CHECK(door.came(fd, "site", kNow).empty());
        door.knows(fd);
    }
    CHECK(door.came(6, "site", kNow) == std::vector<int>{6});
    door.left(0);
    CHECK(door.came(7, "site", kNow).empty());
}

TEST_CASE("who says nothing has to go in the end, a pause of this node aside") {
    Doorkeeper door(small_door());
    CHECK(door.came(1, "a", kNow).empty());
    CHECK(door.overdue(kNow + DurationMs{14999}).empty());
    door.stood_still(DurationMs{100000});
    CHECK(door.overdue(kNow + DurationMs{114999}).empty());
    CHECK(door.overdue(kNow + DurationMs{115000}) == std::vector<int>{1});
    CHECK(door.overdue(kNow + DurationMs{115000}).empty());
    CHECK_FALSE(fired_check([] { Doorkeeper(DoorRules{0, 1, 1, {1}}); }).empty());
}

TEST_CASE("connections are read in turns, each in order") {
    Inbox<int> inbox;
    CHECK(inbox.empty());
    for (int i = 0; i < 3; ++i) {
        CHECK(inbox.put("loud", i, 1));
    }
    CHECK(inbox.put("quiet", 9, 1));
    CHECK(inbox.has("loud"));
    CHECK(inbox.take() == std::make_pair(std::string("loud"), 0));
    CHECK(inbox.take() == std::make_pair(std::string("quiet"), 9));
    CHECK_FALSE(inbox.has("quiet"));
    CHECK(inbox.take() == std::make_pair(std::string("loud"), 1));
    inbox.drop("loud");
    CHECK(inbox.empty());
    CHECK_FALSE(fired_check([&] { (void)inbox.take(); }).empty());
}

TEST_CASE("what waits of one connection has a bound in messages and in bytes") {
    Inbox<int> inbox;
    for (size_t i = 0; i < kWaitingMessagesMax; ++i) {
        REQUIRE(inbox.put("many", 1, 1));
    }
    CHECK_FALSE(inbox.put("many", 1, 1));
    CHECK(inbox.put("large", 1, kWaitingBytesMax));
    CHECK_FALSE(inbox.put("large", 1, 1));
    (void)inbox.take();
    CHECK(inbox.put("many", 1, 1));
}

}  // namespace assay
