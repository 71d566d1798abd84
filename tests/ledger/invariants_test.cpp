// What a programmer promises of the ledger: each kind of promise is broken once, and is seen to
// stop the process. No order of records does: that is tried too.

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "ledger/round_check.h"
#include "tests/ledger/story.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

using Catch::Contains;

const Identity kSigner = Identity::from_seed(test_digest("coordinator"));

// A record of the story as a fold takes it.
struct Said {
    EventHead head;
    LedgerEvent event;
};

std::vector<Said> story_events() {
    const Story story;
    std::vector<Said> events;
    for (const Record& record : all_records(story.ledger)) {
        events.push_back({head_of(record), decode_record(record).value()});
    }
    return events;
}

// What becomes of the first event of that kind if it is spoilt after it was read.
template <typename Event>
std::string fired_by(void (*spoil)(EventHead& head, Event& event)) {
    Books books;
    for (Said& said : story_events()) {
        if (Event* event = std::get_if<Event>(&said.event)) {
            spoil(said.head, *event);
            return fired_check([&] { (void)books.apply(said.head, said.event); });
        }
        (void)books.apply(said.head, said.event);
    }
    return "no such record";
}

// Gives as many records as it likes.
class CrookedInterface final : public Ledger {
public:
    CrookedInterface(const Ledger& ledger, uint64_t height, uint64_t page)
        : ledger_(ledger), height_(height), page_(page) {}
    Status append(std::vector<RecordDraft>) override { return {}; }
    [[nodiscard]] Result<std::vector<Record>> read(uint64_t from, uint64_t) const override {
        return ledger_.read(from, page_);
    }
    [[nodiscard]] uint64_t height() const override { return height_; }
    [[nodiscard]] Digest head() const override { return ledger_.head(); }

private:
    const Ledger& ledger_;
    uint64_t height_;
    uint64_t page_;
};

std::string fired_by_sealing(uint64_t height, const Digest& previous, const RecordDraft& draft) {
    return fired_check([&] { (void)seal_record(kSigner, height, previous, draft); });
}

std::vector<PayShareLine> lines_of(std::initializer_list<uint8_t> peers) {
    std::vector<PayShareLine> lines;
    for (const uint8_t peer : peers) {
        lines.push_back({test_peer(peer), 5, 10});
    }
    return lines;
}

std::string fired_by_paying(const std::vector<PayShareLine>& lines, PaySettings settings = {}) {
    return fired_check([&] { (void)settle_round(settings, lines); });
}

}  // namespace

TEST_CASE("the books take what was read, of the head that it was read with") {
    CHECK(fired_by<Verdict>([](EventHead&, Verdict&) {}).empty());
    CHECK_THAT(fired_by<Verdict>([](EventHead&, Verdict& verdict) { verdict.peer = {}; }),
               Contains("verdict.peer"));
    CHECK_THAT(fired_by<CommitEvent>([](EventHead&, CommitEvent& event) {
                   event.commit.round = event.commit.round.next();
               }),
               Contains("commit.round"));
    CHECK_THAT(fired_by<FeeBody>([](EventHead&, FeeBody& fee) { fee.amount = -5; }),
               Contains("fee.amount"));
    CHECK_THAT(fired_by<RunStartEvent>(
                   [](EventHead&, RunStartEvent& start) { start.body.pay.pool_per_round = -1; }),
               Contains("pool_per_round"));
    CHECK_THAT(fired_by<RunStartEvent>(
                   [](EventHead&, RunStartEvent& start) { start.body.pay.vest_rounds = 0; }),
               Contains("vest_rounds"));
    CHECK_THAT(fired_check([] { (void)Books().settlement(); }), Contains("plan_"));
}

TEST_CASE("a pool is divided among peers in order of id, within the bounds of the integers") {
    CHECK(fired_by_paying(lines_of({1, 2, 3})).empty());
    CHECK_THAT(fired_by_paying(lines_of({2, 1})), Contains("adjacent_find"));
    CHECK_THAT(fired_by_paying(lines_of({1, 1})), Contains("adjacent_find"));
    std::vector<PayShareLine> lines = lines_of({1});
    lines[0].tokens = 0;
    CHECK_THAT(fired_by_paying(lines), Contains("share.tokens"));
    lines[0] = {test_peer(1), kPhiMax + 1, 10};
    CHECK_THAT(fired_by_paying(lines), Contains("kPhiMax"));
    PaySettings settings;
    settings.pool_per_round = kPoolMax + 1;
    CHECK_THAT(fired_by_paying(lines_of({1}), settings), Contains("kPoolMax"));
    settings = {};
    settings.quality_cap_ppm = kPpm - 1;
    CHECK_THAT(fired_by_paying(lines_of({1}), settings), Contains("quality_cap_ppm"));
    CHECK_THAT(fired_by_paying(std::vector<PayShareLine>(limits::kPeersMax + 1)),
               Contains("kPeersMax"));
    CHECK_THAT(fired_check([] { (void)expected_reward({}, 11, 10); }), Contains("total_tokens"));
    CHECK_THAT(fired_check([] { (void)declared_cost({}, -1); }), Contains("reward >= 0"));
    CHECK_THAT(fired_check([] { (void)audit_ppm(0, 0, -1, 0, 0); }), Contains("cost >= 0"));
}

