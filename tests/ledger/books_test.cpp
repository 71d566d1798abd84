// The books, record by record: what they refuse, and that they always add up.

#include "ledger/books.h"

#include <catch2/catch.hpp>

#include "ledger/audit_tally.h"
#include "ledger/consequences.h"
#include "tests/ledger/story.h"

namespace assay {
namespace {

struct Fixture {
    explicit Fixture(size_t peers = 3, PaySettings pay = short_pay())
        : ledger(Identity::from_seed(test_digest("coordinator"))), run(ledger, peers, pay) {}

    [[nodiscard]] std::string refused(const RecordDraft& draft) const {
        Books copy = run.books;
        const Status status = apply(copy, draft);
        return status.ok() ? std::string() : status.reason();
    }
    [[nodiscard]] RecordDraft vesting(uint64_t round,
                                      size_t peer,
                                      int64_t amount,
                                      VestingSource source = VestingSource::kReward) const {
        return make_draft(
            RecordKind::kVesting, RoundId{round}, run.id(peer), VestingBody{source, amount});
    }
    [[nodiscard]] RecordDraft verdict(uint64_t round,
                                      size_t peer,
                                      Ruling ruling,
                                      Layer layer) const {
        Verdict one;
        one.round = RoundId{round};
        one.peer = run.id(peer);
        one.ruling = ruling;
        one.layer = layer;
        one.reason = "because";
        return {RecordKind::kVerdict, one.round, one.peer, encode_verdict(one)};
    }

