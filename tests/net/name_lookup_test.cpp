// Names with several addresses, and a resolver that takes its time.

#include "net/name_lookup.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "tests/net/net_helpers.h"

namespace assay {

namespace {

Endpoint dial(const std::string& text) {
    return Endpoint::parse(text, Endpoint::Use::kDial).value();
}

// Until the thread that was asked has answered.
Endpoint await_next(NameLookup& lookup) {
    std::optional<Endpoint> next = lookup.next();
    while (!next) {
        std::this_thread::yield();
        next = lookup.next();
    }
    return *next;
}

}  // namespace

TEST_CASE("a name's addresses come in turn, and are looked up again each time around") {
    const auto asked = std::make_shared<std::atomic<int>>(0);
    NameLookup lookup(dial("train.example:7700"),
                      [asked](const Endpoint&) -> Result<std::vector<Endpoint>> {
                          const int time = ++*asked;
                          const std::string last = std::to_string(time);
                          return std::vector<Endpoint>{dial("192.0.2." + last + ":7700"),
                                                       dial("[2001:db8::" + last + "]:7700")};
                      });
    CHECK(await_next(lookup).text() == "tcp://192.0.2.1:7700");
    CHECK(await_next(lookup).text() == "tcp://[2001:db8::1]:7700");
    CHECK(await_next(lookup).text() == "tcp://192.0.2.2:7700");
}

TEST_CASE("nobody waits for a resolver, and one that fails is asked again") {
    const auto gate = std::make_shared<std::promise<void>>();
    const auto opened = std::make_shared<std::shared_future<void>>(gate->get_future());
    const auto asked = std::make_shared<std::atomic<int>>(0);
    NameLookup lookup(dial("train.example:7700"),
                      [opened, asked](const Endpoint&) -> Result<std::vector<Endpoint>> {
                          opened->wait();
                          if (++*asked == 1) {
                              return fail("no such name");
                          }
                          return std::vector<Endpoint>{dial("192.0.2.1:7700")};
                      });
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(lookup.next());  // it is still at it
    }
    gate->set_value();
    CHECK(await_next(lookup).text() == "tcp://192.0.2.1:7700");
    CHECK(*asked >= 2);
}

// The coordinator has moved to the third of its addresses, all of one family.
TEST_CASE("a client tries all addresses of a name") {
    ServerNode server("any", "tcp://127.0.0.3:0");
    const std::string port =
        server.channel->endpoint().substr(server.channel->endpoint().rfind(':'));
    const auto resolve = [port](const Endpoint& name) -> Result<std::vector<Endpoint>> {
        CHECK(name.is_name());
        return std::vector<Endpoint>{
            dial("127.0.0.1" + port), dial("127.0.0.2" + port), dial("127.0.0.3" + port)};
    };
    const Identity identity = identity_of("alice");
    const auto client = std::move(
        ZmqClient::open(identity, "localhost" + port, server.identity.id(), {}, resolve).value());
    REQUIRE(until(server, {}, [&] {
        (void)client->poll(DurationMs{2});
        return client->connected();
    }));
}

}  // namespace assay