TEST_CASE("an account is credited in order of rounds, and asked about windows that exist") {
    const RoundId last{UINT64_MAX};  // behind it, every round comes again
    Escrow account;
    REQUIRE(account.earn(RoundId{0}, 10).ok());
    REQUIRE(account.earn(last, 10).ok());
    CHECK_THAT(fired_check([&] { (void)account.earn(RoundId{5}, 10); }), Contains("rbegin"));
    CHECK_THAT(fired_check([&] { (void)account.at_stake(RoundId{1}, 40, -1); }),
               Contains("verdict_window"));
    CHECK(fired_check([&] { (void)account.at_stake(RoundId{1}, 40, 0); }).empty());
}

TEST_CASE("a record is sealed in its place, with a body and a subject of its kind") {
    const Digest below = test_digest("below");
    const RecordDraft fee{RecordKind::kFee, RoundId{}, test_peer(1), {1}};
    CHECK(fired_by_sealing(1, below, fee).empty());
    CHECK_THAT(fired_by_sealing(0, below, fee), Contains("is_zero"));
    CHECK_THAT(fired_by_sealing(1, Digest{}, fee), Contains("is_zero"));
    CHECK_THAT(fired_by_sealing(1, below, {RecordKind{}, RoundId{}, test_peer(1), {1}}),
               Contains("is_record_kind"));
    CHECK_THAT(fired_by_sealing(1, below, {RecordKind::kPlan, RoundId{}, test_peer(1), {1}}),
               Contains("has_subject"));
    CHECK_THAT(
        fired_by_sealing(1, below, {RecordKind::kRunEnd, {}, {}, Bytes(kRecordBodyBytesMax + 1)}),
        Contains("kRecordBodyBytesMax"));
}

TEST_CASE("no list of a body is longer than a run has peers") {
    const auto fired = [](auto& body, auto& list) {
        list.resize(limits::kPeersMax + 1);
        return fired_check([&] { (void)body.encode(); });
    };
    RosterBody roster;
    CHECK_THAT(fired(roster, roster.lines), Contains("kPeersMax"));
    CloseBody close;
    CHECK_THAT(fired(close, close.entries), Contains("kPeersMax"));
    SettlementBody settlement;
    CHECK_THAT(fired(settlement, settlement.lines), Contains("kPeersMax"));
    roster.lines.resize(limits::kPeersMax);
    CHECK(fired_check([&] { (void)roster.encode(); }).empty());
}

TEST_CASE("a ledger gives the records that it has, neither fewer nor more") {
    const Story story;
    const uint64_t height = story.ledger.height();
    const auto fired = [&](uint64_t claimed, uint64_t page) {
        const CrookedInterface ledger(story.ledger, claimed, page);
        return fired_check(
            [&] { (void)for_each_record(ledger, [](const Record&) { return Status(); }); });
    };
    CHECK(fired(height, kLedgerPage).empty());
    CHECK_THAT(fired(height, 1), Contains("page->size()"));
    CHECK_THAT(fired(height, 0), Contains("page->size()"));
    CHECK_THAT(fired(1, kLedgerPage), Contains("page->size()"));
    const CrookedInterface more(story.ledger, 1, kLedgerPage);
    CHECK_THAT(fired_check([&] { (void)verify_ledger(more); }), Contains("report.records"));
}

TEST_CASE("the check of rounds is told of every record") {
    const LedgerChecks checks;
    const auto fold_without = [&](RoundId unsaid) {
        const Story story;
        return fired_check([&] {
            const RuleBook rules;
            RoundCheck rounds(checks, rules);
            Books books;
            for (const Record& record : all_records(story.ledger)) {
                const LedgerEvent event = decode_record(record).value();
                const bool summary = record.kind == RecordKind::kSummary;
                if (!(summary && record.round == unsaid)) {
                    (void)rounds.check(record, event, books);
                }
                (void)books.apply(head_of(record), event);
                rounds.forget(books);
            }
        });
    };
    CHECK(fold_without(RoundId{99}).empty());
    CHECK_THAT(fold_without(RoundId{3}), Contains("rounds_closed_"));  // voided: all roots stay
}

