// RoundMachine: what a new key pays before it may wait for a place, and what a flood of keys that
// pay nothing changes.

#include "protocol/entry_work.h"

#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

namespace {

constexpr uint32_t kEntryBits = 10;

PeerId stranger_key(uint32_t number) {
    PeerId id;
    id.key[0] = static_cast<uint8_t>(number);
    id.key[1] = static_cast<uint8_t>(number >> 8U);
    id.key[2] = 3;
    return id;
}

// A run of everybody's that asks for entry work, with two members.
struct PaidEntry {
    MachineDriver d{2, 12};

    PaidEntry() {
        d.rules.entry_work_bits = kEntryBits;
        d.rules.newcomers_per_minute = 2;
        d.rules.newcomers_max = 4;
        d.remake();
        (void)d.start();
        for (const HandPeer& peer : d.peers) {
            (void)d.step(PeerHello{peer.id(), hello_of(paid(peer.id())), "home"});
        }
        (void)d.run_round();
    }

    [[nodiscard]] uint64_t paid(const PeerId& peer) const {
        return find_entry_nonce(
                   d.machine->manifest_hash(), peer, kEntryBits, [](uint64_t) { return true; })
            .value();
    }
    // Another nonce, which is not enough.
    [[nodiscard]] uint64_t unpaid(const PeerId& peer) const {
        uint64_t nonce = 1;
        while (is_entry_work(d.machine->manifest_hash(), peer, nonce, kEntryBits)) {
            ++nonce;
        }
        return nonce;
    }
    [[nodiscard]] Hello hello_of(uint64_t nonce) const {
        Hello hello;
        hello.protocol_version = 1;
        hello.manifest_digest = d.machine->manifest_hash();
        hello.numeric_class = NumericClass::kExact;
        hello.entry_nonce = nonce;
        return hello;
    }
    std::vector<Action> come(const PeerId& peer, uint64_t nonce, const char* site = "away") {
        return d.step(PeerHello{peer, hello_of(nonce), site});
    }
};

void check_refused(const std::vector<Action>& actions) {
    REQUIRE(refused(actions) == RefusalCode::kEntryWork);
    CHECK(sent<Refusal>(actions)[0].reason.find("rounds.entry_work_bits = 10") !=
          std::string::npos);
    CHECK(actions_of<CloseConnection>(actions).size() == 1);
    CHECK(sent<Welcome>(actions).empty());
}

}  // namespace

TEST_CASE("a new key without entry work is refused, and with it waits for a place",
          "[coordinator]") {
    PaidEntry entry;
    const PeerId peer = stranger_key(1);
    check_refused(entry.come(peer, 0));
    check_refused(entry.come(peer, entry.unpaid(peer)));
    check_refused(entry.come(peer, entry.unpaid(stranger_key(2))));
    CHECK_FALSE(entry.d.machine->is_connected(peer));
    CHECK(sent<Welcome>(entry.come(peer, entry.paid(peer))).size() == 1);
    CHECK(entry.d.machine->is_connected(peer));
}

// 1,024 keys once filled the table of members for ever, and the honest newcomer was refused.
TEST_CASE("a flood of keys that pay nothing takes no place, no record and nobody's turn",
          "[coordinator]") {
    PaidEntry entry;
    for (const bool restarted : {false, true}) {
        if (restarted) {
            (void)entry.d.restart();
            entry.d.hello_all();
        }
        const uint64_t height = entry.d.ledger->height();
        for (uint32_t i = 0; i < 1100; ++i) {
            const PeerId peer = stranger_key(i);
            check_refused(entry.come(peer, entry.unpaid(peer)));
        }
        CHECK(entry.d.ledger->height() == height);
        CHECK(entry.d.machine->connected().size() == 2);
        (void)entry.d.run_round();
        CHECK(entry.d.plan().peers.size() == 2);
        // From the flood's own address: what was refused has used up none of its share.
        const PeerId honest = stranger_key(restarted ? 5001 : 5000);
        CHECK(sent<Welcome>(entry.come(honest, entry.paid(honest))).size() == 1);
        CHECK(entry.d.machine->is_connected(honest));
        (void)entry.d.step(PeerGone{honest});
    }
}

TEST_CASE("a member pays once: its JOIN holds the nonce, and nobody asks again", "[coordinator]") {
    PaidEntry entry;
    size_t joins = 0;
    for (const Record& record : entry.d.records()) {
        if (record.kind == RecordKind::kJoin) {
            const JoinBody join = JoinBody::decode(record.body).value();
            CHECK(join.entry_nonce == entry.paid(record.subject));
            ++joins;
        }
    }
    CHECK(joins == entry.d.peers.size());
    (void)entry.d.restart();
    CHECK(sent<Welcome>(entry.d.hello(0)).size() == 1);
}

// Its place is durable and its Hello is not: a COMMIT alone shows nothing that could be recorded.
TEST_CASE("a first COMMIT behind a restart needs a Hello in front of it", "[coordinator]") {
    MachineDriver d{2, 12};
    d.rules.entry_work_bits = 1;
    d.remake();
    (void)d.start();
    for (const HandPeer& peer : d.peers) {
        Hello hello;
        hello.protocol_version = 1;
        hello.manifest_digest = d.machine->manifest_hash();
        hello.numeric_class = NumericClass::kExact;
        hello.entry_nonce =
            find_entry_nonce(d.machine->manifest_hash(), peer.id(), 1, [](uint64_t) {
                return true;
            }).value();
        (void)d.step(PeerHello{peer.id(), hello});
    }
    const Commit commit = d.commit_of(0);
    (void)d.restart();
    CHECK(refused(d.commit(0, commit)) == RefusalCode::kNotInRoster);  // it says both again
    CHECK(d.machine->state().members().empty());
}

}  // namespace assay
