// The offline check: a realistic ledger passes, and every kind of record with one bit flipped, or
// with a lie that is signed, is named.

#include <catch2/catch.hpp>
#include <set>

#include "tests/ledger/story.h"

namespace assay {
namespace {

void relink(MemoryLedger& ledger, uint64_t from, const Identity* signer) {
    std::vector<Record>& records = ledger.stored();
    for (uint64_t i = from; i < records.size(); ++i) {
        records[i].previous = i == 0 ? Digest{} : records[i - 1].hash;
        records[i].hash = record_hash(records[i]);
        if (signer != nullptr) {
            records[i].signature = signer->sign(records[i].hash.span());
        }
    }
}

// Height of the `nth` record of that kind.
uint64_t find_kind(const MemoryLedger& ledger, RecordKind kind, size_t nth = 0) {
    for (const Record& record : all_records(ledger)) {
        if (record.kind == kind && nth-- == 0) {
            return record.height;
        }
    }
    FAIL("no record of kind " << record_kind_name(kind));
    return 0;
}

}  // namespace

TEST_CASE("A realistic ledger verifies and holds every kind of record") {
    Story story;
    const VerifyReport report = verify_ledger(story.ledger, story.run.checks());
    INFO(report.text());
    REQUIRE(report.ok());
    REQUIRE(report.records == story.ledger.height());
    REQUIRE(report.rounds == 7);
    REQUIRE(report.not_checked.empty());
    REQUIRE(report.head == story.ledger.head());
    std::set<RecordKind> kinds;
    for (const Record& record : all_records(story.ledger)) {
        kinds.insert(record.kind);
    }
    REQUIRE(kinds.size() == kRecordKindMax);
    REQUIRE(check_books(report.books).ok());
    REQUIRE(report.books.handed_out() == 6 * int64_t{1000003});
    REQUIRE(report.books.fees_total() == 250);
    REQUIRE(report.complete());
    REQUIRE(report.checked.size() == ledger_rules().size());
}

TEST_CASE("The books of the story are as the rules say") {
    Story story;
    const auto& run = story.run;
    const PeerBook& cheat = run.book(3);
    REQUIRE(cheat.cheats == 1);
    REQUIRE(cheat.escrow.deposit() == 0);
    REQUIRE(cheat.escrow.vested() == 0);
    REQUIRE(cheat.escrow.forfeited() == cheat.escrow.earned());
    const PeerBook& honest = run.book(0);
    REQUIRE(honest.escrow.forfeited() == 0);
    REQUIRE(honest.state.tenure_rounds == 5);
    // Nobody audits peer 0: what was young at the end cannot vest, and neither can the deposit.
    REQUIRE(honest.escrow.deposit() > 0);
    const PeerBook& audited = run.book(1);
    REQUIRE(audited.escrow.vested() == audited.escrow.earned());
    REQUIRE(audited.escrow.unvested().empty());
    const PeerBook& faulty = run.book(2);
    REQUIRE(faulty.refusals == 0);  // it answered late
    REQUIRE(faulty.cheats == 1);
    REQUIRE(faulty.escrow.vested() == 0);
    REQUIRE(run.book(4).faults == 1);
    REQUIRE(run.book(4).escrow.deposit() > 0);  // a fault of form leaves it
}

TEST_CASE("One flipped bit in any record is found where it is", "[repeats]") {
    const Story story;
    for (int kind = 1; kind <= kRecordKindMax; ++kind) {
        const auto name = static_cast<RecordKind>(kind);
        const uint64_t height = find_kind(story.ledger, name);
        for (int field = 0; field < 6; ++field) {
            Story copy;
            Record& record = copy.ledger.stored()[height];
            switch (field) {
                case 0:
                    record.body[record.body.size() / 2] ^= 0x10;
                    break;
                case 1:
                    record.previous.bytes[5] ^= 1;
                    break;
                case 2:
                    record.hash.bytes[31] ^= 0x80;
                    break;
                case 3:
                    record.signature[40] ^= 2;
                    break;
                case 4:
                    record.round.value ^= 1;
                    break;
                default:
                    record.subject.key[3] ^= 4;
                    break;
            }
            const VerifyReport report = verify_ledger(copy.ledger, copy.run.checks());
            INFO(record_kind_name(name) << " field " << field << ": " << report.text());
            REQUIRE(report.bad);
            REQUIRE(report.bad->height == height);
            REQUIRE(report.bad->kind == name);
        }
    }
}

TEST_CASE("A flipped bit with the chain linked anew lacks the coordinator's signature",
          "[repeats]") {
    const Story story;
    for (int kind = 1; kind <= kRecordKindMax; ++kind) {
        const auto name = static_cast<RecordKind>(kind);
        const uint64_t height = find_kind(story.ledger, name);
        Story copy;
        Bytes& body = copy.ledger.stored()[height].body;
        body[body.size() / 2] ^= 0x10;
        relink(copy.ledger, height, nullptr);
        const VerifyReport report = verify_ledger(copy.ledger, copy.run.checks());
        INFO(record_kind_name(name) << ": " << report.text());
        REQUIRE(report.bad);
        REQUIRE(report.bad->height == height);
    }
}

namespace {

// Changes one stored record, signs everything again as a dishonest coordinator could, verifies.
VerifyReport forge(RecordKind kind, size_t nth, const std::function<void(Record&)>& change) {
    Story story;
    const uint64_t height = find_kind(story.ledger, kind, nth);
    change(story.ledger.stored()[height]);
    relink(story.ledger, height, &story.run.coordinator);
    return verify_ledger(story.ledger, story.run.checks());
}

template <typename Body>
std::function<void(Record&)> edit(const std::function<void(Body&)>& change) {
    return [change](Record& record) {
        Body body = *Body::decode(record.body);
        change(body);
        record.body = body.encode();
    };
}

template <typename M>
std::function<void(Record&)> edit_message(const std::function<void(M&)>& change) {
    return [change](Record& record) {
        M message = *decode_body<M>(record.body);
        change(message);
        record.body = encode_body(message);
    };
}

void require_bad(const VerifyReport& report, RecordKind kind, const std::string& words) {
    INFO(report.text());
    REQUIRE(report.bad);
    REQUIRE(report.bad->kind == kind);
    REQUIRE(report.bad->what.find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("A signed lie about money is found") {
    require_bad(forge(RecordKind::kSettlement, 1, edit<SettlementBody>([](SettlementBody& body) {
                          body.lines[0].amount += 1;
                          body.lines[1].amount -= 1;
                      })),
                RecordKind::kSettlement,
                "does not follow from the recorded shares");
    require_bad(forge(RecordKind::kPayShare, 0, edit<PayShareBody>([](PayShareBody& body) {
                          body.tokens *= 2;
                      })),
                RecordKind::kPayShare,
                "tokens");
    require_bad(forge(RecordKind::kPayShare, 0, edit<PayShareBody>([](PayShareBody& body) {
                          body.phi_nano_nats *= 2;
                      })),
                RecordKind::kSettlement,
                "does not follow");
    require_bad(forge(RecordKind::kVesting, 0, edit<VestingBody>([](VestingBody& body) {
                          body.amount += 1;
                      })),
                RecordKind::kVesting,
                "no unvested reward");
    require_bad(forge(RecordKind::kForfeit, 0, edit<ForfeitBody>([](ForfeitBody& body) {
                          body.deposit = 0;
                      })),
                RecordKind::kForfeit,
                "forfeits");
}

TEST_CASE("A signed lie about a round is found") {
    require_bad(forge(RecordKind::kPlan, 2, edit_message<RoundPlan>([](RoundPlan& plan) {
                          plan.base_root.bytes[0] ^= 1;
                      })),
                RecordKind::kPlan,
                "theta");
    require_bad(forge(RecordKind::kPlan, 1, edit_message<RoundPlan>([](RoundPlan& plan) {
                          plan.peers[0].sequences_per_step += 1;
                          plan.roster_root = roster_root(plan.peers);
                      })),
                RecordKind::kPlan,
                "roster");
    require_bad(forge(RecordKind::kPlan, 1, edit_message<RoundPlan>([](RoundPlan& plan) {
                          plan.peers[0].audit_ppm = 0;
                      })),
                RecordKind::kPlan,
                "audited at 0 ppm");
    require_bad(forge(RecordKind::kPlan, 1, edit_message<RoundPlan>([](RoundPlan& plan) {
                          plan.peers[0].m_root.bytes[0] ^= 1;
                      })),
                RecordKind::kPlan,
                "does not start from");
    require_bad(forge(RecordKind::kPlan, 1, edit_message<RoundPlan>([](RoundPlan& plan) {
                          plan.peers[0].tenure_rounds += 1;
                      })),
                RecordKind::kPlan,
                "tenure");
    require_bad(forge(RecordKind::kBeacon, 1, edit_message<Beacon>([](Beacon& beacon) {
                          beacon.chain_element.bytes[0] ^= 1;
                          beacon.value = beacon_value(beacon.chain_element, beacon.close_root);
                      })),
                RecordKind::kBeacon,
                "chain element");
    require_bad(forge(RecordKind::kClose, 0, edit<CloseBody>([](CloseBody& body) {
                          body.entries.pop_back();
                      })),
                RecordKind::kClose,
                "do not hold the COMMIT");
    require_bad(forge(RecordKind::kPayload, 0, edit<PayloadBody>([](PayloadBody& body) {
                          body.sha256.bytes[0] ^= 1;
                      })),
                RecordKind::kPayload,
                "the COMMIT names");
    require_bad(forge(RecordKind::kPayload, 1, edit<PayloadBody>([](PayloadBody& body) {
                          body.received_at = Instant{};
                      })),
                RecordKind::kPayload,
                "ms before a record below it");
    require_bad(forge(RecordKind::kPlan, 1, edit_message<RoundPlan>([](RoundPlan& plan) {
                          plan.opened_at = Instant{};
                          plan.commit_deadline = Instant{3000};
                          plan.payload_deadline = Instant{5000};
                      })),
                RecordKind::kPlan,
                "ms before a record below it");
    require_bad(forge(RecordKind::kRoster, 1, edit<RosterBody>([](RosterBody& body) {
                          body.lines.pop_back();
                      })),
                RecordKind::kSummary,
                "ledger's head");  // which is bound before the plan is
    require_bad(forge(RecordKind::kSummary, 2, edit_message<RoundSummary>([](RoundSummary& one) {
                          one.entries[2].outcome = CommitOutcome::kVoided;
                      })),
                RecordKind::kSummary,
                "voided");
    require_bad(forge(RecordKind::kAuditJob, 0, edit_message<AuditJob>([](AuditJob& job) {
                          job.leaf.g_root.bytes[0] ^= 1;
                      })),
                RecordKind::kAuditJob,
                "COMMIT binds");
}

TEST_CASE("A verdict must rest on what was recorded") {
    const auto ruling = [](Ruling to) {
        return [to](Record& record) {
            Verdict verdict = *decode_verdict(record.body);
            verdict.ruling = to;
            verdict.layer = to == Ruling::kGated ? Layer::kDirection : verdict.layer;
            record.body = encode_verdict(verdict);
        };
    };
    // Verdict 5 is the first audit's: the other way round than its reports.
    const Story story;
    size_t nth = 0;
    for (const Record& record : all_records(story.ledger)) {
        if (record.kind == RecordKind::kVerdict) {
            if (decode_verdict(record.body)->layer == Layer::kGradientAudit) {
                break;
            }
            ++nth;
        }
    }
    require_bad(forge(RecordKind::kVerdict, nth, ruling(Ruling::kRejected)),
                RecordKind::kVerdict,
                "no two reports on a step say so");
    require_bad(forge(RecordKind::kVerdict, 0, ruling(Ruling::kGated)),
                RecordKind::kPayShare,
                "not accepted");
}

// How a challenge was dealt with follows from the records, whatever the verdict says.
TEST_CASE("A signed lie about a challenge is found") {
    const auto cut_short = [](DebtBody& debt) { debt.until = Instant{41000}; };
    require_bad(forge(RecordKind::kDebt, 0, edit<DebtBody>(cut_short)),
                RecordKind::kDebt,
                "less than debt_seconds");
    const Story story;
    size_t nth = 0;  // the verdict that it was answered late
    for (const Record& record : all_records(story.ledger)) {
        if (record.kind == RecordKind::kVerdict) {
            const Verdict verdict = *decode_verdict(record.body);
            if (verdict.layer == Layer::kRefusal && verdict.ruling == Ruling::kAccepted) {
                break;
            }
            ++nth;
        }
    }
    const auto never = [](Record& record) {
        Verdict verdict = *decode_verdict(record.body);
        verdict.ruling = Ruling::kRejected;
        record.body = encode_verdict(verdict);
    };
    require_bad(forge(RecordKind::kVerdict, nth, never),
                RecordKind::kVerdict,
                "never to have been answered");
}

TEST_CASE("A challenge is not taken for unanswered before its time") {
    const auto run_of = [](bool early) {
        MemoryLedger ledger(Identity::from_seed(test_digest("coordinator")));
        PaySettings pay = short_pay();
        pay.debt_seconds = early ? 1000 : 5;
        TestRun run(ledger, 3, pay);
        run.round({{0, Conduct::kSilent}});
        run.answer(RoundId{0}, 0, false);
        run.round();
        return verify_ledger(ledger, run.checks());
    };
    CHECK(run_of(false).ok());
    require_bad(run_of(true), RecordKind::kPlan, "before its time");
}

TEST_CASE("Who was ejected, or expelled, is in no later roster; who was pardoned may be") {
    MemoryLedger ledger(Identity::from_seed(test_digest("coordinator")));
    TestRun run(ledger, 3, short_pay());
    run.round();
    const auto order = [&](OrderKind kind) {
        const Instant before_next{static_cast<int64_t>(run.next_round) * 10000 + 900};
        return make_draft(
            RecordKind::kOrder, RoundId{0}, run.id(0), OrderBody{before_next, kind, "why"});
    };
    run.write({order(OrderKind::kExpel)});
    CHECK(run.book(0).ejected);
    Books twice = run.books;
    CHECK_FALSE(apply(twice, order(OrderKind::kExpel)).ok());
    run.write({order(OrderKind::kPardon)});
    CHECK_FALSE(run.book(0).ejected);
    CHECK_FALSE(apply(run.books, order(OrderKind::kPardon)).ok());
    run.round();
    CHECK(verify_ledger(ledger, run.checks()).ok());
    run.write({order(OrderKind::kExpel)});
    run.roster_also = run.id(0);
    run.round();
    run.round();
    require_bad(verify_ledger(ledger, run.checks()), RecordKind::kRoster, "was ejected");
}

TEST_CASE("Who owes an answer for too long is in no roster") {
    MemoryLedger ledger(Identity::from_seed(test_digest("coordinator")));
    PaySettings pay = short_pay();
    pay.debt_rounds = 0;
    TestRun run(ledger, 3, pay);
    run.round({{0, Conduct::kSilent}});
    CHECK(verify_ledger(ledger, run.checks()).ok());
    run.round();
    require_bad(verify_ledger(ledger, run.checks()), RecordKind::kRoster, "owes an answer since");
}

TEST_CASE("Draws and the run itself are compared with what the caller knows") {
    Story story;
    LedgerChecks checks = story.run.checks();
    checks.terms->drawn_steps =
        [](const RoundPlan&, const PlanPeer&, const Digest&, const Digest&) {
            return std::vector<uint32_t>{2};
        };
    require_bad(verify_ledger(story.ledger, checks), RecordKind::kOpening, "the beacon drew");
    checks = story.run.checks();
    checks.coordinator = test_peer(9);
    require_bad(verify_ledger(story.ledger, checks), RecordKind::kRunStart, "coordinator");
    checks = story.run.checks();
    checks.manifest_digest = Digest{};
    require_bad(verify_ledger(story.ledger, checks), RecordKind::kRunStart, "manifest");
    checks = story.run.checks();
    checks.terms->pay = PaySettings{};
    require_bad(verify_ledger(story.ledger, checks), RecordKind::kRunStart, "pay");
    REQUIRE(manifest_digest(*ledger_manifest(story.ledger)) == manifest_digest(story.run.manifest));
}

TEST_CASE("A chain that is more unusual than the run's limits allow must be called suspicious") {
    MemoryLedger ledger(Identity::from_seed(test_digest("coordinator")));
    TestRun run(ledger, 5, short_pay());
    uint64_t said = 0;
    run.edit_verdict = [&](Verdict& verdict) {
        verdict.figures.energy_ppm = static_cast<uint32_t>(1500000 + 10000 * (said++ % 10));
        verdict.figures.cosine_ppm = 100000;
    };
    for (int round = 0; round < 8; ++round) {
        run.round();
    }
    const auto with = [&](uint32_t energy_ppm, bool suspicious) {
        run.edit_verdict = [=](Verdict& verdict) {
            verdict.figures.energy_ppm = energy_ppm;
            verdict.suspicious = suspicious;
        };
        run.round();
        return verify_ledger(ledger, run.checks());
    };
    REQUIRE(with(1900000, false).ok());
    REQUIRE(with(9000000, true).ok());
    require_bad(with(9000000, false), RecordKind::kVerdict, "beyond the run's limits");
}

TEST_CASE("A COMMIT that another key signed is found") {
    Story story;
    const uint64_t height = find_kind(story.ledger, RecordKind::kCommit);
    Record& record = story.ledger.stored()[height];
    const Envelope envelope = *unseal(record.body).value();
    const Commit commit = *decode_body<Commit>(envelope.body);
    record.body = seal(story.run.coordinator, commit);
    relink(story.ledger, height, &story.run.coordinator);
    const VerifyReport report = verify_ledger(story.ledger, story.run.checks());
    require_bad(report, RecordKind::kCommit, "signed by");
}

TEST_CASE("A record that is left out or doubled breaks the order, however it is signed",
          "[repeats]") {
    for (const RecordKind kind : {RecordKind::kRoster,
                                  RecordKind::kPlan,
                                  RecordKind::kCommit,
                                  RecordKind::kPayload,
                                  RecordKind::kClose,
                                  RecordKind::kBeacon,
                                  RecordKind::kOpening,
                                  RecordKind::kVerdict,
                                  RecordKind::kAuditJob,
                                  RecordKind::kAuditReport,
                                  RecordKind::kPayShare,
                                  RecordKind::kSettlement,
                                  RecordKind::kVesting,
                                  RecordKind::kForfeit,
                                  RecordKind::kSummary}) {
        for (const bool twice : {false, true}) {
            if (twice && (kind == RecordKind::kVerdict || kind == RecordKind::kAuditJob ||
                          kind == RecordKind::kAuditReport)) {
                continue;  // said twice, they change nothing
            }
            Story story;
            std::vector<Record>& records = story.ledger.stored();
            const uint64_t height = find_kind(story.ledger, kind);
            const auto at = records.begin() + static_cast<std::ptrdiff_t>(height);
            if (twice) {
                records.insert(at, Record(*at));
            } else {
                records.erase(at);
            }
            for (uint64_t i = height; i < records.size(); ++i) {
                records[i].height = i;
            }
            relink(story.ledger, height, &story.run.coordinator);
            const VerifyReport report = verify_ledger(story.ledger, story.run.checks());
            INFO(record_kind_name(kind) << (twice ? " twice: " : " left out: ") << report.text());
            REQUIRE(report.bad);
        }
    }
}

}  // namespace assay
