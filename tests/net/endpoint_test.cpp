// Addresses that people write: what each means, or what is wrong with it.

#include "net/endpoint.h"

#include <catch2/catch.hpp>

namespace assay {

namespace {

std::string dialled(const std::string& text) {
    const Result<Endpoint> endpoint = Endpoint::parse(text, Endpoint::Use::kDial);
    return endpoint ? endpoint->text() : endpoint.reason();
}

std::string why(const std::string& text, Endpoint::Use use = Endpoint::Use::kDial) {
    const Result<Endpoint> endpoint = Endpoint::parse(text, use);
    return endpoint ? "" : endpoint.reason();
}

}  // namespace

TEST_CASE("an address may be a name, IPv4 or IPv6 in brackets, with or without its scheme") {
    CHECK(dialled("tcp://127.0.0.1:7700") == "tcp://127.0.0.1:7700");
    CHECK(dialled("127.0.0.1:7700") == "tcp://127.0.0.1:7700");
    CHECK(dialled("tcp://train.example:7700/") == "tcp://train.example:7700");
    CHECK(dialled("[::1]:7700") == "tcp://[::1]:7700");
    CHECK(dialled("tcp://[2001:db8::7]:1") == "tcp://[2001:db8::7]:1");
    CHECK(Endpoint::parse("tcp://[::1]:7", Endpoint::Use::kDial)->is_ipv6());
    CHECK(Endpoint::parse("localhost:7", Endpoint::Use::kDial)->is_name());
    CHECK_FALSE(Endpoint::parse("10.0.0.1:7", Endpoint::Use::kDial)->is_name());
    CHECK(Endpoint::parse("*:0", Endpoint::Use::kListen)->text() == "tcp://*:0");
}

TEST_CASE("an address that cannot be used is told with what is wrong") {
    CHECK_THAT(why("tcp://127.0.0.1"), Catch::Contains("the port is missing"));
    CHECK_THAT(why("tcp://[::1]"), Catch::Contains("the port is missing"));
    CHECK_THAT(why("http://127.0.0.1:7700"), Catch::Contains("http:// is not"));
    CHECK_THAT(why("tcp://::1:7700"), Catch::Contains("in brackets"));
    CHECK_THAT(why("tcp://[nonsense]:7700"), Catch::Contains("no IPv6 address"));
    CHECK_THAT(why("tcp://host:70000"), Catch::Contains("1 to 65535"));
    CHECK_THAT(why("tcp://host:"), Catch::Contains("1 to 65535"));
    CHECK_THAT(why("tcp://host:7x"), Catch::Contains("1 to 65535"));
    CHECK_THAT(why("tcp://host:0"), Catch::Contains("for listening alone"));
    CHECK_THAT(why("tcp://:7700"), Catch::Contains("a name or an address"));
    CHECK_THAT(why("tcp://*:7700"), Catch::Contains("a name or an address"));
    CHECK_THAT(why("tcp://a b:7700"), Catch::Contains("a name or an address"));
    CHECK_THAT(why("nonsense"), Catch::Contains("the port is missing"));
}

TEST_CASE("a name stands for all of its addresses, and * for those of both families") {
    const auto all = Endpoint::parse("localhost:77", Endpoint::Use::kListen)->addresses();
    REQUIRE(all.ok());
    for (const Endpoint& one : *all) {
        CHECK_FALSE(one.is_name());
        CHECK(one.port() == 77);
    }
    const auto any = Endpoint::parse("*:0", Endpoint::Use::kListen)->addresses().value();
    REQUIRE(any.size() == 2);
    CHECK(any[0].with_port(5).text() == "tcp://[::]:5");
    CHECK(any[1].text() == "tcp://0.0.0.0:0");
    const auto none =
        Endpoint::parse("no-such-host.invalid:7", Endpoint::Use::kListen)->addresses();
    REQUIRE_FALSE(none.ok());
    CHECK_THAT(none.reason(), Catch::Contains("no-such-host.invalid"));
}

}  // namespace assay
