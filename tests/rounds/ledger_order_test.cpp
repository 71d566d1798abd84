// A ledger that its coordinator's key has signed, and whose records stand in a wrong order: a
// restart refuses it in words, or goes on from it; it never stops at an assertion.

#include <algorithm>
#include <catch2/catch.hpp>

#include "rounds/missed_steps.h"
#include "rounds/recollect.h"
#include "tests/rounds/machine_driver.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

// Rounds with audits, one of which fails, and what a machine records of them.
std::vector<Record> some_records() {
    MachineDriver d(3, 8);
    d.begin();
    for (int round = 0; round < 3; ++round) {
        RoundJudged judged = d.judged(d.run_to_judging());
        judged.audits = {d.job(0), d.job(1)};
        (void)d.step(judged);
        (void)d.report(judged.audits[0], true, 1);
        if (round == 1) {
            (void)d.report(judged.audits[1], false, 1);
            (void)d.report(judged.audits[1], false, 2);
            break;
        }
    }
    return d.records();
}

// The same with a chain and signatures that fit the new order.
std::vector<Record> sealed_again(const MachineDriver& d, const std::vector<Record>& records) {
    MemoryLedger ledger(d.coordinator);
    for (const Record& record : records) {
        REQUIRE(ledger.append({{record.kind, record.round, record.subject, record.body}}).ok());
    }
    return *ledger.read(0, ledger.height());
}

// Why a machine does not start from these records; empty if it does.
std::string refusal(MachineDriver& d, const std::vector<Record>& records) {
    Result<RoundMachine> machine = RoundMachine::restore(
        records, d.manifest, d.rules, [&d](uint64_t index) { return d.beacons.element(index); });
    if (!machine) {
        return machine.reason();
    }
    (void)recollect(machine->state(), d.rules.verify);
    // As a coordinator that has lost its newest snapshots takes the steps of the ledger again.
    for (const auto& [id, round] : machine->state().rounds()) {
        (void)steps_since(machine->state(), round.plan.base_root);
    }
    (void)machine->start(d.now);
    return "";
}

}  // namespace

TEST_CASE("records in a wrong order are refused in words, whatever the order", "[coordinator]") {
    MachineDriver d(3, 8);
    const std::vector<Record> records = some_records();
    REQUIRE(refusal(d, sealed_again(d, records)).empty());
    size_t refused = 0;
    const auto try_it = [&](const std::string& what, const std::vector<Record>& order) {
        INFO(what);
        CHECK(fired_check([&] { (void)refusal(d, sealed_again(d, order)); }).empty());
        const Result<RoundMachine> machine =
            RoundMachine::restore(sealed_again(d, order), d.manifest, d.rules, [&](uint64_t index) {
                return d.beacons.element(index);
            });
        refused += machine ? 0 : 1;
        CHECK((machine || machine.reason().find("ledger record ") != std::string::npos));
    };
    for (size_t at = 0; at < records.size(); ++at) {
        const std::string where =
            std::to_string(at) + " (" + record_kind_name(records[at].kind) + ")";
        std::vector<Record> order = records;
        order.erase(order.begin() + static_cast<std::ptrdiff_t>(at));
        try_it("without " + where, order);
        order = records;
        order.insert(order.begin() + static_cast<std::ptrdiff_t>(at), records[at]);
        try_it("twice " + where, order);
        order = records;
        std::rotate(order.begin() + static_cast<std::ptrdiff_t>(at / 2),
                    order.begin() + static_cast<std::ptrdiff_t>(at),
                    order.begin() + static_cast<std::ptrdiff_t>(at) + 1);
        try_it("earlier " + where, order);
    }
    CHECK(refused > records.size());
}

}  // namespace assay
