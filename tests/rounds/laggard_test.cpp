// One peer that dies, hangs or lags: what it costs the others, in logical time, phase by phase; and
// that a slow link is not taken for one of these.

#include <catch2/catch.hpp>

#include "protocol/limits.h"
#include "rounds/deadlines.h"
#include "rounds/round_plan.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

namespace {

constexpr DurationMs kGrace{5000};
constexpr DurationMs kLong{600000};  // what every deadline allows

// The last of the peers is the laggard.
struct Lagging {
    MachineDriver d;
    size_t others;

    explicit Lagging(uint32_t peers, uint64_t least_uplink = 10, uint64_t opening_bytes = 10000)
        : d(peers, 12), others(peers - 1) {
        d.rules.opening_bytes_max = opening_bytes;
        d.rules.deadlines.grace = kGrace;
        d.rules.deadlines.commit_floor = kLong;
        d.rules.deadlines.transfer_floor = kLong;
        d.rules.deadlines.default_uplink_bytes_per_second = 100000;
        d.rules.deadlines.least_uplink_bytes_per_second = least_uplink;
        d.remake();
        d.begin();
    }

    void all_commit_and_send() {
        d.send_all();
        REQUIRE(d.machine->phase() == RoundPhase::kChallenging);
    }

    // Everybody but the laggard has opened.
    void others_open() {
        all_commit_and_send();
        for (size_t i = 0; i < others; ++i) {
            (void)d.opening(i);
        }
    }

    // Lets time pass until the phase is left.
    DurationMs wait_out(RoundPhase phase) {
        const Instant before = d.now;
        while (d.machine->phase() == phase) {
            REQUIRE(d.machine->wake_at());
            d.now = std::max(d.now, *d.machine->wake_at());
            (void)d.step(Tick{});
        }
        return d.now - before;
    }

    // The laggard's opening is announced; nothing of it has come yet.
    std::vector<FetchBlob> announce(uint64_t opening_bytes = 500) {
        OpeningNotice notice = d.opening_of(others);
        notice.opening.size_bytes = opening_bytes;
        return actions_of<FetchBlob>(d.step(OpeningNoticed{d.peers[others].id(), notice}));
    }

    void sends(uint64_t bytes, int64_t busy_ms) {
        (void)d.step(BlobsMoved{d.peers[others].id(), bytes, DurationMs{busy_ms}});
    }
};

}  // namespace

TEST_CASE("a silent peer costs each phase its grace, in rosters of any size", "[coordinator]") {
    for (const uint32_t peers : {2U, 3U, 4U, 5U, 9U}) {
        for (const bool dead : {false, true}) {
            CAPTURE(peers, dead);
            Lagging training(peers);
            Lagging sending(peers);
            Lagging opening(peers);
            (void)sending.d.commit(sending.others);
            for (size_t i = 0; i + 1 < peers; ++i) {
                (void)training.d.commit(i);
                (void)training.d.payload(i);
                (void)sending.d.commit(i);
                (void)sending.d.payload(i);
            }
            opening.others_open();
            if (dead) {
                for (Lagging* one : {&training, &sending, &opening}) {
                    (void)one->d.step(PeerGone{one->d.peers[one->others].id()});
                }
            }
            CHECK(training.wait_out(RoundPhase::kGathering) == kGrace);
            CHECK(training.wait_out(RoundPhase::kUploading) == DurationMs{0});
            CHECK(sending.wait_out(RoundPhase::kUploading) == kGrace);
            CHECK(opening.wait_out(RoundPhase::kChallenging) == kGrace);
        }
    }
}

TEST_CASE("a peer that announces its opening and hangs costs grace and a piece's time",
          "[coordinator]") {
    Lagging lag(3);
    lag.others_open();
    (void)lag.announce();
    CHECK(lag.wait_out(RoundPhase::kChallenging) == longest_silence(lag.d.rules.deadlines, 100000));
}

TEST_CASE("a slow link is waited for while it moves, and the next plan knows its speed",
          "[coordinator]") {
    Lagging lag(3);
    lag.others_open();
    const std::vector<FetchBlob> wanted = lag.announce();
    const DurationMs planned = lag.d.plan().opening_time;
    const Instant began = lag.d.now;
    uint64_t bytes = 0;
    while ((lag.d.now - began).ms < planned.ms + kLong.ms) {  // far behind every deadline
        REQUIRE(lag.d.machine->phase() == RoundPhase::kChallenging);
        lag.d.now = lag.d.now + DurationMs{4000};
        bytes += 80;
        lag.sends(bytes, (lag.d.now - began).ms);  // 20 bytes/s
    }
    std::vector<Action> last;
    for (const FetchBlob& fetch : wanted) {
        last = lag.d.step(BlobStored{fetch.from, fetch.round, fetch.purpose, fetch.blob.sha256, 1});
    }
    const std::vector<JudgeRound> order = actions_of<JudgeRound>(last);
    REQUIRE(order.size() == 1);
    for (const Submission& submission : order[0].submissions) {
        CHECK(submission.opening);
    }
    (void)lag.d.step(lag.d.judged(order[0]));
    const std::vector<PeerPace> paces{{1, 1, 20}};
    const DurationMs needed =
        round_deadlines(
            lag.d.rules.deadlines, {}, paces, 0, opened_bytes_max(lag.d.rules, lag.d.plan()))
            .opening;
    CHECK(needed > planned);
    CHECK(lag.d.plan().opening_time == needed);
}

