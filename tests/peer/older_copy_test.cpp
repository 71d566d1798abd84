// A peer that has run on, and a coordinator whose folder is an older copy: it says which signed
// heads it has seen, works on nothing whose draws are known, and goes on by itself.

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/peer/peer_fixture.h"

namespace assay {
namespace {

// A peer that stands in round 1, which it has committed to, behind a round that counted.
struct RunOn : Fixture {
    std::vector<PeerAction> last;

    RunOn() : Fixture(digest(9), true) {
        (void)machine.start(now);
        connect(RoundId{1});
        tell(plan(0, 9, 20));
        take(trained(plan(0, 9, 20)));
        RoundSummary summary;
        summary.round = RoundId{0};
        summary.theta_root = digest(10);
        summary.ledger_head = digest(21);
        summary.entries = {{self.id(), CommitOutcome::kCounted, ""}};
        tell(summary);
        take(AggregateApplied{RoundId{0}, digest(10)});
        tell(plan(1, 10, 22));
        take(trained(plan(1, 10, 22)));
        REQUIRE(machine.phase() == PeerPhase::kSubmitted);
    }
    void take(const PeerEvent& event) { last = machine.step(event, now); }
    void tell(const Message& message) { last = Fixture::tell(message); }
    void connect(RoundId next) {
        take(ChannelDown{"restart"});
        take(ChannelUp{});
        tell(Welcome{manifest, next, {}, {}});
    }
    RoundPlan plan(uint64_t round, uint8_t base, uint8_t head) {
        RoundPlan made = Fixture::plan(round, digest(base));
        made.ledger_head = digest(head);
        return made;
    }
    // What it noted in its last step.
    [[nodiscard]] std::string notes() const {
        std::string text;
        for (const PeerAction& action : last) {
            if (const auto* note = std::get_if<PeerNote>(&action)) {
                text += note->text + "\n";
            }
        }
        return text;
    }
    template <typename T>
    [[nodiscard]] size_t count() const {
        return static_cast<size_t>(std::count_if(last.begin(), last.end(), [](const PeerAction& a) {
            return std::holds_alternative<T>(a);
        }));
    }
};

}  // namespace

TEST_CASE("a coordinator behind the end of a round that it has signed is told so, once", "[peer]") {
    RunOn peer;
    peer.connect(RoundId{2});
    CHECK(peer.notes().empty());
    RunOn other;
    other.take(ChannelDown{"restart"});
    other.take(ChannelUp{});
    other.tell(Welcome{other.manifest, RoundId{0}, {}, {}});
    CHECK_THAT(other.notes(),
               Catch::Contains("older copy") && Catch::Contains("round 0") &&
                   Catch::Contains(digest(21).hex()));
    other.tell(Welcome{other.manifest, RoundId{0}, {}, {}});
    CHECK(other.notes().empty());
    other.tell(other.plan(0, 9, 30));
    CHECK(other.count<TrainRound>() == 0);
    other.tell(other.plan(2, 10, 31));  // behind all that it knows
    CHECK(other.count<TrainRound>() == 1);
}

TEST_CASE("a coordinator that goes back behind a beacon hears of it, over a restart too",
          "[peer]") {
    const auto next = GENERATE(1, 2, 3);  // behind round 0, 1, 2; the beacon of 1 is known
    CAPTURE(next);
    RunOn peer;
    CloseNotice notice;
    notice.close.round = RoundId{1};
    notice.close.entries_root = digest(40);
    const Beacon known = peer.beacon(notice);
    peer.tell(known);
    const std::vector<KeepHead> kept = all_of<KeepHead>(peer.last);
    REQUIRE(kept.size() == 1);
    peer.tell(known);
    CHECK(all_of<KeepHead>(peer.last).empty());  // said again
    peer.connect(RoundId{static_cast<uint64_t>(next)});
    const std::vector<Beacon> shown = said<Beacon>(peer.last);
    REQUIRE(shown.size() == (next < 3 ? 1 : 0));
    CHECK((shown.empty() || shown[0].chain_element == known.chain_element));
    peer.tell(Welcome{peer.manifest, RoundId{1}, {}, {}});
    CHECK(said<Beacon>(peer.last).size() == (next < 3 ? 0 : 1));  // once a connection

    PeerResume resume;
    resume.manifest = peer.manifest;
    resume.beacon = kept[0].envelope;
    PeerMachine again(peer.self.id(), peer.coordinator.id(), Hello{}, PeerRules{}, resume);
    (void)again.start(peer.now);
    (void)again.step(ChannelUp{}, peer.now);
    const Message welcome = Welcome{peer.manifest, RoundId{1}, {}, {}};
    const auto actions =
        again.step(MessageArrived{welcome, make_envelope(peer.coordinator, welcome)}, peer.now);
    CHECK(said<Beacon>(actions).size() == 1);
}

TEST_CASE("a second plan of a round is told with both heads, and worked on if nothing is drawn",
          "[peer]") {
    RunOn peer;
    const bool drawn = GENERATE(false, true);
    if (drawn) {
        CloseNotice notice;
        notice.close.round = RoundId{1};
        notice.close.entries_root = digest(40);
        peer.tell(peer.beacon(notice));
    }
    peer.connect(RoundId{2});
    peer.tell(peer.plan(1, 10, 22));
    CHECK(peer.notes().empty());
    peer.tell(peer.plan(1, 10, 33));
    CHECK_THAT(peer.notes(),
               Catch::Contains(digest(22).hex()) && Catch::Contains(digest(33).hex()) &&
                   Catch::Contains("older copy"));
    CHECK(peer.count<TrainRound>() == (drawn ? 0 : 1));
    // What was committed to the first plan is not said again.
    peer.take(ChannelDown{"restart"});
    peer.take(ChannelUp{});
    peer.now = peer.now + DurationMs{60000};
    peer.take(PeerTick{});
    CHECK(peer.count<SaySealed>() == 0);
    peer.tell(peer.plan(2, 10, 34));
    CHECK(peer.count<TrainRound>() == 1);
}

}  // namespace assay
