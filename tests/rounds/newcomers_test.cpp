// Whoever only says that it is there: what it may cost the others, and that it fills no table.

#include "rounds/newcomers.h"

#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

namespace {

constexpr Instant kStart{1000000};

PeerId name(uint32_t number) {
    PeerId id;
    id.key[0] = static_cast<uint8_t>(number);
    id.key[1] = static_cast<uint8_t>(number >> 8U);
    id.key[2] = 1;
    return id;
}

Hello stranger_hello(const MachineDriver& d, uint64_t speed = 1) {
    Hello hello;
    hello.protocol_version = 1;
    hello.manifest_digest = d.machine->manifest_hash();
    hello.numeric_class = NumericClass::kExact;
    hello.tokens_per_second = speed;
    return hello;
}

// Two honest peers and three who say Hello and nothing else.
struct Idlers {
    MachineDriver d{2, 18};

    Idlers() {
        d.rules.deadlines.grace = DurationMs{5000};
        d.rules.deadlines.commit_floor = DurationMs{2000};
        d.rules.deadlines.default_tokens_per_second = 1;  // the default's time: 48 s
        d.begin();
        (void)d.run_round();
        come();
    }

    void come() {
        for (uint32_t i = 0; i < 3; ++i) {
            (void)d.step(PeerHello{name(i), stranger_hello(d)});
        }
    }

    // The honest two do all of a round. How long it took from its plan on.
    DurationMs round() {
        const Instant opened = d.plan().opened_at;
        d.send_all();
        while (d.machine->phase() != RoundPhase::kChallenging) {
            REQUIRE(d.machine->wake_at());
            d.now = std::max(d.now, *d.machine->wake_at());
            (void)d.step(Tick{});
        }
        std::vector<Action> last;
        for (size_t i = 0; i < d.peers.size(); ++i) {
            last = d.opening(i);
        }
        const std::vector<JudgeRound> orders = actions_of<JudgeRound>(last);
        REQUIRE(orders.size() == 1);
        (void)d.step(d.judged(orders.front()));
        return d.now - opened;
    }
};

}  // namespace

TEST_CASE("members who never commit cost a round its grace, and soon nothing", "[coordinator]") {
    Idlers idle;
    size_t longest_roster = 0;
    size_t undisturbed = 0;
    for (int i = 0; i < 8; ++i) {
        const RoundPlan plan = idle.d.plan();
        longest_roster = std::max(longest_roster, plan.peers.size());
        // What they claim sizes nobody's batch and no deadline.
        CHECK((plan.commit_deadline - plan.opened_at).ms <= 2 * 16 * 1000 * 3 / 2 + 5001);
        for (const PlanPeer& peer : plan.peers) {
            CHECK(peer.sequences_per_step == 2);
        }
        undisturbed += plan.peers.size() == 2 ? 1 : 0;
        const DurationMs took = idle.round();
        CHECK(took.ms <= (plan.peers.size() == 2 ? 0 : 5000));
        for (uint32_t name_of = 0; name_of < 3; ++name_of) {
            (void)idle.d.step(PeerGone{name(name_of)});
        }
        idle.come();  // those who were sent away, or went, come again
    }
    CHECK(longest_roster == 5);
    CHECK(undisturbed >= 4);
    CHECK(idle.d.machine->state().members().size() == 2);
}

TEST_CASE("a member that stops committing leaves the roster, for longer each time",
          "[coordinator]") {
    MachineDriver d(3, 19);
    d.rules.peers_min = 2;
    d.rules.peers_start = 3;
    d.rules.deadlines.grace = DurationMs{5000};
    d.remake();
    d.begin();
    (void)d.run_round();
    const PeerId lazy = d.peers[2].id();
    std::vector<bool> in_roster;
    for (int i = 0; i < 16; ++i) {
        in_roster.push_back(find_peer(d.plan(), lazy) != nullptr);
        for (size_t peer = 0; peer < 2; ++peer) {
            (void)d.commit(peer);
            (void)d.payload(peer);
        }
        while (d.machine->phase() != RoundPhase::kChallenging) {
            REQUIRE(d.machine->wake_at());
            d.now = std::max(d.now, *d.machine->wake_at());
            (void)d.step(Tick{});
        }
        (void)d.opening(0);
        const std::vector<JudgeRound> orders = actions_of<JudgeRound>(d.opening(1));
        REQUIRE(orders.size() == 1);
        (void)d.step(d.judged(orders.front()));
    }
    // Rounds 1 to 16: three misses and the next roster, which was drawn up before; pauses of four
    // rounds and then of eight.
    const std::vector<bool> expected{true,
                                     true,
                                     true,
                                     true,
                                     false,
                                     false,
                                     false,
                                     false,
                                     true,
                                     true,
                                     false,
                                     false,
                                     false,
                                     false,
                                     false,
                                     false};
    CHECK(in_roster == expected);
    CHECK(d.machine->is_connected(lazy));
}

TEST_CASE("a name becomes durable with its first COMMIT", "[coordinator]") {
    MachineDriver d;
    d.begin();
    for (uint32_t i = 0; i < 200; ++i) {
        (void)d.step(PeerHello{name(i), stranger_hello(d)});
    }
    CHECK(d.machine->state().members().empty());
    const uint64_t height = d.ledger->height();
    (void)d.commit(0);
    CHECK(d.kinds_from(height) == std::vector<RecordKind>{RecordKind::kJoin, RecordKind::kCommit});
    CHECK(d.machine->state().members().size() == 1);
    (void)d.restart();
    CHECK(d.machine->state().members().size() == 1);
    (void)d.hello(1);
    (void)d.commit(1);  // a newcomer's place outlives the process: the plan has it
    CHECK(d.machine->state().members().size() == 2);
    Commit elsewhere = d.commit_of(0);
    const Identity other = Identity::from_seed(MachineDriver::digest(250));
    const std::vector<Action> refusal =
        d.step(CommitArrived{other.id(), elsewhere, make_envelope(other, elsewhere)});
    CHECK(refused(refusal) == RefusalCode::kNotInRoster);
    CHECK(d.machine->state().members().size() == 2);
}