    MemoryLedger ledger;
    TestRun run;
};

// Each open challenge, late or never.
void answer_all(TestRun& run, CounterRng& rng) {
    for (size_t peer = 0; peer < run.peers.size(); ++peer) {
        std::vector<RoundId> owed;
        for (const auto& [round, booked] : run.book(peer).commits) {
            if (booked.owed) {
                owed.push_back(round);
            }
        }
        for (const RoundId round : owed) {
            if (run.books.find(round, run.id(peer))->owed) {  // or lost with another
                run.answer(round, peer, rng.below(3) > 0);
            }
        }
    }
}

bool says(const std::string& text, const std::string& words) {
    INFO(text);
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("A reward vests once, not early, and not before its audit") {
    Fixture f;
    f.run.round({{1, Conduct::kAudited}});
    f.run.round({{1, Conduct::kAudited}});
    f.run.round({{1, Conduct::kAudited}});
    const int64_t reward = f.run.book(0).escrow.unvested().at(RoundId{1});
    REQUIRE(says(f.refused(f.vesting(1, 0, reward)), "may not vest yet"));
    REQUIRE(says(f.refused(f.vesting(0, 0, reward)), "no unvested reward"));  // the deposit's
    REQUIRE(says(f.refused(f.vesting(0, 0, reward, VestingSource::kDeposit)), "run's end"));
    f.run.round({{1, Conduct::kAudited}});
    REQUIRE(f.run.book(0).escrow.vested() == reward);
    REQUIRE(says(f.refused(f.vesting(1, 0, reward)), "no unvested reward"));
    // Peer 1 waits for its verdict on round 1.
    REQUIRE(f.run.book(1).escrow.vested() == 0);
    const int64_t waiting = f.run.book(1).escrow.unvested().at(RoundId{1});
    REQUIRE(says(f.refused(f.vesting(1, 1, waiting)), "may not vest yet"));
    f.run.audit(RoundId{1}, 1, true);
    REQUIRE(f.refused(f.vesting(1, 1, waiting)).empty());
    REQUIRE(says(f.refused(f.vesting(1, 1, waiting + 1)), "no unvested reward"));
    REQUIRE(check_books(f.run.books).ok());
}

TEST_CASE("Suspicion raises later audit rates and holds no reward back") {
    PaySettings pay = short_pay();
    pay.audit_min_ppm = 1000;
    Fixture f(3, pay);
    for (int round = 0; round < 3; ++round) {
        f.run.round();
    }
    f.run.edit_verdict = [&](Verdict& verdict) {
        verdict.suspicious = verdict.peer == f.run.id(0);
    };
    f.run.round();  // round 3: nobody is audited in it
    f.run.edit_verdict = nullptr;
    REQUIRE(f.run.book(0).suspected == RoundId{3});
    REQUIRE_FALSE(f.run.book(0).awaits_audit());
    const auto rate = [&](size_t peer, uint64_t round) {
        return f.run.books.audit_rate(f.run.id(peer), RoundId{round}, 64, 256);
    };
    REQUIRE(rate(0, 4) == kPpm);
    REQUIRE(rate(0, 3 + kSuspicionRounds) == kPpm);
    REQUIRE(rate(0, 4 + kSuspicionRounds) < kPpm);
    REQUIRE(rate(1, 4) < kPpm);
    REQUIRE(f.run.books.priced_rate(f.run.id(0), RoundId{4}, 64, 256) < kPpm);
    const int64_t reward = f.run.book(0).escrow.unvested().at(RoundId{3});
    const int64_t vested = f.run.book(0).escrow.vested();
    f.run.round();
    f.run.round();  // round 3 has vested with these
    REQUIRE(f.run.book(0).escrow.unvested().count(RoundId{3}) == 0);
    REQUIRE(f.run.book(0).escrow.vested() >= vested + reward);
    const Result<AuditTally> tally = tally_audits(f.ledger);
    REQUIRE(tally.ok());
    REQUIRE(tally->verdicts() == 18);
    REQUIRE(tally->suspicious() == 1);
    REQUIRE(tally->rate() > tally->rate_without_suspicion());
}

TEST_CASE("A late rejection forfeits all that is unvested, and nothing else is settled before") {
    Fixture f;
    for (int round = 0; round < 4; ++round) {
        f.run.round({{1, Conduct::kAudited}});
        if (round == 1) {
            f.run.audit(RoundId{1}, 1, true);
        }
    }
    const Escrow before = f.run.book(1).escrow;
    REQUIRE(before.vested() > 0);
    f.run.audit(RoundId{2}, 1, false);
    const PeerBook& book = f.run.book(1);
    REQUIRE(book.escrow.vested() == before.vested());
    REQUIRE(book.escrow.unvested_total() == 0);
    REQUIRE(book.escrow.deposit() == 0);
    REQUIRE(book.escrow.forfeited() == before.unvested_total() + before.deposit());
    REQUIRE(book.state.tenure_rounds == 0);
    REQUIRE(f.run.books.start_of(f.run.id(1), RoundId{4}).m_root == f.run.books.zero_root());
    REQUIRE(
        says(f.refused(f.verdict(2, 1, Ruling::kRejected, Layer::kChunkChain)), "rejected before"));
    REQUIRE(f.run.books.owed_forfeits().empty());
    f.run.audit(RoundId{0}, 1, true);
    const RecordDraft end =
        make_draft(RecordKind::kRunEnd, RoundId{3}, PeerId{}, RunEndBody{Instant{1}, "x"});
    REQUIRE(says(f.refused(end), "awaits the verdict of an audit of round 3, and the run ends"));
    f.run.audit(RoundId{3}, 1, true);
    // A rejection whose forfeit is missing blocks what would follow.
    Books owing = f.run.books;
    REQUIRE(apply(owing, f.verdict(3, 0, Ruling::kRejected, Layer::kGradientAudit)).ok());
    REQUIRE(owing.owed_forfeits().size() == 1);
    REQUIRE(says(apply(owing, end).reason(), "forfeit"));
    RecordDraft forfeit = owing.owed_forfeits()[0];
    ForfeitBody body = ForfeitBody::decode(forfeit.body).value();
    body.unvested -= 1;
    REQUIRE(
        says(apply(owing, make_draft(forfeit.kind, forfeit.round, forfeit.subject, body)).reason(),
             "forfeits"));
    REQUIRE(apply(owing, forfeit).ok());
    REQUIRE_FALSE(apply(owing, forfeit).ok());
    REQUIRE(apply(owing, end).ok());
    REQUIRE(check_books(owing).ok());
}

TEST_CASE("An open challenge stops what vests; answered late it costs its round's pay alone") {
    Fixture f;
    for (int round = 0; round < 3; ++round) {
        f.run.round();
    }
    f.run.round({{0, Conduct::kSilent}});
    const Escrow before = f.run.book(0).escrow;
    REQUIRE(f.run.book(0).owes());
    REQUIRE(before.forfeited() == 0);
    f.run.round();
    // Earned, and not vested; audited with certainty meanwhile.
    REQUIRE(f.run.book(0).escrow.vested() == before.vested());
    REQUIRE(f.run.book(0).escrow.earned() > before.earned());
    REQUIRE(f.run.book(1).escrow.vested() > before.vested());
    REQUIRE(f.run.books.audit_rate(f.run.id(0), RoundId{5}, 1, 2) == kPpm);
    const RecordDraft end =
        make_draft(RecordKind::kRunEnd, RoundId{4}, PeerId{}, RunEndBody{Instant{1}, "x"});
    REQUIRE(says(f.refused(end), "is open"));
    f.run.answer(RoundId{3}, 0, true);
    REQUIRE_FALSE(f.run.book(0).owes());
    REQUIRE(
        says(f.refused(f.run.challenge_verdict(RoundId{3}, 0, Ruling::kAccepted)), "owes nothing"));
    f.run.round();
    REQUIRE(f.run.book(0).escrow.vested() > before.vested());
    REQUIRE(f.run.book(0).escrow.forfeited() == 0);
    REQUIRE(f.run.book(0).state.tenure_rounds == 5);
    REQUIRE(check_books(f.run.books).ok());
}

TEST_CASE("A challenge that is never answered takes what a proven cheat loses") {
    Fixture f;
    f.run.round();
    f.run.round();
    f.run.round({{0, Conduct::kSilent}, {2, Conduct::kCheat}});
    f.run.answer(RoundId{2}, 0, false);
    for (const size_t peer : {0U, 2U}) {
        REQUIRE(f.run.book(peer).escrow.deposit() == 0);
        REQUIRE(f.run.book(peer).escrow.unvested_total() == 0);
        REQUIRE(f.run.book(peer).ejected);
    }
    REQUIRE(f.run.book(0).refusals == 1);
    // Nobody is said never to have answered what he does not owe.
    REQUIRE(says(f.refused(f.run.challenge_verdict(RoundId{2}, 1, Ruling::kRejected)),
                 "nothing is owed"));
    f.run.round();
    REQUIRE(check_books(f.run.books).ok());
}

TEST_CASE("Faults take what is unvested, count until they are cleared, and the third ends it") {
    Fixture f;
    f.run.round();
    f.run.round();
    const int64_t deposit = f.run.book(1).escrow.deposit();
    f.run.round({{1, Conduct::kStale}});
    REQUIRE(f.run.book(1).escrow.deposit() == deposit);
    REQUIRE(f.run.book(1).escrow.unvested_total() == 0);
    REQUIRE(f.run.book(1).faults_standing == 1);
    for (uint32_t round = 0; round < kFaultDecayRounds; ++round) {
        REQUIRE(f.run.books.audit_rate(f.run.id(1), RoundId{3 + round}, 1, 2) == kPpm);
        f.run.round();
    }
    REQUIRE(f.run.book(1).faults_standing == 0);
    REQUIRE(f.run.books.audit_rate(f.run.id(1), RoundId{13}, 1, 2) < kPpm);
    for (int fault = 0; fault < 2; ++fault) {
        f.run.round({{1, Conduct::kStale}});
        REQUIRE_FALSE(f.run.book(1).ejected);
    }
    f.run.round({{1, Conduct::kStale}});
    REQUIRE(f.run.book(1).ejected);
    REQUIRE(f.run.book(1).escrow.deposit() == 0);
    REQUIRE(f.run.book(1).faults == 4);
    REQUIRE(check_books(f.run.books).ok());
}

TEST_CASE("The next start is the end of the last counted round, or zero") {
    Fixture f;
    f.run.round();
    const PeerId peer = f.run.id(0);
    const StartState after = f.run.books.start_of(peer, RoundId{1});
    REQUIRE(after.tenure_rounds == 1);
    REQUIRE(after.optimiser_steps == kTestSteps);
    REQUIRE(after.m_root == test_digest("m", 0, 0));
    REQUIRE(after.e_root == test_digest("e", 0, 0));
    f.run.round({{0, Conduct::kGated}});
    f.run.round({{0, Conduct::kLate}});
    f.run.round({}, true);
    REQUIRE(f.run.books.start_of(peer, RoundId{4}).m_root == after.m_root);  // none counted
    // Last COMMIT in round 3; three missed rounds are allowed, a fourth resets.
    REQUIRE(f.run.books.start_of(peer, RoundId{7}).optimiser_steps == kTestSteps);
    const StartState absent = f.run.books.start_of(peer, RoundId{8});
    REQUIRE(absent.optimiser_steps == 0);
    REQUIRE(absent.e_root == f.run.books.zero_root());
    REQUIRE(absent.tenure_rounds == 1);
    REQUIRE(f.run.books.start_of(test_peer(77), RoundId{1}).m_root == f.run.books.zero_root());
}

TEST_CASE("Records out of order or of nobody are refused, and change nothing") {
    Fixture f;
    Books empty;
    REQUIRE(says(apply(empty, f.vesting(0, 0, 1)).reason(), "begins with run_start"));
    const RunStartBody start{encode_manifest(f.run.manifest), short_pay()};
    REQUIRE(says(f.refused(make_draft(RecordKind::kRunStart, RoundId{}, PeerId{}, start)),
                 "starts once"));
    REQUIRE(says(f.refused(f.verdict(0, 0, Ruling::kAccepted, Layer::kDirection)),
                 "open to a verdict"));
    PayShareBody share;
    REQUIRE_FALSE(
        f.refused(make_draft(RecordKind::kPayShare, RoundId{0}, f.run.id(0), share)).empty());
    f.run.round();
    REQUIRE_FALSE(f.refused(f.run.books.settlement()).empty());  // twice
    REQUIRE(says(f.refused(f.verdict(0, 0, Ruling::kGated, Layer::kDirection)), "summary"));
    const RollbackBody rollback{RoundId{0}, "x"};
    REQUIRE(says(f.refused(make_draft(RecordKind::kRollback, RoundId{0}, f.run.id(0), rollback)),
                 "no late rejection"));
    for (int kind = 1; kind <= kRecordKindMax; ++kind) {
        for (const size_t size : {0U, 1U, 37U, 500U}) {
            RecordDraft garbage{static_cast<RecordKind>(kind), RoundId{0}, f.run.id(0), {}};
            garbage.body.assign(size, 0xff);
            Books copy = f.run.books;
            (void)apply(copy, garbage);
            REQUIRE(check_books(copy).ok());
            REQUIRE(copy.handed_out() == f.run.books.handed_out());
        }
    }
}

TEST_CASE("Fees are another book") {
    Fixture f;
    f.run.round();
    const int64_t bonus = f.run.books.handed_out();
    for (const uint8_t account : {uint8_t{7}, uint8_t{8}, uint8_t{7}}) {
        f.run.write({make_draft(
            RecordKind::kFee, RoundId{}, test_peer(account), FeeBody{40, 10, Digest{}})});
    }
    REQUIRE(f.run.books.fees_total() == 120);
    REQUIRE(f.run.books.fees().at(test_peer(7)) == 80);
    REQUIRE(f.run.books.handed_out() == bonus);
    REQUIRE_FALSE(
        f.refused(make_draft(RecordKind::kFee, RoundId{}, test_peer(7), FeeBody{-5, 10, Digest{}}))
            .empty());
}

TEST_CASE("The books add up after any course of a run, and a fold of the ledger gives the same",
          "[repeats]") {
    CounterRng rng(test_digest("course"));
    for (int trial = 0; trial < 12; ++trial) {
        PaySettings pay = short_pay();
        pay.vest_rounds = static_cast<int64_t>(1 + rng.below(4));
        pay.verdict_window = static_cast<int64_t>(rng.below(4));
        Fixture f(5, pay);
        f.run.planned_rounds = 10;
        std::vector<std::pair<RoundId, size_t>> waiting;
        for (uint64_t round = 0; round < 10; ++round) {
            std::map<size_t, Conduct> conducts;
            for (size_t peer = 0; peer < 5; ++peer) {
                f.run.phi[peer] = static_cast<int64_t>(rng.below(3000000)) - 500000;
                const bool honest = rng.below(3) > 0;
                conducts[peer] = honest ? Conduct::kAudited : static_cast<Conduct>(rng.below(8));
                // A peer that was thrown out is not in the plan.
                if (conducts[peer] == Conduct::kAudited && !f.run.book(peer).ejected) {
                    waiting.emplace_back(RoundId{round}, peer);
                }
            }
            const bool voided = rng.below(8) == 0;
            f.run.round(conducts, voided);
            while (waiting.size() > 6 || (round == 9 && !waiting.empty())) {
                const auto [of, peer] = waiting.front();
                waiting.erase(waiting.begin());
                const BookedCommit* work = f.run.books.find(of, f.run.id(peer));
                if (work != nullptr && f.run.jobs.count({of, f.run.id(peer)}) > 0) {
                    f.run.audit(of, peer, rng.below(10) > 0);
                }
            }
            if (rng.below(2) == 0 || round == 9) {
                answer_all(f.run, rng);
            }
            const Status sound = check_books(f.run.books);
            INFO((sound.ok() ? "" : sound.reason()));
            REQUIRE(sound.ok());
        }
        f.run.end();
        LedgerChecks checks = f.run.checks();
        const VerifyReport report = verify_ledger(f.ledger, checks);
        INFO(report.text());
        REQUIRE(report.ok());
        const Books& folded = report.books;
        REQUIRE(folded.handed_out() == f.run.books.handed_out());
        for (const auto& [peer, book] : folded.peers()) {
            REQUIRE(book.escrow.vested() == f.run.books.find(peer)->escrow.vested());
            REQUIRE(book.escrow.forfeited() == f.run.books.find(peer)->escrow.forfeited());
            if (book.cheats == 0) {
                REQUIRE((book.escrow.earned() == 0 || book.escrow.forfeited() == 0 ||
                         book.refusals + book.faults > 0));
            }
        }
    }
}

}  // namespace assay
