// Copies of a ledger: the same, a beginning, and two histories that one coordinator has signed.

#include "ledger/ledger_compare.h"

#include <catch2/catch.hpp>

#include "tests/ledger/story.h"

namespace assay {
namespace {

struct Copy {
    explicit Copy(int64_t phi = 1000000)
        : ledger(Identity::from_seed(test_digest("coordinator"))), run(ledger, 3, short_pay()) {
        run.round();
        run.phi[0] = phi;  // what differs, from round 1 on
        run.round();
        run.round();
    }
    MemoryLedger ledger;
    TestRun run;
};

}  // namespace

TEST_CASE("Equal ledgers are the same, and a shorter one is a beginning") {
    const Copy a;
    Copy b;
    const auto same = compare_ledgers(a.ledger, b.ledger);
    REQUIRE(same.ok());
    CHECK(same->one_history());
    CHECK(same->common == a.ledger.height());
    CHECK(same->text().find("the same: ") == 0);
    b.run.round();
    const auto longer = compare_ledgers(a.ledger, b.ledger);
    REQUIRE(longer.ok());
    CHECK(longer->one_history());
    CHECK(longer->common == a.ledger.height());
    CHECK(longer->text().find("A is the beginning of B") == 0);
    CHECK(compare_ledgers(b.ledger, a.ledger)->text().find("B is the beginning of A") == 0);
    CHECK(longer->text().find(a.ledger.head().hex()) != std::string::npos);
}

TEST_CASE("Two histories part at their first differing record, with both signatures") {
    const Copy a;
    const Copy b(2000000);
    const auto found = compare_ledgers(a.ledger, b.ledger);
    REQUIRE(found.ok());
    REQUIRE(found->a);
    REQUIRE(found->b);
    CHECK(found->a->record.kind == RecordKind::kPayShare);
    CHECK(found->a->record.height == found->common);
    const std::vector<Record> records = all_records(a.ledger);
    const std::vector<Record> others = all_records(b.ledger);
    CHECK(records[found->common - 1].hash == others[found->common - 1].hash);
    CHECK(records[found->common].hash != others[found->common].hash);
    CHECK(found->proves_two_histories());
    const std::string text = found->text();
    CHECK(text.find("it has written two histories") != std::string::npos);
    for (const Record& record : {records[found->common], others[found->common]}) {
        CHECK(text.find(record.hash.hex()) != std::string::npos);
        CHECK(text.find(to_hex(record.signature).substr(64)) != std::string::npos);
    }
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        CHECK(end - begin <= 100);
        begin = end + 1;
    }
}

TEST_CASE("A record that its coordinator did not sign proves nothing against it") {
    const Copy a;
    Copy b(2000000);
    const uint64_t at = compare_ledgers(a.ledger, b.ledger)->common;
    SECTION("another signature") {
        b.ledger.stored()[at].signature[9] ^= 1;
    }
    SECTION("another content under the hash") {
        b.ledger.stored()[at].body.back() ^= 1;
    }
    const auto found = compare_ledgers(a.ledger, b.ledger);
    REQUIRE(found.ok());
    CHECK_FALSE(found->one_history());
    CHECK_FALSE(found->proves_two_histories());
    CHECK(found->text().find("NOT signed by") != std::string::npos);
}

TEST_CASE("Ledgers of two runs are told from two histories of one, and empty ones are refused") {
    const Copy a;
    const Identity other = Identity::from_seed(test_digest("coordinator"));
    MemoryLedger run_of_others(other);
    TestRun run(run_of_others, 2, PaySettings{});
    const auto found = compare_ledgers(a.ledger, run_of_others);
    REQUIRE(found.ok());
    CHECK(found->common == 0);
    CHECK_FALSE(found->proves_two_histories());
    CHECK(found->text().find("of two runs") != std::string::npos);
    const MemoryLedger empty(other);
    CHECK(compare_ledgers(a.ledger, empty).reason().find("B is empty") != std::string::npos);
}

}  // namespace assay