TEST_CASE("where everybody may come, so many come from one address in a minute", "[coordinator]") {
    MachineDriver d;
    d.rules.newcomers_per_minute = 4;
    d.rules.newcomers_max = 2;
    d.remake();
    (void)d.start();
    size_t welcomed = 0;
    for (uint32_t i = 0; i < 10; ++i) {
        const auto actions = d.step(PeerHello{name(i), stranger_hello(d), "192.0.2.1"});
        welcomed += sent<Welcome>(actions).size();
        if (sent<Welcome>(actions).empty()) {
            CHECK(refused(actions) == RefusalCode::kNotInRoster);
            CHECK(sent<Refusal>(actions)[0].reason.find("192.0.2.1") != std::string::npos);
            CHECK(actions_of<CloseConnection>(actions).size() == 1);
        }
    }
    CHECK(welcomed == 4);
    CHECK(sent<Welcome>(d.step(PeerHello{name(11), stranger_hello(d), "192.0.2.2"})).size() == 1);
    d.now = d.now + DurationMs{60000};
    CHECK(sent<Welcome>(d.step(PeerHello{name(12), stranger_hello(d), "192.0.2.1"})).size() == 1);
}

TEST_CASE("once a run has peers whose work counted, a roster takes in so many new names",
          "[coordinator]") {
    MachineDriver d;
    d.rules.newcomers_per_minute = 1000;
    d.rules.newcomers_max = 2;
    d.remake();
    d.begin();
    for (uint32_t i = 0; i < 50; ++i) {
        (void)d.step(PeerHello{name(i), stranger_hello(d)});
    }
    (void)d.run_round();
    CHECK(d.plan().peers.size() == 4);
}

TEST_CASE("who kept a round waiting goes behind those who did not", "[coordinator]") {
    Newcomers newcomers(0);
    for (uint32_t i = 0; i < 3; ++i) {
        REQUIRE(newcomers.admit(name(i), "", kStart).ok());
    }
    CHECK_FALSE(newcomers.missed(name(0), kStart));
    CHECK(newcomers.in_order() == std::vector<PeerId>{name(1), name(2), name(0)});
    CHECK(newcomers.missed(name(0), kStart));
    CHECK_FALSE(newcomers.missed(name(9), kStart));
    newcomers.left(name(1));
    CHECK(newcomers.in_order() == std::vector<PeerId>{name(2), name(0)});
}

TEST_CASE("who kept rounds waiting comes again later each time, and is new once it has committed",
          "[coordinator]") {
    Newcomers newcomers(0);
    const auto at = [](int64_t seconds) { return kStart + DurationMs{seconds * 1000}; };
    REQUIRE(newcomers.admit(name(0), "", at(0)).ok());
    CHECK_FALSE(newcomers.missed(name(0), at(0)));
    newcomers.left(name(0));
    REQUIRE(newcomers.admit(name(0), "", at(1)).ok());
    CHECK(newcomers.missed(name(0), at(1)));  // gone in between or not
    newcomers.left(name(0));
    const Status early = newcomers.admit(name(0), "", at(50));
    REQUIRE_FALSE(early.ok());
    CHECK_THAT(early.reason(), Catch::Contains("did not commit; try again in 12 s"));
    REQUIRE(newcomers.admit(name(0), "", at(61)).ok());
    CHECK(newcomers.missed(name(0), at(61)));
    newcomers.left(name(0));
    CHECK_FALSE(newcomers.admit(name(0), "", at(180)).ok());
    REQUIRE(newcomers.admit(name(0), "", at(181)).ok());
    newcomers.joined(name(0));
    REQUIRE(newcomers.admit(name(0), "", at(182)).ok());
    CHECK_FALSE(newcomers.missed(name(0), at(182)));
}

TEST_CASE("of so many that kept rounds waiting, the oldest are forgotten", "[coordinator]") {
    Newcomers newcomers(0);
    for (uint32_t i = 0; i <= Newcomers::kMost; ++i) {
        REQUIRE(newcomers.admit(name(i), "", kStart).ok());
        CHECK_FALSE(newcomers.missed(name(i), kStart));
        CHECK(newcomers.missed(name(i), kStart + DurationMs{i}));
        newcomers.left(name(i));
    }
    CHECK(newcomers.admit(name(0), "", kStart).ok());
    CHECK_FALSE(newcomers.admit(name(1), "", kStart).ok());
}

TEST_CASE("so many newcomers wait, and a thousand addresses fill no list", "[coordinator]") {
    Newcomers open(1);
    size_t waiting = 0;
    for (uint32_t i = 0; i < 1000; ++i) {
        waiting += open.admit(name(i), "site " + std::to_string(i), kStart).ok() ? 1 : 0;
    }
    CHECK(waiting == Newcomers::kMostOpen);
    Newcomers sites(1);
    for (uint32_t i = 0; i < 10000; ++i) {
        (void)sites.admit(name(i), "site " + std::to_string(i), kStart);
        sites.left(name(i));
    }
    CHECK_FALSE(sites.admit(name(1), "one more", kStart).ok());
    CHECK(sites.admit(name(1), "one more", kStart + DurationMs{60000}).ok());
}

}  // namespace assay