TEST_CASE("a peer that trickles is waited for as the least link needs for what came, no longer",
          "[coordinator]") {
    Lagging lag(3, 1 << 16, 100 * limits::kPieceBytes);
    lag.others_open();
    const DeadlineRules& rules = lag.d.rules.deadlines;
    const Instant began = lag.d.now;
    (void)lag.announce(lag.d.rules.opening_bytes_max);
    const uint64_t bytes = GENERATE(uint64_t{1}, limits::kPieceBytes);
    const int64_t every = longest_silence(rules, 0).ms - 1;
    uint64_t sent = 0;
    Instant next = began + DurationMs{every};
    while (lag.d.machine->phase() == RoundPhase::kChallenging) {
        REQUIRE(sent < 20 * limits::kPieceBytes);
        lag.d.now = std::min(next, *lag.d.machine->wake_at());
        if (lag.d.now == next) {
            sent += bytes;
            next = next + DurationMs{every};
            lag.sends(sent, (lag.d.now - began).ms);
        }
        (void)lag.d.step(Tick{});
    }
    CHECK((lag.d.now - began).ms == slowest_progress(rules, sent).ms);
}

TEST_CASE("a payload that was asked for before D1 is waited for behind D2 while it comes",
          "[coordinator]") {
    Lagging lag(3);
    const PeerId who = lag.d.peers[lag.others].id();
    (void)lag.d.commit(lag.others);
    const Commit& commit = lag.d.machine->state().current()->commits.at(who).commit;
    PayloadNotice notice{commit.round, {commit.payload_hash, commit.payload_bytes, {}}};
    REQUIRE(actions_of<FetchBlob>(lag.d.step(PayloadNoticed{who, notice})).size() == 1);
    for (size_t i = 0; i < lag.others; ++i) {
        (void)lag.d.commit(i);
        (void)lag.d.payload(i);
    }
    const Instant began = lag.d.now;
    for (uint64_t sent = 0; (lag.d.now - began).ms < 4 * kGrace.ms;) {
        REQUIRE(lag.d.machine->phase() == RoundPhase::kUploading);
        lag.d.now = lag.d.now + DurationMs{1000};
        lag.sends(sent += 100000, (lag.d.now - began).ms);  // as fast as is taken for granted
        (void)lag.d.step(Tick{});
    }
}

// What it announces it does not have, or it connects anew: it is asked again, and that is no new
// time to answer.
TEST_CASE("a peer that announces its opening again and again has no more time than one that hangs",
          "[coordinator]") {
    Lagging lag(3);
    lag.others_open();
    const Instant began = lag.d.now;
    std::vector<FetchBlob> wanted = lag.announce();
    while (lag.d.machine->phase() == RoundPhase::kChallenging) {
        REQUIRE((lag.d.now - began).ms < 100 * kGrace.ms);
        const PeerId who = lag.d.peers[lag.others].id();
        for (const FetchBlob& fetch : wanted) {
            (void)lag.d.step(
                BlobFailed{who, fetch.round, fetch.purpose, fetch.blob.sha256, "it is not there"});
        }
        wanted = lag.announce();
        lag.d.now = std::min(lag.d.now + DurationMs{700}, *lag.d.machine->wake_at());
        (void)lag.d.step(Tick{});
    }
    CHECK((lag.d.now - began).ms == longest_silence(lag.d.rules.deadlines, 0).ms);
}

TEST_CASE("what a peer sends beyond what it announced buys it no time", "[coordinator]") {
    constexpr uint64_t kAnnounced = 1000;
    Lagging lag(3, 1 << 16, 100 * limits::kPieceBytes);
    lag.others_open();
    const Instant began = lag.d.now;
    uint64_t announced = 0;
    for (const FetchBlob& fetch : lag.announce(kAnnounced)) {
        announced += fetch.blob.size_bytes;
    }
    while (lag.d.machine->phase() == RoundPhase::kChallenging) {
        lag.d.now = std::min(lag.d.now + DurationMs{1000}, *lag.d.machine->wake_at());
        lag.sends(static_cast<uint64_t>((lag.d.now - began).ms) * 70, (lag.d.now - began).ms);
        (void)lag.d.step(Tick{});
    }
    CHECK((lag.d.now - began).ms == slowest_progress(lag.d.rules.deadlines, announced).ms);
}

TEST_CASE("after a restart in the challenge all have all of T_c again", "[coordinator]") {
    Lagging lag(3);
    lag.others_open();
    (void)lag.d.restart();
    CHECK(lag.wait_out(RoundPhase::kChallenging) >= kLong);
}

// Those whom a restart cut off try again every limits::kReconnectMsMax.
TEST_CASE("after a restart while peers train or send, all have time to come back",
          "[coordinator]") {
    const bool sending = GENERATE(false, true);
    Lagging lag(3);
    for (size_t i = 0; i < lag.others; ++i) {
        (void)lag.d.commit(i);
        (void)lag.d.payload(i);
    }
    if (sending) {
        (void)lag.d.commit(lag.others);
    }
    const RoundPhase phase = sending ? RoundPhase::kUploading : RoundPhase::kGathering;
    (void)lag.d.restart();
    REQUIRE(lag.d.machine->phase() == phase);
    for (size_t i = 0; i < lag.others; ++i) {
        (void)lag.d.hello(i);
    }
    const DurationMs waited = lag.wait_out(phase);
    CHECK(waited >= DurationMs{3 * limits::kReconnectMsMax});
    CHECK(waited < kLong);
}

TEST_CASE("how long a round trained counts from its plan, not from a restart", "[coordinator]") {
    constexpr DurationMs kTrained{100000};
    Lagging lag(3);
    lag.d.now = lag.d.now + kTrained;
    (void)lag.d.restart();
    lag.d.hello_all();
    lag.others_open();
    CHECK(lag.wait_out(RoundPhase::kChallenging).ms ==
          grace_after(lag.d.rules.deadlines, kTrained).ms);
}

}  // namespace assay
