// What a coordinator signed to its peers, held against its ledger: honest, forged, of another run,
// and against a ledger that denies it.

#include "ledger/receipt_check.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "protocol/signed_lines.h"
#include "tests/ledger/story.h"

namespace assay {

namespace {

using Catch::Contains;

Digest hash_of(const Record& record) {
    const LedgerEvent event = decode_record(record).value();
    if (const auto* commit = std::get_if<CommitEvent>(&event)) {
        return commit->hash;
    }
    if (const auto* payload = std::get_if<PayloadBody>(&event)) {
        return payload->sha256;
    }
    const auto* opening = std::get_if<OpeningEvent>(&event);
    return opening != nullptr && opening->notice ? opening->notice->opening.sha256 : Digest{};
}

Receipt receipt_of(const Story& story, const Record& record) {
    const ReceiptKind kind = record.kind == RecordKind::kCommit    ? ReceiptKind::kCommit
                             : record.kind == RecordKind::kPayload ? ReceiptKind::kPayload
                                                                   : ReceiptKind::kOpening;
    return {manifest_digest(story.run.manifest),
            record.round,
            record.subject,
            kind,
            hash_of(record),
            record.height,
            record.hash};
}

// The first record of that kind.
Record find(const Story& story, RecordKind kind, RoundId round = RoundId{1}) {
    for (const Record& record : all_records(story.ledger)) {
        if (record.kind == kind && record.round == round) {
            return record;
        }
    }
    FAIL("the story has no such record");
    return {};
}

ReceiptReport judged(const Story& story, const Envelope& envelope) {
    return judge_receipts(story.ledger, signed_line(envelope)).value();
}

ReceiptReport judged(const Story& story, const Message& message) {
    return judged(story, *make_envelope(story.run.coordinator, message));
}

std::string contradiction(const ReceiptReport& report) {
    CHECK_FALSE(report.ok());
    REQUIRE(report.contradicted.size() == 1);
    CHECK(report.worthless.empty());
    CHECK_THAT(report.text(), Contains("CONTRADICTS"));
    return report.contradicted.front();
}

std::string worthless(const ReceiptReport& report) {
    CHECK_FALSE(report.ok());
    REQUIRE(report.worthless.size() == 1);
    CHECK(report.contradicted.empty());
    return report.worthless.front();
}

}  // namespace

TEST_CASE("a ledger says all that its coordinator has signed", "[ledger]") {
    const Story story;
    std::string text = "# for people\n\n";
    size_t count = 0;
    for (const Record& record : all_records(story.ledger)) {
        const bool kind = record.kind == RecordKind::kCommit ||
                          record.kind == RecordKind::kPayload ||
                          (record.kind == RecordKind::kOpening && !hash_of(record).is_zero());
        if (kind) {
            text += signed_line(*make_envelope(story.run.coordinator, receipt_of(story, record)));
            ++count;
        }
    }
    REQUIRE(count > 20);
    const ReceiptReport report = judge_receipts(story.ledger, text).value();
    INFO(report.text());
    CHECK(report.ok());
    CHECK(report.held.size() == count);
}

TEST_CASE("a receipt that the coordinator did not sign proves nothing", "[ledger]") {
    const Story story;
    const Receipt receipt = receipt_of(story, find(story, RecordKind::kPayload));
    const Identity stranger = Identity::from_seed(test_digest("stranger"));
    Envelope forged = *make_envelope(stranger, receipt);
    CHECK_THAT(worthless(judged(story, forged)), Contains("not by this ledger's coordinator"));
    forged.signer = story.run.coordinator.id();
    CHECK_THAT(worthless(judged(story, forged)), Contains("forged"));
    Envelope altered = *make_envelope(story.run.coordinator, receipt);
    altered.body.back() ^= 1;
    CHECK_THAT(worthless(judged(story, altered)), Contains("forged"));
}

TEST_CASE("a receipt of another run proves nothing", "[ledger]") {
    const Story story;
    Receipt receipt = receipt_of(story, find(story, RecordKind::kPayload));
    receipt.manifest_digest = test_digest("another run");
    CHECK_THAT(worthless(judged(story, receipt)), Contains("of another run"));
    CHECK_THAT(worthless(judged(story, Beacon{})), Contains("binds the coordinator to no record"));
}

TEST_CASE("a ledger that leaves out what was acknowledged is named", "[ledger]") {
    Story story;
    SECTION("something else stands there") {
        Receipt receipt = receipt_of(story, find(story, RecordKind::kPayload));
        ++receipt.height;
        CHECK_THAT(contradiction(judged(story, receipt)), Contains("says something else"));
    }
    SECTION("another payload of that peer") {
        Receipt receipt = receipt_of(story, find(story, RecordKind::kPayload));
        receipt.hash = test_digest("what was acknowledged");
        CHECK_THAT(contradiction(judged(story, receipt)), Contains("says something else"));
    }
    SECTION("another history before it") {
        Receipt receipt = receipt_of(story, find(story, RecordKind::kCommit));
        receipt.record_hash = test_digest("the other history");
        CHECK_THAT(contradiction(judged(story, receipt)), Contains("another history"));
    }
    SECTION("the tail is cut off") {
        const Receipt receipt = receipt_of(story, find(story, RecordKind::kPayload));
        story.ledger.stored().resize(receipt.height);
        CHECK_THAT(contradiction(judged(story, receipt)), Contains("the ledger ends before it"));
    }
}

TEST_CASE("a ledger that says an opening never came is refuted by its receipt", "[ledger]") {
    MemoryLedger ledger(Identity::from_seed(test_digest("coordinator")));
    TestRun run(ledger, 2, short_pay());
    run.round({{0, Conduct::kSilent}});
    run.answer(RoundId{0}, 0, false);
    const std::vector<Record> records = all_records(ledger);
    const auto never = std::find_if(records.begin(), records.end(), [](const Record& record) {
        return record.kind == RecordKind::kOpening && hash_of(record).is_zero();
    });
    REQUIRE(never != records.end());
    const Receipt receipt{manifest_digest(run.manifest),
                          RoundId{0},
                          run.id(0),
                          ReceiptKind::kOpening,
                          test_digest("the opening that came"),
                          never->height,
                          never->hash};
    const std::string line = signed_line(*make_envelope(run.coordinator, receipt));
    CHECK_THAT(contradiction(judge_receipts(ledger, line).value()),
               Contains("says something else: opening of round 0, peer " + run.id(0).brief()));
}

TEST_CASE("a signed CLOSE and summary bind the ledger as receipts do", "[ledger]") {
    const Story story;
    const auto body = CloseBody::decode(find(story, RecordKind::kClose).body).value();
    CloseNotice notice;
    notice.close = decode_close(body.close).value();
    CHECK(judged(story, notice).ok());
    notice.close.entries_root = test_digest("for others");
    CHECK_THAT(contradiction(judged(story, notice)), Contains("CLOSE of round 1"));
    RoundSummary summary =
        decode_body<RoundSummary>(find(story, RecordKind::kSummary).body).value();
    CHECK(judged(story, summary).ok());
    summary.theta_root = test_digest("for others");
    CHECK_THAT(contradiction(judged(story, summary)), Contains("summary of round 1"));
    summary.round = RoundId{999};
    CHECK_THAT(contradiction(judged(story, summary)), Contains("has no summary"));
}

TEST_CASE("what is no file of receipts is refused, whatever it holds", "[ledger]") {
    const Story story;
    CHECK_THAT(judge_receipts(story.ledger, "# nothing\n").reason(), Contains("no signed message"));
    CHECK_THAT(judge_receipts(story.ledger, "# one\nxyz\n").reason(), Contains("line 2"));
    CounterRng rng(test_digest("noise"));
    for (int i = 0; i < 300; ++i) {
        std::string text;
        for (uint64_t bytes = rng.below(200); bytes > 0; --bytes) {
            const char digits[] = "0123456789abcdef\n";
            text += digits[rng.below(17)];
        }
        const auto report = judge_receipts(story.ledger, text);
        CHECK((!report.ok() || !report->ok()));
    }
}

}  // namespace assay
