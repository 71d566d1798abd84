// A break of each kind of promise inside net/ is seen: owner threads, windows, offsets, faults.

#include <catch2/catch.hpp>
#include <thread>

#include "net/blob_fetcher.h"
#include "net/loopback.h"
#include "net/reminder.h"
#include "store/memory_blob_store.h"
#include "tests/net/net_helpers.h"
#include "tests/support/check_fires.h"

namespace assay {
namespace {

BlobRef blob_of(uint64_t size) {
    return {sha256_plain(as_bytes("blob")), size, {}};
}

// What an assertion printed when `call` ran on another thread than its own.
template <typename F>
std::string fired_elsewhere(const F& call) {
    return fired_check([&] { std::thread([&] { call(); }).join(); });
}

TEST_CASE("a transfer's window and its first piece are inside their bounds") {
    TransferSettings settings;
    settings.window_max = 0;
    CHECK_THAT(fired_check([&] { Transfer(blob_of(10), 0, settings, Instant{}); }),
               Catch::Contains("(1U) <= (settings.window_max)"));
    settings.window_max = limits::kPiecesInFlightMax + 1;
    CHECK_THAT(fired_check([&] { Transfer(blob_of(10), 0, settings, Instant{}); }),
               Catch::Contains("kPiecesInFlightMax"));
    settings.window_max = limits::kPiecesInFlightMax;
    CHECK(fired_check([&] { Transfer(blob_of(10), 10, settings, Instant{}); }).empty());
    CHECK_THAT(fired_check([&] { Transfer(blob_of(10), 11, settings, Instant{}); }),
               Catch::Contains("11 vs 10"));
    settings.silence_max = DurationMs{settings.silence.ms - 1};
    CHECK_THAT(fired_check([&] { Transfer(blob_of(10), 0, settings, Instant{}); }),
               Catch::Contains("silence_max"));
}

TEST_CASE("a fetcher belongs to the thread that used it first") {
    MemoryBlobStore store;
    BlobFetcher fetcher(store, {});
    const PeerId peer = identity_of("peer").id();
    fetcher.fetch(blob_of(10), peer, Visibility::kPrivate, Instant{});
    CHECK_THAT(fired_elsewhere([&] { (void)fetcher.requests(Instant{}); }),
               Catch::Contains("owner_.is_here()"));
    CHECK_THAT(fired_elsewhere([&] { fetcher.take(peer, {}, Instant{}); }),
               Catch::Contains("owner_.is_here()"));
    CHECK_THAT(fired_elsewhere([&] { fetcher.source_left(peer); }),
               Catch::Contains("owner_.is_here()"));
    CHECK(fired_check([&] { (void)fetcher.requests(Instant{}); }).empty());
}

TEST_CASE("a channel belongs to the thread that used it first") {
    ServerNode server;
    ClientNode client(identity_of("alice"), server);
    server.poll(0);
    client.poll(0);
    CHECK_THAT(fired_elsewhere([&] { (void)server.channel->poll({}); }),
               Catch::Contains("zmq_server.cpp"));
    CHECK_THAT(fired_elsewhere([&] { (void)client.channel->send({}); }),
               Catch::Contains("zmq_client.cpp"));
    const FakeClock clock(Instant{});
    LoopbackNetwork network(clock, identity_of("coordinator"), {}, {});
    const auto end = network.connect(identity_of("alice").id());
    CHECK_THAT(fired_elsewhere([&] { (void)end->poll({}); }), Catch::Contains("loopback.cpp"));
}

TEST_CASE("a wait without an end and a reminder without a pause are defects") {
    ServerNode server;
    CHECK_THAT(fired_check([&] { (void)server.channel->poll(DurationMs{-1}); }),
               Catch::Contains("timeout_ms"));
    CHECK_THAT(fired_check([] { Reminder(DurationMs{0}); }), Catch::Contains("every.ms"));
}

TEST_CASE("a link's faults are probabilities, and its shortest delay is not its longest") {
    const FakeClock clock(Instant{});
    const auto make = [&](const LinkFaults& faults) {
        return fired_check([&] { LoopbackNetwork(clock, identity_of("coordinator"), {}, faults); });
    };
    CHECK(make({}).empty());
    LinkFaults faults;
    faults.loss = 1.5;
    CHECK_THAT(make(faults), Catch::Contains("faults.loss"));
    faults = {};
    faults.duplication = -1;
    CHECK_THAT(make(faults), Catch::Contains("faults.duplication"));
    faults = {};
    faults.delay_min = DurationMs{2};
    faults.delay_max = DurationMs{1};
    CHECK_THAT(make(faults), Catch::Contains("2 vs 1"));
}

}  // namespace
}  // namespace assay
