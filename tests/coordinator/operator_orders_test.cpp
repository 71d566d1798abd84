// Orders of the operator as files: the oldest first, complete or refused with a reason.

#include "coordinator/operator_orders.h"

#include <catch2/catch.hpp>

#include "core/files.h"
#include "tests/support/scratch_folder.h"

namespace assay {

TEST_CASE("orders are taken in the order in which they were given", "[coordinator]") {
    const ScratchFolder scratch;
    const std::filesystem::path folder = scratch.path() / "orders";
    CHECK_FALSE(oldest_order(folder).has_value());
    PeerId peer;
    peer.key[0] = 7;
    REQUIRE(write_order(folder, {peer, OrderKind::kExpel, "a stolen key"}, Instant{2000}).ok());
    REQUIRE(write_order(folder, {peer, OrderKind::kPardon, "it was found"}, Instant{10000}).ok());
    const std::optional<OrderFile> first = oldest_order(folder);
    REQUIRE(first.has_value());
    REQUIRE(first->order.ok());
    CHECK(first->order->kind == OrderKind::kExpel);
    CHECK(first->order->peer == peer);
    CHECK(first->order->reason == "a stolen key");
    REQUIRE(std::filesystem::remove(first->file));
    CHECK(oldest_order(folder)->order->kind == OrderKind::kPardon);
}

TEST_CASE("what is no order is said to be none", "[coordinator]") {
    const ScratchFolder scratch;
    const std::string key(64, 'a');
    for (const std::string& text : {std::string(),
                                    std::string("expel"),
                                    std::string("banish ") + key + " why",
                                    std::string("expel 12 why"),
                                    std::string(9000, 'x')}) {
        REQUIRE(write_file_atomically(scratch.path() / "1.order", as_bytes(text)).ok());
        const std::optional<OrderFile> found = oldest_order(scratch.path());
        REQUIRE(found.has_value());
        CHECK_FALSE(found->order.ok());
    }
    CHECK_FALSE(write_order(scratch.path(),
                            {PeerId{}, OrderKind::kExpel, std::string(5000, 'x')},
                            Instant{1})
                    .ok());
}

}  // namespace assay