TEST_CASE("what was gated after its share does not count") {
    MemoryLedger ledger(kSigner);
    TestRun run(ledger, 2, short_pay());
    Books crooked;
    uint64_t then = 0;
    run.before_summary = [&] {
        Verdict verdict;
        verdict.peer = run.id(0);
        verdict.ruling = Ruling::kGated;
        verdict.layer = Layer::kDirection;
        verdict.reason = "because";
        crooked = run.books;
        then = ledger.height();
        REQUIRE(
            apply(crooked, {RecordKind::kVerdict, RoundId{}, run.id(0), encode_verdict(verdict)})
                .ok());
    };
    run.round();
    REQUIRE(ledger.height() == then + 1);  // the summary alone
    const Record summary = all_records(ledger).back();
    const Status taken = apply(crooked, {summary.kind, summary.round, {}, summary.body});
    REQUIRE_FALSE(taken.ok());
    CHECK_THAT(taken.reason(), Contains("gated by a verdict"));
}

TEST_CASE("no order of records, refused or not, breaks what holds between them", "[repeats]") {
    const std::vector<Said> events = story_events();
    std::vector<PeerId> peers;
    for (const Said& said : events) {
        if (std::holds_alternative<JoinBody>(said.event)) {
            peers.push_back(said.head.subject);
        }
    }
    CounterRng rng(test_digest("order"));
    const auto random_verdict = [&] {
        Verdict verdict;
        verdict.round = RoundId{rng.below(7)};
        verdict.peer = peers[rng.below(peers.size())];
        verdict.ruling = static_cast<Ruling>(1 + rng.below(3));
        verdict.layer = static_cast<Layer>(rng.below(10));
        verdict.suspicious = rng.below(3) == 0;
        return Said{{verdict.round, verdict.peer}, verdict};
    };
    uint64_t taken = 0;
    uint64_t refused = 0;
    for (int trial = 0; trial < 400; ++trial) {
        Books books;
        const uint64_t often = 2 + rng.below(60);  // one step in so many is out of order
        for (size_t i = 0; i < events.size(); ++i) {
            std::vector<Said> next;
            if (rng.below(often) > 0) {
                next.push_back(events[i]);
            } else if (rng.below(2) == 0) {
                next.push_back(events[rng.below(events.size())]);
                next.push_back(events[i]);
            } else if (rng.below(4) > 0) {
                next.push_back(random_verdict());
            }
            std::vector<RecordDraft> due = books.owed_forfeits();
            if (rng.below(4) == 0) {
                const std::vector<RecordDraft> vestings = books.due_vestings();
                due.insert(due.end(), vestings.begin(), vestings.end());
            }
            if (books.plan() != nullptr && rng.below(4) == 0) {
                due.push_back(books.settlement());
            }
            for (const RecordDraft& draft : due) {
                next.push_back({head_of(draft), decode_record(draft).value()});
            }
            for (const Said& said : next) {
                const bool good = books.apply(said.head, said.event).ok();
                ++(good ? taken : refused);
            }
        }
        const Status sound = check_books(books);
        INFO((sound.ok() ? "" : sound.reason()));
        REQUIRE(sound.ok());
    }
    CHECK(taken > 10000);
    CHECK(refused > 10000);
}

TEST_CASE("no order of records breaks what the check of rounds keeps", "[repeats]") {
    const Story story;
    const std::vector<Record> records = all_records(story.ledger);
    const std::vector<Said> events = story_events();
    const LedgerChecks checks;
    CounterRng rng(test_digest("order of rounds"));
    size_t whole = 0;
    for (int trial = 0; trial < 600; ++trial) {
        std::vector<size_t> order(records.size());
        std::iota(order.begin(), order.end(), size_t{0});
        const size_t at = rng.below(order.size());
        const size_t near = std::min(order.size() - 1, at + rng.below(12));
        switch (rng.below(3)) {
            case 0:
                std::swap(order[at], order[near]);
                break;
            case 1:
                order.erase(order.begin() + static_cast<std::ptrdiff_t>(at));
                break;
            default:
                order.insert(order.begin() + static_cast<std::ptrdiff_t>(near), at);
                break;
        }
        const RuleBook rules;
        RoundCheck rounds(checks, rules);
        Books books;
        bool good = true;
        for (size_t i = 0; good && i < order.size(); ++i) {
            const Said& said = events[order[i]];
            good = rounds.check(records[order[i]], said.event, books).ok() &&
                   books.apply(said.head, said.event).ok();
            if (good) {
                rounds.forget(books);
            }
        }
        whole += good ? 1 : 0;
    }
    CHECK(whole > 0);  // some neighbours may change places
    CHECK(whole < 400);
}

}  // namespace assay
